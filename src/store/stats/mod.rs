//! What activities come to: counted by rollups where the filter is a range of time, else by the
//! database.
//!
//! An answer is of one moment: everything is read in one transaction, or each by one statement. It is
//! given up after the read timeout.

mod aggregate;
mod counts;
mod cover;
mod snapshot;
mod tally;

use std::collections::HashMap;

use futures_util::future::{try_join_all, try_join3};
use uuid::Uuid;

use self::cover::{Cover, Span};
use self::snapshot::{People, Snapshot};
use self::tally::Tally;
use super::activities::Filter;
use super::rollups::{Dimension, Item, Kind, Totals, renumber_items};
use super::transaction::begin_reading;
use super::{Store, Timestamp};
use crate::error::Error;

/// How many, and by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub activities: u64,
    pub users: u64,
    pub sessions: u64,
    /// Users, and sessions in which nobody was logged in.
    pub visitors: u64,
    /// When the first and the last one happened.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// One of the most frequent paths, users and so on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Top {
    pub value: Value,
    pub activities: u64,
    pub users: u64,
    pub sessions: u64,
}

/// What activities were counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Text(String),
    User(Uuid),
}

/// What is asked of activities.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    /// Whether the totals are wanted.
    pub totals: bool,
    pub timelines: Vec<Timeline>,
    /// One for each dimension.
    pub rankings: Vec<Ranking>,
}

/// The totals of each range between two of these sorted edges, with people if wanted.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub edges: Vec<Timestamp>,
    pub with_people: bool,
}

/// So many of the most frequent values, with people if wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranking {
    pub dimension: Dimension,
    pub first: usize,
    pub with_people: bool,
}

/// The answers; of timelines in the order of the questions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    pub totals: Stats,
    pub timelines: Vec<Vec<Stats>>,
    pub rankings: HashMap<Dimension, Vec<Top>>,
}

impl Store {
    /// What the activities come to that the filter lets through.
    ///
    /// Of a range of time everything is read at one moment, and once.
    pub(crate) async fn survey(
        &self,
        filter: &Filter,
        questions: &Questions,
    ) -> Result<Survey, Error> {
        match filter.range() {
            Some(range) => self.in_time(self.count(&range, questions)).await,
            None => self.aggregate_all(filter, questions).await,
        }
    }

    async fn aggregate_all(&self, filter: &Filter, questions: &Questions) -> Result<Survey, Error> {
        let totals = async {
            match questions.totals {
                true => self.in_time(self.aggregate(filter)).await,
                false => Ok(Stats::default()),
            }
        };
        let timeline = |timeline| self.in_time(self.aggregate_by_time(filter, timeline));
        let ranking = |ranking| self.in_time(self.aggregate_by_value(filter, ranking));
        let timelines = try_join_all(questions.timelines.iter().map(timeline));
        let rankings = try_join_all(questions.rankings.iter().map(ranking));
        let (totals, timelines, rankings) = try_join3(totals, timelines, rankings).await?;
        let dimensions = questions.rankings.iter().map(|ranking| ranking.dimension);
        Ok(Survey { totals, timelines, rankings: dimensions.zip(rankings).collect() })
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let in_turn = async {
            let _turn = self.counting.acquire().await.map_err(Error::internal)?;
            work.await
        };
        tokio::time::timeout(self.read_timeout, in_turn).await.unwrap_or(Err(Error::TooSlow))
    }

    /// Counts a range of time by its rollups, and by the log where there are none.
    async fn count(&self, range: &Span, questions: &Questions) -> Result<Survey, Error> {
        let snapshot = self.snapshot().await?;
        let Questions { totals, timelines, rankings } = questions;
        let edges = timelines.iter().flat_map(|timeline| timeline.edges.iter().copied());
        let dimensions: Vec<_> = rankings.iter().map(|ranking| ranking.dimension).collect();
        let mut tally = Tally::new(range, edges);
        let stale = snapshot.stale(range).await?;
        // Days that begin elsewhere than in UTC are made up of hours, but a ranking has no days.
        let cover = Cover::new(&tally.cuts, &stale);
        let of_rankings = Cover::new(&[range.start, range.end], &stale);
        snapshot.gather_log(&cover, &of_rankings, &dimensions, &mut tally).await?;
        let people = snapshot.people(&mut tally).await?;
        let mut survey = Survey::default();
        if *totals || !timelines.is_empty() {
            tally.renumber(&people);
            snapshot.gather_rollups(&cover, &mut tally).await?;
            survey.totals = tally.totals();
            let timeline = |timeline: &Timeline| tally.timeline(&timeline.edges);
            survey.timelines = timelines.iter().map(timeline).collect();
        }
        for ranking in rankings {
            let top = rank(&snapshot, &of_rankings, &mut tally, &people, *ranking).await?;
            survey.rankings.insert(ranking.dimension, top);
        }
        Ok(survey)
    }

    async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot(begin_reading(&self.read).await?))
    }
}

/// The most frequent values of rollups and log together.
async fn rank(
    snapshot: &Snapshot,
    cover: &Cover,
    tally: &mut Tally,
    people: &People,
    ranking: Ranking,
) -> Result<Vec<Top>, Error> {
    let dimension = ranking.dimension;
    let (terms, numbers) = match dimension {
        Dimension::User => (people.user_terms.clone(), people.users.clone()),
        dimension => {
            let terms = tally.directory.terms(dimension);
            let numbers = snapshot.look_up(Kind::Of(dimension), &terms).await?;
            (terms, numbers)
        }
    };
    let of_log = tally.items.remove(&dimension).unwrap_or_default();
    let of_log = renumber_items(of_log, &numbers, &people.users, &people.sessions);
    let items = snapshot.best(cover, ranking, of_log).await?;
    let wanted: Vec<u32> = items.iter().map(|(number, _)| *number).collect();
    let mut known = snapshot.terms(Kind::Of(dimension), &wanted).await?;
    known.extend(numbers.into_iter().zip(terms));
    Ok(tops(items, |number| known.get(&number).cloned(), dimension))
}

impl From<&Totals> for Stats {
    fn from(totals: &Totals) -> Self {
        let users = totals.users.len();
        let anonymous = totals.sessions.difference_len(&totals.user_sessions);
        Self {
            activities: totals.activities,
            users,
            sessions: totals.sessions.len(),
            visitors: users + anonymous,
            span: totals.span,
        }
    }
}

fn tops(
    items: Vec<(u32, Item)>,
    term: impl Fn(u32) -> Option<Vec<u8>>,
    dimension: Dimension,
) -> Vec<Top> {
    let top = |(number, item): (u32, Item)| {
        let term = term(number)?;
        let value = match dimension {
            Dimension::User => Value::User(Uuid::from_slice(&term).ok()?),
            _ => Value::Text(String::from_utf8(term).ok()?),
        };
        let (users, sessions) = (item.users.len() as u64, item.sessions.len() as u64);
        Some(Top { value, activities: item.activities, users, sessions })
    };
    items.into_iter().filter_map(top).collect()
}
