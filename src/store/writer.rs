//! Group commit: one task writes what many callers hand in, and answers them after the commit.
//!
//! Each caller hands in a [`Batch`] and waits. The task takes whatever waits, joins it into one
//! transaction, commits, and only then answers every waiter. There is no timer: while one commit
//! is on its way to the disk the next batch gathers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::backlog::{Backlog, Place};
use super::batch::{Batch, Written};
use crate::error::{Error, is_transient};
use crate::metrics::Metrics;

/// A commit that takes longer has failed; more than the statement timeout of PostgreSQL.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A transaction takes in no more batches once it has so many rows.
const ROWS_PER_COMMIT: usize = 1_000;

/// The way into the queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::UnboundedSender<Job>,
    // Bounds the queue, which a channel can do by number alone.
    backlog: Backlog,
    stop: Arc<Notify>,
}

struct Job {
    batch: Batch,
    done: oneshot::Sender<Option<Arc<Written>>>,
    place: Place,
}

impl Writer {
    /// Starts the task. It ends after [`Writer::stop`], or when every clone of the `Writer` is gone.
    pub(super) fn start(
        connection: DatabaseConnection,
        metrics: Metrics,
    ) -> (Self, JoinHandle<()>) {
        let (queue, jobs) = mpsc::unbounded_channel();
        let backlog = Backlog::default();
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(run(connection, jobs, stop.clone(), metrics));
        (Self { queue, backlog, stop }, task)
    }

    /// Takes no more batches; the task ends when those that wait are written.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Whether the queue takes anything, to find out before work is done for nothing.
    pub(crate) fn has_room(&self) -> bool {
        self.backlog.has_room()
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

    /// Hands in a batch that nobody waits for. A full queue drops it: for signs of life only.
    pub(crate) fn write_later(&self, batch: Batch) {
        if self.enqueue(batch).is_err() {
            tracing::debug!("queue full, signs of life not noted");
        }
    }

    fn enqueue(&self, batch: Batch) -> Result<oneshot::Receiver<Option<Arc<Written>>>, Error> {
        let place = self.backlog.enter(batch.size()).ok_or(Error::Busy)?;
        let (done, answer) = oneshot::channel();
        let job = Job { batch, done, place };
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
        let mut rows = first.batch.len();
        let mut together = vec![first];
        while rows < ROWS_PER_COMMIT {
            let Ok(job) = jobs.try_recv() else { break };
            rows += job.batch.len();
            together.push(job);
        }
        if write_together(&connection, together, &metrics).await.is_break() {
            // The database is away, and found out slowly: whoever waits would only hear it later.
            while let Ok(job) = jobs.try_recv() {
                job.answer(None);
            }
        }
    }
}

/// Writes the batches of several callers in one commit, and answers each.
///
/// If the database refuses what one of them wants, the others must not suffer: then each is written
/// alone. Breaks if the database took too long to say that it is away.
async fn write_together(
    connection: &DatabaseConnection,
    jobs: Vec<Job>,
    metrics: &Metrics,
) -> ControlFlow<()> {
    let mut all = Batch::default();
    for job in &jobs {
        all.append(job.batch.clone());
    }
    match write(connection, all, metrics).await {
        Ok(written) => {
            if let Some(last) = jobs.last() {
                last.place.adapt();
            }
            let written = Arc::new(written);
            jobs.into_iter().for_each(|job| job.answer(Some(written.clone())));
            ControlFlow::Continue(())
        }
        Err(error) if jobs.len() == 1 || is_transient(&error) => {
            let is_late = jobs.last().is_some_and(|last| last.place.give_up());
            jobs.into_iter().for_each(|job| job.answer(None));
            if is_late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        Err(_) => {
            write_alone(connection, jobs, metrics).await;
            ControlFlow::Continue(())
        }
    }
}

async fn write_alone(connection: &DatabaseConnection, jobs: Vec<Job>, metrics: &Metrics) {
    let mut is_away = false;
    for job in jobs {
        if is_away {
            job.answer(None);
            continue;
        }
        let written = write(connection, job.batch.clone(), metrics).await;
        is_away = written.as_ref().is_err_and(is_transient);
        job.answer(written.ok().map(Arc::new));
    }
}

/// Writes a batch in one commit. An error is logged here, once for all who wait.
async fn write(
    connection: &DatabaseConnection,
    batch: Batch,
    metrics: &Metrics,
) -> Result<Written, DbErr> {
    let activities = batch.activities.len();
    let late = || DbErr::Conn(RuntimeErr::Internal("the database does not answer".to_owned()));
    let result = tokio::time::timeout(COMMIT_TIMEOUT, commit(connection, batch)).await;
    let result = result.unwrap_or_else(|_| Err(late()));
    match &result {
        Ok(written) => metrics.committed(written.new),
        Err(cause) => {
            metrics.commit_failed();
            tracing::error!(error.cause = %cause, activities, "commit failed");
        }
    }
    result
}

impl Job {
    fn answer(self, written: Option<Arc<Written>>) {
        // A caller that has gone away does not want it.
        let _ = self.done.send(written);
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
