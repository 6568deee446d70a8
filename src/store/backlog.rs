//! How much may wait for the writer.
//!
//! Bounded by bytes, so that the memory is; and by what the database takes in half a second, so that
//! whoever is let in is answered soon: a client that waits longer would give up, come back, and make
//! it worse.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Most bytes that may wait, as [`super::Batch::size`] counts them.
const MOST: usize = 8 << 20;
/// So much may wait however slow the database is: about what two commits take.
const LEAST: usize = 512 << 10;
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
        let waiting = self.0.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let place = Place { bytes, counts: self.0.clone() };
        (waiting <= self.0.limit.load(Ordering::Relaxed)).then_some(place)
    }

    /// Learns from a commit how much the database takes.
    ///
    /// Only one that was full tells that; a smaller one would have taken more in the same time.
    pub(super) fn adapt(&self, bytes: usize, took: Duration, was_full: bool) {
        let limit = self.0.limit.load(Ordering::Relaxed);
        let seen = if was_full {
            (bytes as f64 * LONGEST_WAIT.as_secs_f64() / took.as_secs_f64()) as usize
        } else {
            MOST
        };
        // Smoothed: a single commit may be slow because of a checkpoint.
        let limit = limit / 2 + seen.min(MOST) / 2;
        self.0.limit.store(limit.max(LEAST), Ordering::Relaxed);
    }
}

impl Place {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counts.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
