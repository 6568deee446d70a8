//! What activities come to.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::calendar::{self, TimeBucket};
use super::{Activities, Filter, readable};
use crate::auth::Reader;
use crate::error::Error;
use crate::store::{Timestamp, courses};

pub(crate) use crate::store::rollups::Dimension;
pub(crate) use crate::store::stats::{Stats, Top, Value};

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

impl Activities {
    /// What the activities come to that the filter lets through and the reader may read.
    pub(crate) async fn stats(&self, reader: &Reader, filter: Filter) -> Result<Stats, Error> {
        self.store.stats(&readable(reader, filter)).await
    }

    /// The same for each bucket of time that the filter's range touches; where the range is open,
    /// from the first or to the last of the activities, whose span is asked for then.
    pub(crate) async fn timeline(
        &self,
        reader: &Reader,
        filter: Filter,
        bucket: TimeBucket,
        zone: &str,
        with_people: bool,
        span: impl AsyncFnOnce() -> Result<Option<(Timestamp, Timestamp)>, Error>,
    ) -> Result<Vec<Bucket>, Error> {
        let zone = calendar::time_zone(zone)?;
        let filter = readable(reader, filter);
        let (mut first, mut last) = filter.bounds();
        if first.is_none() || last.is_none() {
            let Some(span) = span().await? else { return Ok(Vec::new()) };
            first = first.or(Some(span.0));
            last = last.or(Some(span.1));
        }
        let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        if last < first {
            return Ok(Vec::new());
        }
        let edges = calendar::edges(bucket, zone, first.into(), last.into())?;
        let stamps: Vec<_> = edges.iter().copied().map(Timestamp::from).collect();
        let stats = self.store.timeline(&filter, &stamps, with_people).await?;
        let buckets = edges.windows(2).zip(stats);
        Ok(buckets.map(|(edge, stats)| Bucket { start: edge[0], end: edge[1], stats }).collect())
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

    /// The most frequent of what the activities are counted by; with users and sessions if wanted.
    pub(crate) async fn top(
        &self,
        reader: &Reader,
        filter: Filter,
        dimension: Dimension,
        first: usize,
        with_people: bool,
    ) -> Result<Vec<Top>, Error> {
        self.store.top(&readable(reader, filter), dimension, first, with_people).await
    }
}
