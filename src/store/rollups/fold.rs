//! Rolling up: from the log into five minutes each, from those into hours, from those into days.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use futures_util::TryStreamExt;
use sea_orm::sea_query::{Expr, ExprTrait, Order};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, StreamTrait,
};
use tokio::task::coop::consume_budget;
use uuid::Uuid;

use super::summary::Summary;
use super::sweep::note_rolled;
use super::terms::{self, Kind};
use super::{Dimension, Level, died_before, insert_stale, mark_stale, stale};
use crate::error::Error;
use crate::store::activities::any_of;
use crate::store::entity::{activity, rollup, rollup_item, rollup_stale};
use crate::store::events::{self, Directory, Event};
use crate::store::turn::Work;
use crate::store::{Store, Timestamp};

/// Stale periods that are looked at together.
const STALE_AT_ONCE: u64 = 1_000;
/// Periods of five minutes that are read from the log, and numbered, together.
const PARTS_AT_ONCE: usize = 288;
/// Once so many activities are read, the rest of these periods waits, unless all are of the same one.
const EVENTS_AT_MOST: u64 = 200_000;
/// Once so many are read, their terms are given numbers, and held in memory no longer.
const EVENTS_UNNUMBERED: u64 = 50_000;
/// Periods of five minutes that are written in one transaction.
const PARTS_OF_A_COMMIT: usize = 48;
/// Hours, or days, that are put together in one transaction.
const WHOLES_AT_ONCE: usize = 12;
/// Activities that one statement reads: its time runs while requests have their turn.
const EVENTS_AT_ONCE: u64 = 1_000;

/// What is kept of periods, by their beginnings.
type Summaries = BTreeMap<Timestamp, Summary>;

/// A stale period, and what says that it is.
struct Stale {
    start: Timestamp,
    marks: Vec<Uuid>,
}

/// What was counted of the log, under numbers of its own.
#[derive(Default)]
struct Counted {
    directory: Directory,
    summaries: Summaries,
    events: u64,
}

impl Counted {
    fn add(&mut self, level: Level, event: &Event) {
        let Summary { totals, items } =
            self.summaries.entry(level.start_of(event.date)).or_default();
        self.directory.count(event, &Dimension::ALL, totals, items);
        self.events += 1;
    }
}

impl Store {
    /// Rolls up, every so often, what is stale; forgets, every day, what is counted no more.
    pub(crate) async fn keep_rolled_up(self, every: Duration) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = self.rolling_up.soon.notified() => {}
            }
            if let Err(error) = self.roll_up_in_turn().await {
                error.log();
            }
        }
    }

    /// Lets what has become stale be rolled up without delay.
    pub(crate) fn roll_up_soon(&self) {
        self.rolling_up.soon.notify_one();
    }

    async fn roll_up_in_turn(&self) -> Result<(), Error> {
        let Some(_turn) = self.turn(Work::RollUp).await? else { return Ok(()) };
        self.roll_up(|_| {}).await?;
        self.sweep_daily().await
    }

    /// Rolls up what is stale and not held by a writer; tells how many periods of five minutes are
    /// done.
    pub(crate) async fn roll_up(&self, done: impl Fn(u64)) -> Result<(), Error> {
        let _alone = self.rolling_up.alone.lock().await;
        for level in [Level::FiveMinutes, Level::Hour, Level::Day] {
            let mut from = Timestamp(i64::MIN);
            while let Some((free, next)) = self.stale_from(level, from).await? {
                from = next;
                match level.part() {
                    None => {
                        for some in free.chunks(PARTS_AT_ONCE) {
                            self.roll_up_log(level, some).await?;
                            done(some.len() as u64);
                        }
                    }
                    Some(part) => {
                        for some in free.chunks(WHOLES_AT_ONCE) {
                            self.roll_up_parts(level, part, some).await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes everything stale that there is, so that it is rolled up anew; tells how many periods
    /// of five minutes that are.
    pub(crate) async fn doubt_rollups(&self) -> Result<u64, Error> {
        let kept: Vec<Timestamp> = rollup::Entity::find()
            .select_only()
            .column(rollup::Column::Start)
            .filter(rollup::Column::Level.eq(Level::FiveMinutes.length()))
            .into_tuple()
            .all(&self.read)
            .await?;
        let mut starts: HashSet<Timestamp> = kept.into_iter().collect();
        let mut from = Timestamp(i64::MIN);
        // From one to the next by the index, which is faster than to read all of it.
        while let Some(date) = self.first_date_from(from).await? {
            let start = Level::FiveMinutes.start_of(date);
            starts.insert(start);
            from = start.plus_micros(Level::FiveMinutes.length());
        }
        let periods = starts.len() as u64;
        mark_stale(&self.write, starts).await?;
        Ok(periods)
    }

    /// How many periods can't be relied on.
    pub(crate) async fn stale_periods(&self) -> Result<u64, Error> {
        let stale = rollup_stale::Entity::find()
            .select_only()
            .column(rollup_stale::Column::Level)
            .column(rollup_stale::Column::Start)
            .distinct();
        Ok(stale.count(&self.read).await?)
    }

    async fn first_date_from(&self, from: Timestamp) -> Result<Option<Timestamp>, Error> {
        let date = activity::Entity::find()
            .select_only()
            .column(activity::Column::Date)
            .filter(activity::Column::Date.gte(from))
            .order_by_asc(activity::Column::Date)
            .into_tuple()
            .one(&self.read)
            .await?;
        Ok(date)
    }

    /// The next stale periods that no writer holds, and where to go on. None: there are no more.
    async fn stale_from(
        &self,
        level: Level,
        from: Timestamp,
    ) -> Result<Option<(Vec<Stale>, Timestamp)>, Error> {
        let rows = rollup_stale::Entity::find()
            .filter(rollup_stale::Column::Level.eq(level.length()))
            .filter(rollup_stale::Column::Start.gte(from))
            .order_by_asc(rollup_stale::Column::Start)
            .limit(STALE_AT_ONCE)
            .all(&self.read)
            .await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let (last, is_cut) = (last.start, rows.len() as u64 == STALE_AT_ONCE);
        let dead = died_before();
        let is_held = |row: &rollup_stale::Model| {
            row.writer.is_some_and(|writer| writer == self.id || row.held_at > dead)
        };
        let mut periods: BTreeMap<Timestamp, Option<Stale>> = BTreeMap::new();
        for row in rows {
            let start = row.start;
            let new = || Some(Stale { start, marks: Vec::new() });
            let period = periods.entry(start).or_insert_with(new);
            match period {
                Some(stale) if !is_held(&row) => stale.marks.push(row.id),
                _ => *period = None,
            }
        }
        // The last one may have more rows than were read.
        let next = if is_cut && periods.len() > 1 {
            periods.remove(&last);
            last
        } else {
            last.plus_micros(level.length())
        };
        Ok(Some((periods.into_values().flatten().collect(), next)))
    }

    /// Rolls up periods from the log.
    async fn roll_up_log(&self, level: Level, mut some: &[Stale]) -> Result<(), Error> {
        while !some.is_empty() {
            let swept = self.rollup_state().await?.swept;
            let (mut summaries, reached) = self.count_log(level, some).await?;
            let (done, rest) = some.split_at(some.partition_point(|stale| stale.start < reached));
            for done in done.chunks(PARTS_OF_A_COMMIT) {
                let done: Vec<_> = done.iter().collect();
                self.replace(level, &done, &mut summaries, swept).await?;
            }
            some = rest;
        }
        Ok(())
    }

    /// Rolls up periods from their parts, but those of which a part has to come first.
    async fn roll_up_parts(&self, level: Level, part: Level, some: &[Stale]) -> Result<(), Error> {
        let (Some(first), Some(last)) = (some.first(), some.last()) else { return Ok(()) };
        let end = last.start.plus_micros(level.length());
        let waiting: Vec<Timestamp> = rollup_stale::Entity::find()
            .select_only()
            .column(rollup_stale::Column::Start)
            .distinct()
            .filter(rollup_stale::Column::Level.lt(level.length()))
            .filter(rollup_stale::Column::Start.gte(first.start))
            .filter(rollup_stale::Column::Start.lt(end))
            .into_tuple()
            .all(&self.read)
            .await?;
        let waiting: HashSet<_> = waiting.into_iter().map(|start| level.start_of(start)).collect();
        let ready: Vec<_> = some.iter().filter(|stale| !waiting.contains(&stale.start)).collect();
        if ready.is_empty() {
            return Ok(());
        }
        let swept = self.rollup_state().await?.swept;
        let mut summaries = self.unite(level, part, &ready).await?;
        self.replace(level, &ready, &mut summaries, swept).await
    }

    /// What the parts of each period come to.
    async fn unite(
        &self,
        level: Level,
        part: Level,
        periods: &[&Stale],
    ) -> Result<Summaries, Error> {
        let mut summaries = Summaries::new();
        let starts = periods.iter().flat_map(|stale| level.parts(part, stale.start));
        let starts: Vec<Timestamp> = starts.collect();
        let parts = rollup::Entity::find()
            .filter(rollup::Column::Level.eq(part.length()))
            .filter(any_of(rollup::Column::Start, starts.iter().copied()))
            .all(&self.read)
            .await?;
        for part in &parts {
            summaries.entry(level.start_of(part.start)).or_default().totals.merge_row(part);
        }
        for dimension in Dimension::ALL {
            let parts = rollup_item::Entity::find()
                .filter(rollup_item::Column::Dimension.eq(dimension.code()))
                .filter(rollup_item::Column::Level.eq(part.length()))
                .filter(any_of(rollup_item::Column::Start, starts.iter().copied()))
                .all(&self.read)
                .await?;
            for part in &parts {
                let summary = summaries.entry(level.start_of(part.start)).or_default();
                summary.merge_items(dimension, part);
            }
        }
        Ok(summaries)
    }

    /// Writes the rollups of periods, unless somebody else has been faster or their terms may be gone.
    async fn replace(
        &self,
        level: Level,
        periods: &[&Stale],
        summaries: &mut Summaries,
        swept: i64,
    ) -> Result<(), Error> {
        let starts: Vec<_> = periods.iter().map(|stale| stale.start).collect();
        let rows = pack(level, &starts, summaries);
        let transaction = self.begin().await?;
        if !note_rolled(&transaction, swept).await? || !take(&transaction, periods).await? {
            return Ok(transaction.rollback().await?);
        }
        write(&transaction, level, &starts, rows).await?;
        if let Some(whole) = level.whole() {
            let mut wholes: Vec<_> = starts.iter().map(|start| whole.start_of(*start)).collect();
            wholes.dedup();
            let wholes = wholes.into_iter().map(|start| stale(whole, start, None));
            insert_stale(&transaction, wholes.collect()).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Counts what the log has of periods; to the end, or as far as it gets.
    ///
    /// In several statements: what comes in between makes its period stale again.
    async fn count_log(
        &self,
        level: Level,
        periods: &[Stale],
    ) -> Result<(Summaries, Timestamp), Error> {
        let (mut summaries, mut counted) = (Summaries::new(), Counted::default());
        let (mut numbered, mut reached) = (0, Timestamp(i64::MIN));
        for (from, end) in stretches(level, periods) {
            // Before the first one that there may be.
            let mut next = Some((from.plus_micros(-1), Uuid::max()));
            while let Some(after) = next {
                next = self.count_some(level, after, end, &mut counted).await?;
                reached = next.map_or(end, |(date, _)| level.start_of(date));
                if counted.events < EVENTS_UNNUMBERED {
                    continue;
                }
                numbered += counted.events;
                self.add_to(&mut summaries, std::mem::take(&mut counted)).await?;
                if numbered >= EVENTS_AT_MOST && summaries.len() > 1 {
                    // There may be more of this one.
                    summaries.remove(&reached);
                    return Ok((summaries, reached));
                }
            }
        }
        self.add_to(&mut summaries, counted).await?;
        Ok((summaries, reached))
    }

    /// Counts the next activities, while more are read; tells where to go on, if these are not all.
    async fn count_some(
        &self,
        level: Level,
        after: (Timestamp, Uuid),
        end: Timestamp,
        counted: &mut Counted,
    ) -> Result<Option<(Timestamp, Uuid)>, Error> {
        use activity::Column;

        let key = Expr::tuple([
            Expr::col((activity::Entity, Column::Date)),
            Expr::col((activity::Entity, Column::Id)),
        ]);
        let mut query = events::select(&Dimension::ALL);
        query
            .and_where(Column::Date.lt(end))
            .and_where(key.gt(Expr::tuple([Expr::value(after.0), Expr::value(after.1)])))
            .order_by((activity::Entity, Column::Date), Order::Asc)
            .order_by((activity::Entity, Column::Id), Order::Asc)
            .limit(EVENTS_AT_ONCE);
        let mut rows = self.read.stream(&query).await?;
        let (mut some, mut last) = (0, after);
        while let Some(row) = rows.try_next().await? {
            let event = events::read(&row, &Dimension::ALL)?;
            some += 1;
            last = (event.date, event.id);
            counted.add(level, &event);
            // The next row is mostly there already: requests have their turn in between.
            consume_budget().await;
        }
        Ok((some == EVENTS_AT_ONCE).then_some(last))
    }

    /// Adds what was counted, with the numbers that all terms keep.
    async fn add_to(&self, summaries: &mut Summaries, counted: Counted) -> Result<(), Error> {
        let Counted { directory, summaries: added, .. } = counted;
        let users = self.number(Kind::Of(Dimension::User), &directory.users.into_terms()).await?;
        let sessions = self.number(Kind::Session, &directory.sessions.into_terms()).await?;
        let mut numbers = HashMap::new();
        for (dimension, met) in directory.terms {
            numbers.insert(dimension, self.number(Kind::Of(dimension), &met.into_terms()).await?);
        }
        for (start, mut summary) in added {
            summary.renumber(&users, &sessions, &numbers);
            match summaries.entry(start) {
                Entry::Vacant(place) => {
                    place.insert(summary);
                }
                Entry::Occupied(mut known) => known.get_mut().merge(summary),
            }
        }
        Ok(())
    }

    /// The numbers of these terms. New ones are given in short transactions: on SQLite whatever comes
    /// in waits for each of them.
    async fn number(&self, kind: Kind, terms: &[Vec<u8>]) -> Result<Vec<u32>, Error> {
        let mut numbers = Vec::with_capacity(terms.len());
        for some in terms.chunks(terms::AT_ONCE) {
            let known = terms::find(&self.read, kind, some).await?;
            let known: Option<Vec<u32>> = known.into_iter().collect();
            if let Some(known) = known {
                numbers.extend(known);
                continue;
            }
            let transaction = self.begin().await?;
            numbers.extend(terms::give(&transaction, kind, some).await?);
            transaction.commit().await?;
        }
        Ok(numbers)
    }
}

/// From where to where there are periods that follow each other.
fn stretches(level: Level, periods: &[Stale]) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let end_of = move |stale: &Stale| stale.start.plus_micros(level.length());
    let stretches = periods.chunk_by(move |one, next| end_of(one) == next.start);
    stretches.filter_map(move |some| Some((some.first()?.start, end_of(some.last()?))))
}

/// Takes the marks of periods away. False: somebody else has done so.
async fn take<C: ConnectionTrait>(connection: &C, periods: &[&Stale]) -> Result<bool, Error> {
    let marks: Vec<Uuid> = periods.iter().flat_map(|stale| stale.marks.iter().copied()).collect();
    let expected = marks.len() as u64;
    let taken = rollup_stale::Entity::delete_many()
        .filter(rollup_stale::Column::Id.is_in(marks))
        .exec(connection)
        .await?;
    Ok(taken.rows_affected == expected)
}

/// The rollups of periods, as they are stored.
type Rows = (Vec<rollup::ActiveModel>, Vec<rollup_item::ActiveModel>);

fn pack(level: Level, starts: &[Timestamp], summaries: &mut Summaries) -> Rows {
    let (mut rows, mut items) = Rows::default();
    for start in starts {
        let summary = summaries.remove(start).unwrap_or_default();
        if let Some((row, of_row)) = summary.rows(level.length(), *start) {
            rows.push(row.into_active_model());
            items.extend(of_row.into_iter().map(IntoActiveModel::into_active_model));
        }
    }
    (rows, items)
}

/// Writes the rollups of periods in the place of those that are there.
async fn write<C: ConnectionTrait>(
    connection: &C,
    level: Level,
    starts: &[Timestamp],
    (rows, items): Rows,
) -> Result<(), Error> {
    rollup::Entity::delete_many()
        .filter(rollup::Column::Level.eq(level.length()))
        .filter(rollup::Column::Start.is_in(starts.iter().copied()))
        .exec(connection)
        .await?;
    rollup_item::Entity::delete_many()
        .filter(rollup_item::Column::Dimension.is_in(Dimension::ALL.map(Dimension::code)))
        .filter(rollup_item::Column::Level.eq(level.length()))
        .filter(rollup_item::Column::Start.is_in(starts.iter().copied()))
        .exec(connection)
        .await?;
    if !rows.is_empty() {
        rollup::Entity::insert_many(rows).exec_without_returning(connection).await?;
    }
    if !items.is_empty() {
        rollup_item::Entity::insert_many(items).exec_without_returning(connection).await?;
    }
    Ok(())
}
