//! How much may wait for something: for the disk, or for a processor.
//!
//! Bounded by bytes, so that the memory is; and by how long the last ones had to wait, so that
//! whoever is let in is answered soon: a client that waits for long gives up, comes back, and makes it
//! worse.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// When so many bytes wait, no more are let in.
const MOST: usize = 8 << 20;
/// So much may wait before anything is known of how long it takes.
const AT_FIRST: usize = 2 << 20;
/// What a caller who waits takes besides its rows: its connection and its task.
const CALLER: usize = 2 << 10;
/// So much may wait however slow it is: about what one commit takes.
const LEAST: usize = 256 << 10;

/// What waits, and how much may. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Backlog(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    waiting: AtomicUsize,
    limit: AtomicUsize,
    /// Who is let in should not wait for longer.
    longest_wait: Duration,
}

/// A place in the queue, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    bytes: usize,
    since: Instant,
    /// What was waiting when the place was taken, itself included.
    ahead: usize,
    counts: Arc<Counts>,
}

impl Backlog {
    /// Nothing waits yet. Who is let in should not wait for longer than this.
    pub(crate) fn new(longest_wait: Duration) -> Self {
        let (waiting, limit) = (AtomicUsize::new(0), AtomicUsize::new(AT_FIRST));
        Self(Arc::new(Counts { waiting, limit, longest_wait }))
    }

    /// A place for so many bytes, unless there is no room at all.
    pub(crate) fn enter(&self, bytes: usize) -> Option<Place> {
        let bytes = if bytes == 0 { 0 } else { bytes + CALLER };
        let before = self.0.waiting.fetch_add(bytes, Ordering::Relaxed);
        let ahead = before + bytes;
        let place = Place { bytes, since: Instant::now(), ahead, counts: self.0.clone() };
        // What is nothing, a sign of life, may always come. Others are judged by who is there already,
        // not by themselves: so nobody who was told that there is room works for nothing.
        let is_free = bytes == 0 || before < self.0.limit.load(Ordering::Relaxed);
        is_free.then_some(place)
    }

    /// Whether there is room at all.
    pub(crate) fn has_room(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) < self.0.limit.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Learns from a place that has been served, together with so many bytes, how much is served in
    /// the time that one may wait.
    pub(crate) fn adapt(&self, together: usize) {
        let limit = self.counts.limit.load(Ordering::Relaxed);
        let waited = self.since.elapsed();
        let longest_wait = self.counts.longest_wait;
        let next = if waited > longest_wait / 2 {
            if self.ahead < LEAST {
                // One who waited alone tells nothing of how many could have been served.
                return;
            }
            let served = self.ahead as f64 * longest_wait.as_secs_f64() / waited.as_secs_f64();
            // One slow commit, as of a checkpoint, tells little.
            (served as usize).max(limit / 2)
        } else if self.ahead > limit / 2 {
            limit + together / 4
        } else {
            // It was not the limit that kept others out.
            return;
        };
        self.counts.limit.store(next.clamp(LEAST, MOST), Ordering::Relaxed);
    }

    /// What it was taken for.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Learns from a place that was not served in the time that one may wait: that nothing is.
    pub(crate) fn give_up(&self) -> bool {
        let is_late = self.since.elapsed() > self.counts.longest_wait;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// So long that a machine at a standstill does not count as slow.
    const LONGEST: Duration = Duration::from_secs(60);

    /// How much may wait after so much has waited for so long; 0 if it was not let in. By the doors
    /// only a load that fills a disk or a processor would show it.
    fn limit_after(backlog: &Backlog, bytes: usize, waited: Duration) -> usize {
        let Some(mut place) = backlog.enter(bytes) else { return 0 };
        place.since -= waited;
        place.adapt(place.bytes());
        backlog.0.limit.load(Ordering::Relaxed)
    }

    #[test]
    fn as_much_may_wait_as_is_served_in_time() {
        let backlog = Backlog::new(LONGEST);
        let quarter = AT_FIRST / 4;
        assert_eq!(limit_after(&backlog, quarter, Duration::ZERO), AT_FIRST, "not by the limit");
        let slow = limit_after(&backlog, AT_FIRST - CALLER, LONGEST * 3 / 2);
        assert!((AT_FIRST * 3 / 5..AT_FIRST * 3 / 4).contains(&slow), "{slow}");
        let slower = limit_after(&backlog, slow - CALLER, LONGEST * 10);
        assert!((slow / 2..=slow / 2 + 1).contains(&slower), "one may be an accident: {slower}");
        let quick = limit_after(&backlog, slower - CALLER, Duration::ZERO);
        assert_eq!(quick, slower + slower / 4, "full, and served in time");
        assert_eq!(limit_after(&backlog, LEAST / 2, LONGEST * 10), quick, "who waited alone");
        for _ in 0..20 {
            limit_after(&backlog, quick - CALLER, LONGEST * 100);
        }
        assert_eq!(limit_after(&backlog, LEAST, LONGEST * 100), LEAST);
    }

    #[test]
    fn who_finds_no_room_is_refused_and_takes_none() {
        let backlog = Backlog::new(LONGEST);
        let first = backlog.enter(AT_FIRST);
        assert!(first.is_some());
        assert!(!backlog.has_room());
        assert!(backlog.enter(1).is_none());
        assert!(backlog.enter(0).is_some(), "a sign of life");
        drop(first);
        assert!(backlog.has_room());
        let _half = backlog.enter(AT_FIRST / 2);
        assert!(backlog.enter(AT_FIRST).is_some(), "there was room");
        assert!(Backlog::new(LONGEST).enter(2 * MOST).is_some(), "nothing else waits");
    }
}
