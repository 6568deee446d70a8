//! How much may wait for the writer.
//!
//! Bounded by bytes, so that the memory is; and by how long the last ones had to wait, so that
//! whoever is let in is answered soon: a client that waits for long gives up, comes back, and makes it
//! worse.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Most bytes that may wait, as [`super::Batch::size`] counts them.
const MOST: usize = 8 << 20;
/// What a caller who waits takes besides its rows: its connection and its task.
const CALLER: usize = 2 << 10;
/// So much may wait however slow the database is: about what one commit takes.
const LEAST: usize = 256 << 10;
/// Who is let in should not wait for longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What waits, and how much may. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Backlog(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    waiting: AtomicUsize,
    limit: AtomicUsize,
}

/// A place in the queue, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    bytes: usize,
    since: Instant,
    /// What was waiting when the place was taken, itself included.
    ahead: usize,
    counts: Arc<Counts>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self(Arc::new(Counts { waiting: AtomicUsize::new(0), limit: AtomicUsize::new(MOST) }))
    }
}

impl Backlog {
    /// A place for so many bytes, unless there is no room.
    pub(super) fn enter(&self, bytes: usize) -> Option<Place> {
        let bytes = if bytes == 0 { 0 } else { bytes + CALLER };
        let before = self.0.waiting.fetch_add(bytes, Ordering::Relaxed);
        let ahead = before + bytes;
        let place = Place { bytes, since: Instant::now(), ahead, counts: self.0.clone() };
        // What is nothing, a sign of life, may always come; and anything if nothing else waits.
        let is_free = bytes == 0 || before == 0;
        (is_free || ahead <= self.0.limit.load(Ordering::Relaxed)).then_some(place)
    }

    /// Whether there is room at all.
    pub(super) fn has_room(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) < self.0.limit.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Learns from a place that has been served how much is served in the time that one may wait.
    pub(super) fn adapt(&self) {
        let limit = self.counts.limit.load(Ordering::Relaxed);
        let waited = self.since.elapsed();
        let is_slow = waited > LONGEST_WAIT / 2;
        if is_slow && self.ahead < LEAST {
            // One who waited alone tells nothing of how many could have been served.
            return;
        }
        let next = if is_slow {
            let served = self.ahead as f64 * LONGEST_WAIT.as_secs_f64() / waited.as_secs_f64();
            // One slow commit, as of a checkpoint, tells little.
            (served as usize).max(limit / 2)
        } else {
            limit / 4 * 5
        };
        self.counts.limit.store(next.clamp(LEAST, MOST), Ordering::Relaxed);
    }

    /// Learns from a place that was not served in the time that one may wait: that nothing is.
    pub(super) fn give_up(&self) -> bool {
        let is_late = self.since.elapsed() > LONGEST_WAIT;
        if is_late {
            self.counts.limit.store(LEAST, Ordering::Relaxed);
        }
        is_late
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counts.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
