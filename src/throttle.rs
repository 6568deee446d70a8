//! How much one may do in a while, by the generic cell rate algorithm.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::sync::Cache;

/// Those who are remembered at a time, in each throttle.
const REMEMBERED: u64 = 100_000;

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// A limit for each key. Those who are not heard of for long are forgotten, and so are the ones
/// heard of longest ago if there are too many: memory is bounded, and then the limit gives way.
pub(crate) struct Throttle<K> {
    quota: Quota,
    limiters: Cache<K, Arc<Limiter>>,
    clock: DefaultClock,
}

/// What is left after a request that was within the limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub burst: u32,
    pub of: u32,
}

impl<K: Hash + Eq + Send + Sync + 'static> Throttle<K> {
    /// At most `burst` at once, and one more after each `period`.
    pub(crate) fn new(period: Duration, burst: NonZeroU32) -> Self {
        // Only a period of zero would not do.
        let quota =
            Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let full_again = quota.burst_size_replenished_in();
        let limiters = Cache::builder().max_capacity(REMEMBERED).time_to_idle(full_again);
        Self { quota, limiters: limiters.build(), clock: DefaultClock::default() }
    }

    /// What somebody has left who must wait.
    pub(crate) fn nothing(&self) -> Left {
        Left { burst: 0, of: self.quota.burst_size().get() }
    }

    /// Counts one more; the error is the time to wait.
    pub(crate) fn admit(&self, key: K) -> Result<Left, Duration> {
        self.admit_many(key, NonZeroU32::MIN)
    }

    /// Counts so many more, or none of them.
    pub(crate) fn admit_many(&self, key: K, count: NonZeroU32) -> Result<Left, Duration> {
        let limiter = self
            .limiters
            .get_with(key, || Arc::new(RateLimiter::direct(self.quota).with_middleware()));
        // More than fit at once take all that fit.
        match limiter.check_n(count.min(self.quota.burst_size())) {
            Ok(Ok(state)) => Ok(Left {
                burst: state.remaining_burst_capacity(),
                of: self.quota.burst_size().get(),
            }),
            Ok(Err(until)) => Err(until.wait_time_from(self.clock.now())),
            Err(_) => Err(self.quota.burst_size_replenished_in()),
        }
    }
}

impl<K> std::fmt::Debug for Throttle<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("quota", &self.quota).finish_non_exhaustive()
    }
}
