//! For how long things are kept.

use std::time::Duration;

use super::Privacy;
use crate::activity::{Bound, Filter, Timestamp};
use crate::error::Error;
use crate::store::forget::Forget;

/// How often it is looked whether something has become too old.
const EVERY: Duration = Duration::from_secs(3_600);
const ROUNDS_A_DAY: u32 = 24;
/// More is not counted.
const MAX_COUNT: u64 = 1_000_000_000;

/// For how long things are kept. None: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Activities, by their dates; and sessions that were not used since and hold nothing any more.
    pub activities: Option<Duration>,
    /// The network addresses of activities, and the user agents of sessions.
    pub origins: Option<Duration>,
    /// The audit log of staff.
    pub audit: Option<Duration>,
}

/// What was too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub activities: u64,
    pub sessions: u64,
    pub addresses: u64,
    pub user_agents: u64,
    pub audit_events: u64,
}

impl Privacy {
    /// Forgets what has become too old, again and again. An error is logged and the next round
    /// tries again.
    pub(crate) async fn keep_pruning(self, retention: Retention) {
        if retention == Retention::default() {
            return;
        }
        let mut rounds = tokio::time::interval(EVERY);
        let mut since = None;
        for round in 0_u32.. {
            rounds.tick().await;
            // What comes in late has an old date: once a day everything is looked through.
            since = since.filter(|_| round % ROUNDS_A_DAY != 0);
            let until = retention.origins.map(ago);
            let pruned = self.prune(retention, since).await;
            since = pruned.as_ref().ok().and(until);
            match pruned {
                Ok(pruned) if pruned == Pruned::default() => {}
                Ok(pruned) => tracing::info!(?pruned, "forgot what was too old"),
                Err(error) => error.log(),
            }
        }
    }

    /// Forgets what is too old; of the network addresses those of activities `since` then.
    pub(crate) async fn prune(
        &self,
        retention: Retention,
        since: Option<Timestamp>,
    ) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        if let Some(before) = retention.activities.map(ago) {
            let old = Filter::Date(Bound::Before, before);
            pruned.activities = self.forget_activities(old, Forget::Row).await?;
            pruned.sessions = self.forget_old_sessions(before, Forget::Row).await?;
        }
        if let Some(before) = retention.origins.map(ago) {
            let since = since.map(|since| Filter::Date(Bound::From, since));
            let until = Filter::Date(Bound::Before, before);
            let old = Filter::All(since.into_iter().chain([until]).collect());
            pruned.addresses = self.forget_activities(old, Forget::Origin).await?;
            pruned.user_agents = self.forget_old_sessions(before, Forget::Origin).await?;
        }
        if let Some(before) = retention.audit.map(ago) {
            while let lines @ 1.. = self.store.forget_audit(before).await? {
                pruned.audit_events += lines;
            }
        }
        if pruned != Pruned::default() {
            while self.store.give_space_back().await? {}
        }
        Ok(pruned)
    }

    /// Counts what is too old, and leaves it.
    pub(crate) async fn prunable(&self, retention: Retention) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        if let Some(before) = retention.activities.map(ago) {
            let old = Filter::Date(Bound::Before, before);
            pruned.activities = self.store.count_activities(&old, MAX_COUNT).await?.count;
            pruned.sessions = self.store.count_old_sessions(before, Forget::Row).await?;
        }
        if let Some(before) = retention.origins.map(ago) {
            pruned.addresses = self.store.count_addresses(before).await?;
            pruned.user_agents = self.store.count_old_sessions(before, Forget::Origin).await?;
        }
        if let Some(before) = retention.audit.map(ago) {
            pruned.audit_events = self.store.count_audit(before).await?;
        }
        Ok(pruned)
    }

    async fn forget_old_sessions(&self, before: Timestamp, what: Forget) -> Result<u64, Error> {
        let mut forgotten = 0;
        loop {
            let ids = self.store.old_sessions(before, what).await?;
            // None is left, or another node has just been at them.
            match self.store.forget_sessions(&ids, what).await? {
                0 => return Ok(forgotten),
                sessions => forgotten += sessions,
            }
        }
    }
}

/// So long before now.
fn ago(age: Duration) -> Timestamp {
    let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    Timestamp::now().plus_seconds(seconds.saturating_neg())
}
