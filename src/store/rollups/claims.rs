//! What a writer knows to be stale, so that it need not say so again with each batch.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{Level, insert_stale};
use crate::store::Timestamp;
use crate::store::entity::{activity, rollup_stale};

/// Most periods that a writer holds: what dates of all times may cost in memory.
const MOST: usize = 1_000;

/// The periods that a writer holds.
#[derive(Debug)]
pub(in crate::store) struct Claims {
    writer: Uuid,
    held: HashMap<Timestamp, Held>,
}

#[derive(Debug)]
struct Held {
    id: Uuid,
    used: Instant,
}

impl Claims {
    pub(in crate::store) fn new(writer: Uuid) -> Self {
        Self { writer, held: HashMap::new() }
    }

    /// What has to be written together with these activities: for most batches, nothing.
    pub(in crate::store) fn missing(
        &mut self,
        activities: &[Arc<activity::Model>],
    ) -> Vec<rollup_stale::Model> {
        let mut missing: Vec<rollup_stale::Model> = Vec::new();
        let (now, mut last) = (Instant::now(), None);
        for activity in activities {
            let start = Level::FiveMinutes.start_of(activity.date);
            if last.replace(start) == Some(start) {
                continue;
            }
            if let Some(held) = self.held.get_mut(&start) {
                held.used = now;
            } else if missing.iter().all(|row| row.start != start) {
                let is_full = self.held.len() + missing.len() >= MOST;
                let writer = Some(self.writer).filter(|_| !is_full);
                missing.push(super::stale(Level::FiveMinutes, start, writer));
            }
        }
        missing
    }

    /// These are written.
    pub(in crate::store) fn keep(&mut self, rows: Vec<rollup_stale::Model>) {
        let used = Instant::now();
        let rows = rows.into_iter().filter(|row| row.writer.is_some());
        self.held.extend(rows.map(|row| (row.start, Held { id: row.id, used })));
    }

    /// Shows that all of them are still held, and lets go of those not used for so long.
    pub(in crate::store) async fn tend<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        idle: Duration,
    ) -> Result<(), DbErr> {
        let shown = rollup_stale::Entity::update_many()
            .col_expr(rollup_stale::Column::HeldAt, Expr::value(Timestamp::now()))
            .filter(rollup_stale::Column::Id.is_in(self.held.values().map(|held| held.id)))
            .exec(connection)
            .await?;
        if shown.rows_affected < self.held.len() as u64 {
            // Somebody took this process for dead: it slept, or clocks differ.
            let anew = self.held.keys().map(|start| super::stale(Level::FiveMinutes, *start, None));
            insert_stale(connection, anew.collect()).await?;
            self.held.clear();
        }
        // Forgotten first: nobody may rely on what is perhaps let go of.
        self.held.retain(|_, held| held.used.elapsed() < idle);
        // Also what was written by a commit that seemed to have failed.
        rollup_stale::Entity::update_many()
            .col_expr(rollup_stale::Column::Writer, Expr::value(None::<Uuid>))
            .filter(rollup_stale::Column::Writer.eq(self.writer))
            .filter(rollup_stale::Column::Id.is_not_in(self.held.values().map(|held| held.id)))
            .exec(connection)
            .await?;
        Ok(())
    }
}
