//! What was read of users and tokens a moment ago.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache;

use super::users::CACHE_TIME;

/// A cache that can be told that something has changed. What was read before that is not given out
/// any more, even if it is put in only afterwards. Cheap to clone.
#[derive(Clone)]
pub(super) struct Remembered<K, V> {
    known: Cache<K, (V, Reading)>,
    changes: Arc<AtomicU64>,
}

/// When something was read, in changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading(u64);

impl<K, V> Remembered<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(capacity: u64) -> Self {
        let known = Cache::builder().max_capacity(capacity).time_to_live(CACHE_TIME);
        Self { known: known.build(), changes: Arc::default() }
    }

    pub(super) async fn get(&self, key: &K) -> Option<V> {
        let (value, reading) = self.known.get(key).await?;
        (reading == self.reading()).then_some(value)
    }

    /// To be taken before the database is asked.
    pub(super) fn reading(&self) -> Reading {
        Reading(self.changes.load(Ordering::Acquire))
    }

    pub(super) async fn insert(&self, key: K, value: V, reading: Reading) {
        self.known.insert(key, (value, reading)).await;
    }

    /// Something has changed.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }
}

impl<K, V> fmt::Debug for Remembered<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("changes", &self.changes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let remembered = Remembered::new(10);
        let reading = remembered.reading();
        remembered.insert(1, "read before", reading).await;
        assert_eq!(remembered.get(&1).await, Some("read before"));
        // Another one has been read as well, and comes late.
        remembered.forget();
        remembered.insert(2, "read before", reading).await;
        assert_eq!((remembered.get(&1).await, remembered.get(&2).await), (None, None));
        remembered.insert(2, "read after", remembered.reading()).await;
        assert_eq!(remembered.get(&2).await, Some("read after"));
    }
}
