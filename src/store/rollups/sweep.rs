//! Forgetting terms of which nothing is counted any more: a path may say who somebody was.
//!
//! What is unused is looked for without a lock of the database, while other nodes may roll up; this one
//! waits. `djaffar_rollup_state` has a single row, in which whoever writes rollups counts up `rolled`,
//! and whoever forgets terms counts up `swept`. A term is forgotten only if nothing was rolled since the
//! search began, and a rollup is written only if nothing was swept since its terms were given their
//! numbers.

use std::collections::HashSet;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::terms::Kind;
use super::{Dimension, Level, PackedItems, packed};
use crate::error::Error;
use crate::store::entity::{rollup, rollup_item, rollup_stale, rollup_state, rollup_term};
use crate::store::{Store, Timestamp};

/// Terms that one transaction forgets.
const AT_ONCE: usize = 500;
/// Rollups that one statement reads.
const ROWS: u64 = 500;
/// Terms that one statement reads.
const TERMS: u64 = 10_000;
/// How often everything is looked through.
const EVERY_SECONDS: i64 = 24 * 60 * 60;

impl Store {
    /// Forgets the terms that are in no rollup, and tells how many. None: something was rolled up
    /// meanwhile, and there may be more of them.
    pub(crate) async fn sweep_terms(&self) -> Result<Option<u64>, Error> {
        // What is being counted here would have to be counted again.
        let _alone = self.rolling_up.alone.lock().await;
        self.drop_doubtful().await?;
        let rolled = self.rollup_state().await?.rolled;
        let mut forgotten = 0;
        for kind in Dimension::ALL.map(Kind::Of).into_iter().chain([Kind::Session]) {
            let used = match kind {
                Kind::Of(dimension) => self.used_of(dimension).await?,
                Kind::Session => self.used_sessions().await?,
            };
            let unused = self.unused(kind, &used).await?;
            for numbers in unused.chunks(AT_ONCE) {
                if !self.forget_terms(kind, numbers, rolled).await? {
                    return Ok(None);
                }
                forgotten += numbers.len() as u64;
            }
        }
        let swept_at = (rollup_state::Column::SweptAt, Expr::value(Timestamp::now()));
        let is_whole = change_state(&self.write, rollup_state::Column::Rolled, rolled, swept_at);
        Ok(is_whole.await?.then_some(forgotten))
    }

    /// The same if that was not done within a day.
    pub(super) async fn sweep_daily(&self) -> Result<(), Error> {
        let swept_at = self.rollup_state().await?.swept_at;
        if swept_at < Timestamp::now().plus_seconds(-EVERY_SECONDS) {
            self.sweep_terms().await?;
        }
        Ok(())
    }

    /// What was rolled and swept.
    pub(super) async fn rollup_state(&self) -> Result<rollup_state::Model, Error> {
        let state = rollup_state::Entity::find().one(&self.read).await?;
        state.ok_or_else(|| Error::internal("the state of the rollups is gone"))
    }

    /// Drops the rollups of five minutes that somebody goes on writing into: nobody relies on
    /// them, and they may count what is gone.
    async fn drop_doubtful(&self) -> Result<(), Error> {
        let is_part = rollup_stale::Column::Level.eq(Level::FiveMinutes.length());
        let stale = Query::select()
            .column(rollup_stale::Column::Start)
            .from(rollup_stale::Entity)
            .and_where(is_part)
            .take();
        let transaction = self.begin().await?;
        rollup::Entity::delete_many()
            .filter(rollup::Column::Level.eq(Level::FiveMinutes.length()))
            .filter(rollup::Column::Start.in_subquery(stale.clone()))
            .exec(&transaction)
            .await?;
        rollup_item::Entity::delete_many()
            .filter(rollup_item::Column::Dimension.is_in(Dimension::ALL.map(Dimension::code)))
            .filter(rollup_item::Column::Level.eq(Level::FiveMinutes.length()))
            .filter(rollup_item::Column::Start.in_subquery(stale))
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// The numbers of a dimension that are counted; hours and days are made of these.
    async fn used_of(&self, dimension: Dimension) -> Result<HashSet<u32>, Error> {
        use rollup_item::{Column, Entity};

        let mut used = HashSet::new();
        let counted = Entity::find().filter(Column::Dimension.eq(dimension.code()));
        let parts = counted.filter(Column::Level.eq(Level::FiveMinutes.length()));
        let read = |counts: &[u8]| {
            used.extend(PackedItems::of_counts(counts).map(|item| item.number));
        };
        self.read_all(parts, Column::Start, Column::Counts, read).await?;
        Ok(used)
    }

    async fn used_sessions(&self) -> Result<HashSet<u32>, Error> {
        use rollup::{Column, Entity};

        let mut used = HashSet::new();
        let parts = Entity::find().filter(Column::Level.eq(Level::FiveMinutes.length()));
        let read = |sessions: &[u8]| used.extend(packed::numbers(sessions));
        self.read_all(parts, Column::Start, Column::Sessions, read).await?;
        Ok(used)
    }

    /// Reads one column of periods, some at a time in the order of their beginnings.
    async fn read_all<E: EntityTrait>(
        &self,
        periods: Select<E>,
        start: E::Column,
        column: E::Column,
        mut read: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        let periods = periods.select_only().columns([start, column]).order_by_asc(start);
        let mut after = Timestamp(i64::MIN);
        loop {
            let some = periods.clone().filter(start.gt(after)).limit(ROWS);
            let rows: Vec<(Timestamp, Vec<u8>)> = some.into_tuple().all(&self.read).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.0;
            rows.iter().for_each(|(_, bytes)| read(bytes));
        }
    }

    async fn unused(&self, kind: Kind, used: &HashSet<u32>) -> Result<Vec<i64>, Error> {
        use rollup_term::Column;

        let mut unused = Vec::new();
        let mut after = -1;
        loop {
            let known: Vec<i64> = rollup_term::Entity::find()
                .select_only()
                .column(Column::Number)
                .filter(Column::Kind.eq(kind.code()))
                .filter(Column::Number.gt(after))
                .order_by_asc(Column::Number)
                .limit(TERMS)
                .into_tuple()
                .all(&self.read)
                .await?;
            let Some(last) = known.last() else { return Ok(unused) };
            after = *last;
            unused.extend(known.into_iter().filter(|number| !used.contains(&(*number as u32))));
        }
    }

    /// False: something was rolled up meanwhile.
    async fn forget_terms(&self, kind: Kind, numbers: &[i64], rolled: i64) -> Result<bool, Error> {
        use rollup_state::Column;

        let transaction = self.begin().await?;
        let swept = (Column::Swept, Expr::col(Column::Swept).add(1));
        if !change_state(&transaction, Column::Rolled, rolled, swept).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        rollup_term::Entity::delete_many()
            .filter(rollup_term::Column::Kind.eq(kind.code()))
            .filter(rollup_term::Column::Number.is_in(numbers.iter().copied()))
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Notes that rollups are being written. False: terms have been swept since.
pub(super) async fn note_rolled(
    transaction: &DatabaseTransaction,
    swept: i64,
) -> Result<bool, DbErr> {
    use rollup_state::Column;

    let rolled = (Column::Rolled, Expr::col(Column::Rolled).add(1));
    change_state(transaction, Column::Swept, swept, rolled).await
}

/// Changes the state if a count of it is still this one.
async fn change_state<C: ConnectionTrait>(
    connection: &C,
    count: rollup_state::Column,
    expected: i64,
    (column, value): (rollup_state::Column, Expr),
) -> Result<bool, DbErr> {
    let changed = rollup_state::Entity::update_many()
        .col_expr(column, value)
        .filter(count.eq(expected))
        .exec(connection)
        .await?;
    Ok(changed.rows_affected > 0)
}
