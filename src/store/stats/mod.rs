//! What activities come to: counted by rollups where the filter is a range of time, else by the
//! database.
//!
//! An answer is of one moment: everything is read in one transaction, or by one statement. It is given
//! up after the read timeout.

mod aggregate;
mod cover;
mod snapshot;
mod tally;

use uuid::Uuid;

use self::cover::Span;
use self::snapshot::Snapshot;
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

impl Store {
    /// What the activities come to that the filter lets through.
    pub(crate) async fn stats(&self, filter: &Filter) -> Result<Stats, Error> {
        let counting = async {
            match filter.range() {
                None => self.aggregate(filter).await,
                Some(range) => Ok(self.count(&range, &[]).await?.pop().unwrap_or_default()),
            }
        };
        self.in_time(counting).await
    }

    /// The same for each range between two of these sorted edges, with people if wanted.
    pub(crate) async fn timeline(
        &self,
        filter: &Filter,
        edges: &[Timestamp],
        with_people: bool,
    ) -> Result<Vec<Stats>, Error> {
        let counting = async {
            match filter.range() {
                None => self.aggregate_by_time(filter, edges, with_people).await,
                Some(range) => self.count(&range, edges).await,
            }
        };
        self.in_time(counting).await
    }

    /// The most frequent of what the activities are counted by, with people if wanted.
    pub(crate) async fn top(
        &self,
        filter: &Filter,
        dimension: Dimension,
        first: usize,
        with_people: bool,
    ) -> Result<Vec<Top>, Error> {
        let counting = async {
            match filter.range() {
                None => self.aggregate_by_value(filter, dimension, first, with_people).await,
                Some(range) => self.rank(&range, dimension, first, with_people).await,
            }
        };
        self.in_time(counting).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let in_turn = async {
            let _turn = self.counting.acquire().await.map_err(Error::internal)?;
            work.await
        };
        tokio::time::timeout(self.read_timeout, in_turn).await.unwrap_or(Err(Error::TooSlow))
    }

    /// Counts between each two of the edges; of none: the whole range.
    async fn count(&self, range: &Span, edges: &[Timestamp]) -> Result<Vec<Stats>, Error> {
        let snapshot = self.snapshot().await?;
        let mut tally = Tally::new(edges, range);
        let cover = snapshot.cover(&tally.cuts, range).await?;
        snapshot.gather_log(&cover, &[], &mut tally).await?;
        let people = snapshot.people(&mut tally).await?;
        let (users, sessions) = (&people.users, &people.sessions);
        tally.buckets.iter_mut().for_each(|bucket| bucket.renumber(users, sessions));
        snapshot.gather_rollups(&cover, &mut tally).await?;
        tally.buckets.iter_mut().for_each(Totals::finish);
        Ok(tally.buckets.iter().map(Stats::from).collect())
    }

    async fn rank(
        &self,
        range: &Span,
        dimension: Dimension,
        first: usize,
        with_people: bool,
    ) -> Result<Vec<Top>, Error> {
        let snapshot = self.snapshot().await?;
        let mut tally = Tally::new(&[], range);
        let cover = snapshot.cover(&tally.cuts, range).await?;
        snapshot.gather_log(&cover, &[dimension], &mut tally).await?;
        let people = snapshot.people(&mut tally).await?;
        let (terms, numbers) = match dimension {
            Dimension::User => (people.user_terms, people.users.clone()),
            dimension => {
                let terms = tally.directory.terms(dimension);
                let numbers = snapshot.look_up(Kind::Of(dimension), &terms).await?;
                (terms, numbers)
            }
        };
        let of_log = tally.take(dimension);
        let of_log = renumber_items(of_log, &numbers, &people.users, &people.sessions);
        let items = snapshot.best(&cover, dimension, of_log, first, with_people).await?;
        let wanted: Vec<u32> = items.iter().map(|(number, _)| *number).collect();
        let mut known = snapshot.terms(Kind::Of(dimension), &wanted).await?;
        known.extend(numbers.into_iter().zip(terms));
        Ok(tops(items, |number| known.get(&number).cloned(), dimension))
    }

    async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot(begin_reading(&self.read).await?))
    }
}

impl From<&Totals> for Stats {
    fn from(totals: &Totals) -> Self {
        let is_anonymous = |session: &&u32| totals.user_sessions.binary_search(session).is_err();
        let anonymous = totals.sessions.iter().filter(is_anonymous).count();
        let users = totals.users.len() as u64;
        Self {
            activities: totals.activities,
            users,
            sessions: totals.sessions.len() as u64,
            visitors: users + anonymous as u64,
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
