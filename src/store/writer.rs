//! Group commit: one task writes what many callers hand in, and answers them after the commit.
//!
//! Each caller hands in a [`Batch`] and waits. The task takes whatever waits, joins it into one
//! transaction, commits, and only then answers every waiter. There is no timer: while one commit
//! is on its way to the disk the next batch gathers.

use std::sync::Arc;

use sea_orm::{
    DatabaseConnection, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::batch::{Batch, Written};
use crate::error::Error;
use crate::metrics::Metrics;

/// What may wait in the queue, in bytes as [`Batch::size`] counts them.
const QUEUE_BYTES: usize = 8 << 20;
/// A transaction takes in no more batches once it has so many rows.
const ROWS_PER_COMMIT: usize = 1_000;

/// The way into the queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::UnboundedSender<Job>,
    // Bounds the queue by bytes, which a channel can't.
    room: Arc<Semaphore>,
    stop: Arc<Notify>,
}

struct Job {
    batch: Batch,
    done: oneshot::Sender<Option<Arc<Written>>>,
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the task. It ends after [`Writer::stop`], or when every clone of the `Writer` is gone.
    pub(super) fn start(
        connection: DatabaseConnection,
        metrics: Metrics,
    ) -> (Self, JoinHandle<()>) {
        let (queue, jobs) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(QUEUE_BYTES));
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(run(connection, jobs, stop.clone(), metrics));
        (Self { queue, room, stop }, task)
    }

    /// Takes no more batches; the task ends when those that wait are written.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Hands in a batch, and returns when it is on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if the queue is full, [`Error::NotStored`] if the commit failed.
    pub(crate) async fn write(&self, batch: Batch) -> Result<Arc<Written>, Error> {
        let answer = self.enqueue(batch)?;
        answer.await.ok().flatten().ok_or(Error::NotStored)
    }

    /// Hands in a batch that nobody waits for. A full queue drops it: for times of last use only.
    pub(crate) fn write_later(&self, batch: Batch) {
        if self.enqueue(batch).is_err() {
            tracing::debug!("queue full, times of last use not noted");
        }
    }

    fn enqueue(&self, batch: Batch) -> Result<oneshot::Receiver<Option<Arc<Written>>>, Error> {
        let size = u32::try_from(batch.size()).map_err(|_| Error::Busy)?;
        let room = self.room.clone().try_acquire_many_owned(size).map_err(|_| Error::Busy)?;
        let (done, answer) = oneshot::channel();
        let job = Job { batch, done, _room: room };
        self.queue.send(job).map_err(|_| Error::NotStored)?;
        Ok(answer)
    }
}

async fn run(
    connection: DatabaseConnection,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    stop: Arc<Notify>,
    metrics: Metrics,
) {
    loop {
        let first = tokio::select! {
            biased;
            () = stop.notified() => {
                jobs.close();
                continue;
            }
            job = jobs.recv() => job,
        };
        let Some(first) = first else { break };
        let mut batch = first.batch;
        let mut waiters = vec![(first.done, first._room)];
        while batch.len() < ROWS_PER_COMMIT {
            let Ok(job) = jobs.try_recv() else { break };
            batch.append(job.batch);
            waiters.push((job.done, job._room));
        }
        let activities = batch.activities.len();
        let outcome = match commit(&connection, batch).await {
            Ok(written) => {
                metrics.committed(written.new);
                Some(Arc::new(written))
            }
            Err(cause) => {
                metrics.commit_failed();
                tracing::error!(error.cause = %cause, activities, "commit failed");
                None
            }
        };
        for (done, _room) in waiters {
            // A caller that has gone away does not want the answer.
            let _ = done.send(outcome.clone());
        }
    }
}

async fn commit(connection: &DatabaseConnection, batch: Batch) -> Result<Written, DbErr> {
    if batch.is_one_statement(connection.get_database_backend()) {
        return batch.write(connection).await;
    }
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    let written = batch.write(&transaction).await?;
    transaction.commit().await?;
    Ok(written)
}
