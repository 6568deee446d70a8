//! Forgetting terms of which nothing is counted any more: a path may say who somebody was.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait,
    QueryFilter, QuerySelect,
};

use super::terms::Kind;
use super::{Dimension, Level, PackedItems, died_before, packed};
use crate::error::Error;
use crate::store::Store;
use crate::store::entity::{rollup, rollup_item, rollup_stale, rollup_term};

/// Terms that one statement forgets.
const AT_ONCE: usize = 500;

impl Store {
    /// Forgets the terms that are in no rollup, and tells how many; none while anybody may be about to
    /// use them.
    pub(crate) async fn sweep_terms(&self) -> Result<u64, Error> {
        let transaction = self.begin_writing().await?;
        if self.read.get_database_backend() == DatabaseBackend::Postgres {
            // Whoever rolls up has read a mark, and takes it away when they are done.
            let lock = "LOCK TABLE djaffar_rollup_stale IN SHARE MODE";
            transaction.execute_unprepared(lock).await?;
        }
        if is_rolling_up(&transaction).await? {
            transaction.rollback().await?;
            return Ok(0);
        }
        let mut forgotten = 0;
        for dimension in Dimension::ALL {
            let used = used_of(&transaction, dimension).await?;
            forgotten += forget(&transaction, Kind::Of(dimension), &used).await?;
        }
        let used = used_sessions(&transaction).await?;
        forgotten += forget(&transaction, Kind::Session, &used).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}

/// Whether there is anything to roll up.
async fn is_rolling_up(transaction: &DatabaseTransaction) -> Result<bool, Error> {
    use rollup_stale::Column;

    let free =
        Condition::any().add(Column::Writer.is_null()).add(Column::HeldAt.lte(died_before()));
    Ok(rollup_stale::Entity::find().filter(free).one(transaction).await?.is_some())
}

/// The numbers of a dimension that are counted; hours and days are made of these.
async fn used_of(
    transaction: &DatabaseTransaction,
    dimension: Dimension,
) -> Result<HashSet<u32>, Error> {
    use rollup_item::Column;

    let mut used = HashSet::new();
    let mut rows = rollup_item::Entity::find()
        .filter(Column::Dimension.eq(dimension.code()))
        .filter(Column::Level.eq(Level::Quarter.length()))
        .stream(transaction)
        .await?;
    while let Some(row) = rows.try_next().await? {
        used.extend(PackedItems::new(&row).map(|item| item.number));
        if dimension == Dimension::User {
            used.extend(packed::numbers(&row.users));
        }
    }
    Ok(used)
}

async fn used_sessions(transaction: &DatabaseTransaction) -> Result<HashSet<u32>, Error> {
    let mut used = HashSet::new();
    let mut rows = rollup::Entity::find()
        .filter(rollup::Column::Level.eq(Level::Quarter.length()))
        .stream(transaction)
        .await?;
    while let Some(row) = rows.try_next().await? {
        used.extend(packed::numbers(&row.sessions));
    }
    Ok(used)
}

async fn forget(
    transaction: &DatabaseTransaction,
    kind: Kind,
    used: &HashSet<u32>,
) -> Result<u64, Error> {
    use rollup_term::Column;

    let known: Vec<i64> = rollup_term::Entity::find()
        .select_only()
        .column(Column::Number)
        .filter(Column::Kind.eq(kind.code()))
        .into_tuple()
        .all(transaction)
        .await?;
    let unused: Vec<i64> =
        known.into_iter().filter(|number| !used.contains(&(*number as u32))).collect();
    for numbers in unused.chunks(AT_ONCE) {
        rollup_term::Entity::delete_many()
            .filter(Column::Kind.eq(kind.code()))
            .filter(Column::Number.is_in(numbers.iter().copied()))
            .exec(transaction)
            .await?;
    }
    Ok(unused.len() as u64)
}
