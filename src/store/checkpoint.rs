//! Checkpoints beside the commits: what SQLite's write-ahead log holds is copied into the file
//! (<https://www.sqlite.org/wal.html#ckpt>).
//!
//! SQLite by itself copies all of it within the commit that makes the log too long, and whatever comes
//! in waits for that. So another connection copies what it can while commits go on. Only a commit can
//! begin the log anew, and has little left to copy then.

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::mpsc;

/// Committed rows after which they are copied. The more of them, the longer is what the commit that
/// begins the log anew still has to copy; the fewer, the more often the same pages are copied.
const ROWS: usize = 150;

/// Counts the rows that are committed, and has them copied.
pub(super) struct Checkpoints {
    rows: usize,
    due: mpsc::Sender<()>,
}

impl Checkpoints {
    /// Starts the task that copies. It ends, and closes its connection, when the value is dropped.
    pub(super) fn start(connection: DatabaseConnection) -> Self {
        // One that waits is enough: it copies all that has been committed by then.
        let (due, dues) = mpsc::channel(1);
        tokio::spawn(run(connection, dues));
        Self { rows: 0, due }
    }

    /// So many rows have been committed.
    pub(super) fn committed(&mut self, rows: usize) {
        self.rows += rows;
        if self.rows >= ROWS && self.due.try_send(()).is_ok() {
            self.rows = 0;
        }
    }
}

async fn run(connection: DatabaseConnection, mut dues: mpsc::Receiver<()>) {
    let mut has_failed = false;
    while dues.recv().await.is_some() {
        // It waits for nobody, and copies no more than what no reader keeps from it.
        let copied = connection.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await;
        if let (Err(cause), false) = (&copied, has_failed) {
            // Nothing is lost: it stays in the log, and is copied by a later one or by a commit.
            tracing::warn!(error.cause = %cause, "checkpoint failed");
        }
        has_failed = copied.is_err();
    }
    if let Err(cause) = connection.close().await {
        tracing::debug!(%cause, "the connection of checkpoints is not closed");
    }
}
