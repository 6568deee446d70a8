//! Group commit: one task writes what many callers hand in, and answers them after the commit.
//!
//! Each caller hands in a [`Batch`] and waits. The task takes whatever waits, joins it into one
//! transaction, commits, and only then answers every waiter. There is no timer: while one commit
//! is on its way to the disk the next batch gathers.
//!
//! The task has a thread to itself. Among those of the requests it would wait for its turn behind all
//! of them, several times for each commit: when there are too many, nothing would be stored at all.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use tokio::runtime::{self, Handle};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::batch::{Batch, Written};
use super::checkpoint::Checkpoints;
use super::rollups::Claims;
use super::transaction::begin_writing;
use crate::backlog::{Backlog, Place};
use crate::error::{Error, is_transient};
use crate::metrics::Metrics;

/// A commit that takes longer has failed; more than the statement timeout of PostgreSQL.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A transaction takes in no more batches once it has so many rows.
const ROWS_PER_COMMIT: usize = 1_000;
/// A batch should be on disk within this time.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

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
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub(super) fn start(
        connection: DatabaseConnection,
        checkpoint: Option<DatabaseConnection>,
        metrics: Metrics,
        claims: Claims,
        idle: Duration,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, jobs) = mpsc::unbounded_channel();
        let backlog = Backlog::new(LONGEST_WAIT);
        let stop = Arc::new(Notify::new());
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (ended, end) = oneshot::channel::<()>();
        let stopped = stop.clone();
        let work = async move {
            let checkpoints = checkpoint.map(Checkpoints::new);
            let desk = Desk { connection, checkpoints, claims, metrics };
            run(desk, jobs, stopped, idle).await;
            // Connections are given back by tasks of their own.
            while Handle::current().metrics().num_alive_tasks() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // Nobody may be there any more to hear it.
            let _ = ended.send(());
        };
        let thread = std::thread::Builder::new().name("djaffar-writer".to_owned());
        thread.spawn(move || runtime.block_on(work))?;
        let task = tokio::spawn(async move {
            // The thread is gone without a word: by a panic, after which nothing is stored.
            if end.await.is_err() {
                tracing::error!("the writer has failed");
            }
        });
        Ok((Self { queue, backlog, stop }, task))
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

/// What the task works with.
struct Desk {
    connection: DatabaseConnection,
    checkpoints: Option<Checkpoints>,
    claims: Claims,
    metrics: Metrics,
}

async fn run(
    mut desk: Desk,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    stop: Arc<Notify>,
    idle: Duration,
) {
    let mut tending = tokio::time::interval(idle);
    tending.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let first = tokio::select! {
            biased;
            () = stop.notified() => {
                jobs.close();
                continue;
            }
            _ = tending.tick() => {
                desk.tend(idle).await;
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
        if desk.write_together(together).await.is_break() {
            // The database is away, and found out slowly: whoever waits would only hear it later.
            while let Ok(job) = jobs.try_recv() {
                job.answer(None);
            }
        }
    }
    desk.tend(Duration::ZERO).await;
    if let Some(checkpoints) = desk.checkpoints
        && let Err(cause) = checkpoints.close().await
    {
        tracing::warn!(error.cause = %cause, "a connection to the database is not closed");
    }
}

impl Desk {
    /// Writes the batches of several callers in one commit, and answers each.
    ///
    /// If the database refuses what one of them wants, the others must not suffer: then each is
    /// written alone. Breaks if the database took too long to say that it is away.
    async fn write_together(&mut self, jobs: Vec<Job>) -> ControlFlow<()> {
        let mut all = Batch::default();
        for job in &jobs {
            all.append(job.batch.clone());
        }
        match self.write(all).await {
            Ok(written) => {
                if let Some(last) = jobs.last() {
                    last.place.adapt(jobs.iter().map(|job| job.place.bytes()).sum());
                }
                let written = Arc::new(written);
                jobs.into_iter().for_each(|job| job.answer(Some(written.clone())));
            }
            Err(error) if jobs.len() == 1 || is_transient(&error) => {
                let is_late = jobs.last().is_some_and(|last| last.place.give_up());
                jobs.into_iter().for_each(|job| job.answer(None));
                if is_late {
                    return ControlFlow::Break(());
                }
            }
            Err(_) => self.write_alone(jobs).await,
        }
        ControlFlow::Continue(())
    }

    async fn write_alone(&mut self, jobs: Vec<Job>) {
        let mut is_away = false;
        for job in jobs {
            if is_away {
                job.answer(None);
                continue;
            }
            let written = self.write(job.batch.clone()).await;
            is_away = written.as_ref().is_err_and(is_transient);
            job.answer(written.ok().map(Arc::new));
        }
    }

    /// Writes a batch in one commit, and what makes its rollups stale. An error is logged here, once
    /// for all who wait.
    async fn write(&mut self, mut batch: Batch) -> Result<Written, DbErr> {
        let (rows, activities) = (batch.len(), batch.activities.len());
        let stale = self.claims.missing(&batch.activities);
        batch.stale.clone_from(&stale);
        let result = in_time(commit(&self.connection, batch)).await;
        match &result {
            Ok(written) => {
                self.claims.keep(stale);
                if let Some(checkpoints) = &mut self.checkpoints {
                    checkpoints.committed(rows);
                }
                self.metrics.committed(written.new);
            }
            Err(cause) => {
                self.metrics.commit_failed();
                tracing::error!(error.cause = %cause, activities, "commit failed");
            }
        }
        result
    }

    /// Looks after what is held of the rollups.
    async fn tend(&mut self, idle: Duration) {
        if let Err(cause) = in_time(self.claims.tend(&self.connection, idle)).await {
            tracing::warn!(error.cause = %cause, "what is held of the rollups is in doubt");
        }
    }
}

/// The same, failed if it takes too long.
async fn in_time<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = || DbErr::Conn(RuntimeErr::Internal("the database does not answer".to_owned()));
    tokio::time::timeout(COMMIT_TIMEOUT, work).await.unwrap_or_else(|_| Err(late()))
}

impl Job {
    fn answer(self, written: Option<Arc<Written>>) {
        let Self { done, place, .. } = self;
        // Whoever hears of it may come again at once, and must not stand in their own way.
        drop(place);
        // A caller that has gone away does not want it.
        let _ = done.send(written);
    }
}

async fn commit(connection: &DatabaseConnection, batch: Batch) -> Result<Written, DbErr> {
    if batch.is_one_statement(connection.get_database_backend()) {
        return batch.write(connection).await;
    }
    let transaction = begin_writing(connection).await?;
    let written = batch.write(&transaction).await?;
    transaction.commit().await?;
    Ok(written)
}
