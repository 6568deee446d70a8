//! Checkpoints beside the commits: what SQLite's write-ahead log holds is copied into the file
//! (<https://www.sqlite.org/wal.html#ckpt>).
//!
//! SQLite by itself copies all of it at the end of a commit that finds the log too long, and whatever
//! comes in waits for that. So another connection copies what it can while commits go on. Under load
//! the last part is still left to a commit, and is short; the one after it begins the log anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::task::JoinHandle;

/// Committed rows after which they are copied. The more of them, the longer is what a commit is left
/// with; the fewer, the more often the same pages are copied.
const ROWS: usize = 150;

/// Counts the rows that the writer commits, and has them copied, with whatever else is in the log.
pub(super) struct Checkpoints {
    connection: DatabaseConnection,
    rows: usize,
    under_way: Option<JoinHandle<()>>,
    has_failed: Arc<AtomicBool>,
}

impl Checkpoints {
    pub(super) fn new(connection: DatabaseConnection) -> Self {
        Self { connection, rows: 0, under_way: None, has_failed: Arc::default() }
    }

    /// So many rows have been committed.
    ///
    /// While a checkpoint is under way none queues up behind it: between two of them a commit must find
    /// the log free, and begin it anew if it is too long. Otherwise it would grow without bound on a
    /// slow disk.
    pub(super) fn committed(&mut self, rows: usize) {
        self.rows += rows;
        if self.rows >= ROWS && self.under_way.as_ref().is_none_or(JoinHandle::is_finished) {
            self.rows = 0;
            let copying = copy(self.connection.clone(), self.has_failed.clone());
            self.under_way = Some(tokio::spawn(copying));
        }
    }

    /// Closes the connection when what is under way has ended.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        if let Some(under_way) = self.under_way {
            // It says by itself if it fails.
            let _ = under_way.await;
        }
        self.connection.close().await
    }
}

async fn copy(connection: DatabaseConnection, has_failed: Arc<AtomicBool>) {
    // It waits for nobody, and leaves what a reader still holds back.
    let copied = connection.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await;
    let had_failed = has_failed.swap(copied.is_err(), Ordering::Relaxed);
    if let (Err(cause), false) = (copied, had_failed) {
        // It stays in the log; a later one or a commit tries again.
        tracing::error!(error.cause = %cause, "the write-ahead log is not copied into the file");
    }
}
