//! What is read to count.
//!
//! The next row is mostly there before it is asked for, so whoever counts never has to wait. With
//! one worker nothing would be stored meanwhile: after each row others have their turn.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, StreamTrait,
};
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

use super::Ranking;
use super::counts::Counts;
use super::cover::{Cover, Span, StalePeriods};
use super::tally::Tally;
use crate::error::Error;
use crate::store::Timestamp;
use crate::store::entity::{activity, rollup, rollup_item, rollup_stale};
use crate::store::events;
use crate::store::rollups::terms;
use crate::store::rollups::{Dimension, Item, Items, Kind, Level, PackedItems};

/// The database as it is at one moment.
pub(super) struct Snapshot(pub DatabaseTransaction);

/// The lasting numbers of the users and sessions that were met in the log.
pub(super) struct People {
    pub user_terms: Vec<Vec<u8>>,
    pub users: Vec<u32>,
    pub sessions: Vec<u32>,
}

impl Snapshot {
    /// Reads which rollups can't be relied on.
    pub(super) async fn stale(&self, range: &Span) -> Result<StalePeriods, Error> {
        use rollup_stale::Column;

        let rows: Vec<(i64, Timestamp)> = rollup_stale::Entity::find()
            .select_only()
            .columns([Column::Level, Column::Start])
            .distinct()
            .filter(Column::Start.gte(Level::Day.start_of(range.start)))
            .filter(Column::Start.lt(range.end))
            .into_tuple()
            .all(&self.0)
            .await?;
        Ok(StalePeriods::new(rows))
    }

    /// Reads the activities of which there is no rollup; what they are ranked by, where there is none
    /// for the rankings either.
    pub(super) async fn gather_log(
        &self,
        cover: &Cover,
        of_rankings: &Cover,
        dimensions: &[Dimension],
        tally: &mut Tally,
    ) -> Result<(), Error> {
        for spans in cover.log() {
            let date = activity::Column::Date;
            let within = spans.iter().map(|span| date.gte(span.start).and(date.lt(span.end)));
            let mut query = events::select(dimensions);
            query.cond_where(any(within));
            let mut rows = self.0.stream(&query).await?;
            while let Some(row) = rows.try_next().await? {
                let event = events::read(&row, dimensions)?;
                let is_ranked = of_rankings.leaves_to_log(event.date);
                tally.add(&event, if is_ranked { dimensions } else { &[] });
                consume_budget().await;
            }
        }
        Ok(())
    }

    /// The numbers of the users and sessions that were met in the log.
    pub(super) async fn people(&self, tally: &mut Tally) -> Result<People, Error> {
        let user_terms = tally.directory.terms(Dimension::User);
        let sessions = std::mem::take(&mut tally.directory.sessions).into_terms();
        let users = self.look_up(Kind::Of(Dimension::User), &user_terms).await?;
        Ok(People { user_terms, users, sessions: self.look_up(Kind::Session, &sessions).await? })
    }

    /// The numbers of terms that were met in the log.
    pub(super) async fn look_up(&self, kind: Kind, terms: &[Vec<u8>]) -> Result<Vec<u32>, Error> {
        Ok(terms::look_up(&self.0, kind, terms).await?)
    }

    /// The terms of these numbers.
    pub(super) async fn terms(
        &self,
        kind: Kind,
        numbers: &[u32],
    ) -> Result<HashMap<u32, Vec<u8>>, Error> {
        Ok(terms::terms(&self.0, kind, numbers).await?)
    }

    /// Reads the rollups.
    pub(super) async fn gather_rollups(
        &self,
        cover: &Cover,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        use rollup::Column;

        for (level, spans) in cover.rollups() {
            let within = |span: &Span| {
                let level = Column::Level.eq(level.length());
                level.and(Column::Start.gte(span.start)).and(Column::Start.lt(span.end))
            };
            let mut rows = rollup::Entity::find()
                .filter(any(spans.iter().map(within)))
                .stream(&self.0)
                .await?;
            while let Some(row) = rows.try_next().await? {
                if let Some(piece) = tally.piece(row.start) {
                    piece.merge_row(&row);
                }
                yield_now().await;
            }
        }
        Ok(())
    }

    /// The most frequent items of rollups and log together.
    pub(super) async fn best(
        &self,
        cover: &Cover,
        ranking: Ranking,
        of_log: Items,
    ) -> Result<Vec<(u32, Item)>, Error> {
        let Ranking { dimension, first, with_people } = ranking;
        let mut counts = Counts::default();
        of_log.iter().for_each(|(number, item)| counts.add(*number, item.activities));
        let count = |row: &rollup_item::Model| {
            PackedItems::new(row).for_each(|item| counts.add(item.number, item.activities));
        };
        self.read_items(cover, dimension, false, count).await?;
        let ranked = counts.most(first);
        if !with_people {
            let item = |activities| Item { activities, ..Item::default() };
            return Ok(ranked.into_iter().map(|(number, many)| (number, item(many))).collect());
        }
        let of_log = |number| of_log.get(&number).cloned().unwrap_or_default();
        let mut wanted: Items =
            ranked.iter().map(|(number, _)| (*number, of_log(*number))).collect();
        let merge = |row: &rollup_item::Model| {
            for packed in PackedItems::new(row) {
                if let Some(item) = wanted.get_mut(&packed.number) {
                    packed.merge_into(item);
                }
            }
        };
        self.read_items(cover, dimension, true, merge).await?;
        let finished = |(number, _)| {
            let mut item = wanted.remove(&number).unwrap_or_default();
            item.finish();
            (number, item)
        };
        Ok(ranked.into_iter().map(finished).collect())
    }

    async fn read_items(
        &self,
        cover: &Cover,
        dimension: Dimension,
        with_people: bool,
        mut read: impl FnMut(&rollup_item::Model),
    ) -> Result<(), Error> {
        use rollup_item::Column;

        for (level, spans) in cover.rollups() {
            let within = |span: &Span| {
                let dimension = Column::Dimension.eq(dimension.code());
                let period = dimension.and(Column::Level.eq(level.length()));
                period.and(Column::Start.gte(span.start)).and(Column::Start.lt(span.end))
            };
            let mut query = rollup_item::Entity::find().select_only().columns([
                Column::Dimension,
                Column::Level,
                Column::Start,
                Column::Counts,
            ]);
            for column in [Column::Users, Column::Sessions] {
                query = match with_people {
                    true => query.column(column),
                    false => query.expr_as(Expr::value(Vec::<u8>::new()), column),
                };
            }
            let mut rows = query.filter(any(spans.iter().map(within))).stream(&self.0).await?;
            while let Some(row) = rows.try_next().await? {
                read(&row);
                yield_now().await;
            }
        }
        Ok(())
    }
}

/// One of these holds; each of them is served by an index.
fn any(conditions: impl Iterator<Item = SimpleExpr>) -> Condition {
    conditions.fold(Condition::any(), Condition::add)
}
