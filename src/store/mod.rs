//! The database: connections, the writer, and every query by name.
//!
//! The only room that builds SQL. It knows rows, not rules.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) mod activities;
pub(crate) mod admin;
pub(crate) mod audit;
mod batch;
pub(crate) mod channel;
mod checkpoint;
pub(crate) mod courses;
mod database;
pub(crate) mod entity;
mod erasures;
mod events;
pub(crate) mod forget;
mod insert;
pub(crate) mod keyset;
mod leading;
mod matches;
mod parts;
pub(crate) mod rollups;
pub(crate) mod sessions;
pub(crate) mod stats;
mod text;
mod timestamp;
pub(crate) mod tokens;
mod transaction;
pub(crate) mod turn;
pub(crate) mod users;
mod writer;

pub(crate) use batch::{Batch, Seen, Subject, Written};
pub use database::Database;
pub(crate) use text::without_nul;
pub(crate) use timestamp::Timestamp;
pub(crate) use writer::Writer;

use rollups::Claims;

use crate::error::Error;
use crate::metrics::Metrics;

/// The database and its writer. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// Tells the writer of this process from those of others.
    id: Uuid,
    read: DatabaseConnection,
    /// For what is found by its key, at once.
    lookup: DatabaseConnection,
    /// For administration; what visitors cause goes through the writer.
    write: DatabaseConnection,
    writer: Writer,
    read_timeout: Duration,
    /// Who counts reads a lot, and must leave connections to those who read little.
    counting: Arc<Semaphore>,
    rolling_up: Arc<RollingUp>,
}

/// Who rolls up, and when.
#[derive(Debug, Default)]
struct RollingUp {
    /// There is something to be rolled up that should not wait.
    soon: Notify,
    /// Two at once would take each other's periods away, and leave them as they are; and a sweep would
    /// make a count that is under way worthless.
    alone: Mutex<()>,
}

/// Statistics that are read at the same time; fewer than there are connections.
const COUNTING: usize = 4;

impl Store {
    /// Starts the writer. Its task ends after [`Store::stop`].
    ///
    /// The writer lets go of what it holds of the rollups when that has been left alone for `idle`.
    ///
    /// # Errors
    ///
    /// As of [`Writer::start`].
    pub(crate) fn start(
        mut database: Database,
        metrics: &Metrics,
        idle: Duration,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        database.read.set_metric_callback(metrics.statements("read"));
        database.lookup.set_metric_callback(metrics.statements("lookup"));
        database.write.set_metric_callback(metrics.statements("write"));
        let id = Uuid::now_v7();
        let Database { read, lookup, write, checkpoint, read_timeout } = database;
        let (writer, task) =
            Writer::start(write.clone(), checkpoint, metrics.clone(), Claims::new(id), idle)
                .map_err(Error::internal)?;
        let counting = Arc::new(Semaphore::new(COUNTING));
        let store = Self {
            id,
            read,
            lookup,
            write,
            writer,
            read_timeout,
            counting,
            rolling_up: Arc::default(),
        };
        Ok((store, task))
    }

    /// Hands in rows, and returns when they are on disk; see [`Writer::write`].
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Arc<Written>, Error> {
        self.writer.write(batch).await
    }

    /// Refuses at once what [`Store::commit`] would refuse later.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        if self.writer.has_room() { Ok(()) } else { Err(Error::Busy) }
    }

    /// Notes times of last use, without waiting; see [`Writer::write_later`].
    pub(crate) fn note(&self, seen: Vec<Seen>) {
        self.writer.write_later(Batch { seen, ..Batch::default() });
    }

    /// Takes no more rows; the writer's task ends when those that wait are written.
    pub(crate) fn stop(&self) {
        self.writer.stop();
    }

    /// A transaction that writes, for all but the writer.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        transaction::begin_writing(&self.write).await
    }

    /// Closes all connections. Whatever comes later fails.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.read.close_by_ref().await?;
        self.lookup.close_by_ref().await?;
        Ok(self.write.close_by_ref().await?)
    }

    /// Asks both for a sign of life: those who read, and the writer.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        self.lookup.ping().await?;
        self.writer.write(Batch::default()).await?;
        Ok(())
    }
}
