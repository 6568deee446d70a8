//! What activities come to.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::calendar::{self, TimeBucket};
use super::{Activities, Bound, Filter, Page, readable};
use crate::auth::Reader;
use crate::error::Error;
use crate::store::{Timestamp, courses, stats};

pub(crate) use crate::store::rollups::Dimension;
pub(crate) use crate::store::stats::{Ranking, Stats, Top, Value};

/// How a session went.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// From its first to its last activity.
    pub duration: Duration,
    pub entry_path: String,
    pub exit_path: String,
}

/// A part of a timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub stats: Stats,
}

/// A timeline that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timeline {
    bucket: TimeBucket,
    zone: Tz,
}

impl Timeline {
    /// # Errors
    ///
    /// If there is no time zone of this name.
    pub(crate) fn new(bucket: TimeBucket, zone: &str) -> Result<Self, Error> {
        Ok(Self { bucket, zone: calendar::time_zone(zone)? })
    }

    /// The edges of its buckets.
    fn edges(self, span: Option<(Timestamp, Timestamp)>) -> Result<Vec<DateTime<Utc>>, Error> {
        match span.filter(|(first, last)| first <= last) {
            Some((first, last)) => {
                calendar::edges(self.bucket, self.zone, first.into(), last.into())
            }
            None => Ok(Vec::new()),
        }
    }
}

/// What is asked of activities.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    /// Whether the totals are wanted.
    pub totals: bool,
    /// With people or without.
    pub timelines: HashMap<Timeline, bool>,
    pub rankings: HashMap<Dimension, Ranking>,
}

/// What activities come to, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Survey {
    pub totals: Stats,
    pub timelines: HashMap<Timeline, Result<Vec<Bucket>, Arc<Error>>>,
    pub rankings: HashMap<Dimension, Vec<Top>>,
}

impl Activities {
    /// What the activities come to that the filter lets through and the reader may read.
    ///
    /// A timeline has each bucket of time that the filter's range touches; where the range is open,
    /// from the first or to the last of the activities since 1970 and until now.
    pub(crate) async fn survey(
        &self,
        reader: &Reader,
        filter: Filter,
        questions: &Questions,
    ) -> Result<Survey, Error> {
        let filter = readable(reader, filter);
        let span = match questions.timelines.is_empty() {
            true => None,
            false => self.span(&filter).await?,
        };
        let mut timelines = HashMap::new();
        let mut lines = Vec::new();
        for (timeline, with_people) in &questions.timelines {
            match timeline.edges(span) {
                Ok(edges) => lines.push((*timeline, edges, *with_people)),
                Err(error) => {
                    timelines.insert(*timeline, Err(Arc::new(error)));
                }
            }
        }
        let line = |(_, edges, with_people): &(_, Vec<DateTime<Utc>>, _)| stats::Timeline {
            edges: edges.iter().copied().map(Timestamp::from).collect(),
            with_people: *with_people,
        };
        let questions = stats::Questions {
            totals: questions.totals,
            timelines: lines.iter().map(line).collect(),
            rankings: questions.rankings.values().copied().collect(),
        };
        let answers = self.store.survey(&filter, &questions).await?;
        for ((timeline, edges, _), stats) in lines.into_iter().zip(answers.timelines) {
            timelines.insert(timeline, Ok(buckets(&edges, stats)));
        }
        Ok(Survey { totals: answers.totals, timelines, rankings: answers.rankings })
    }

    /// The first and the last moment of a timeline; None: there are no activities.
    ///
    /// A clock that is wrong, or a joker, dates an activity wherever they like: without bounds of its
    /// own an open range would reach there, and have more buckets than anybody may ask for.
    async fn span(&self, filter: &Filter) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        let (mut first, mut last) = filter.bounds();
        let (epoch, now) = (Timestamp(0), Timestamp::now());
        let mut likely = vec![filter.clone()];
        if first.is_none() && last.is_none_or(|last| last >= epoch) {
            likely.push(Filter::Date(Bound::From, epoch));
        }
        if last.is_none() && first.is_none_or(|first| first <= now) {
            likely.push(Filter::Date(Bound::Until, now));
        }
        let likely = Filter::All(likely);
        let page = Page { limit: 1, ..Page::default() };
        for (end, descending) in [(&mut first, false), (&mut last, true)] {
            if end.is_none() {
                let slice = self.store.activities(&likely, descending, &page).await?;
                *end = slice.rows.first().map(|activity| activity.date);
            }
        }
        Ok(first.zip(last))
    }

    /// How each of these sessions went, as far as the reader may read its activities.
    pub(crate) async fn courses(
        &self,
        reader: &Reader,
        sessions: &[Uuid],
    ) -> Result<HashMap<Uuid, Course>, Error> {
        let courses = self.store.courses(sessions, reader.only_user).await?;
        let course = |course: courses::Course| Course {
            duration: DateTime::from(course.last_date) - DateTime::from(course.first_date),
            entry_path: course.entry_path,
            exit_path: course.exit_path,
        };
        Ok(courses.into_iter().map(|(id, of_session)| (id, course(of_session))).collect())
    }
}

fn buckets(edges: &[DateTime<Utc>], stats: Vec<Stats>) -> Vec<Bucket> {
    let edges = edges.windows(2).zip(stats);
    edges.map(|(edge, stats)| Bucket { start: edge[0], end: edge[1], stats }).collect()
}
