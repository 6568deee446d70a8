//! For how long things are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Privacy;
use crate::activity::{Bound, Filter, Text, Timestamp};
use crate::auth::Admin;
use crate::auth::audit::Action;
use crate::error::Error;
use crate::store::forget::Forget;
use crate::store::turn::Work;

/// How often it is looked whether something has become too old.
const EVERY: Duration = Duration::from_secs(3_600);
const ROUNDS_A_DAY: u32 = 24;
/// More is not counted.
const MAX_COUNT: u64 = 1_000_000_000;
/// The audit log refuses to lose lines that are younger.
const LEAST_AUDIT: Duration = Duration::from_secs(86_400);

/// For how long things are kept. None: for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Activities, by their dates; and sessions that were not used since and hold nothing any more.
    pub activities: Option<Duration>,
    /// Activities of these names, if that is shorter.
    pub events: BTreeMap<String, Duration>,
    /// The network addresses of activities, and the user agents of sessions.
    pub origins: Option<Duration>,
    /// The audit log of staff; a day at least.
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

impl Retention {
    /// What the audit log says of it.
    fn details(&self) -> Value {
        let days = |age: Duration| age.as_secs() / 86_400;
        let events: BTreeMap<_, _> =
            self.events.iter().map(|(name, age)| (name, days(*age))).collect();
        json!({
            "keepActivitiesDays": self.activities.map(days),
            "keepEventsDays": events,
            "keepOriginsDays": self.origins.map(days),
            "keepAuditDays": self.audit.map(days),
        })
    }

    /// The activities that are too old, each once.
    fn old_activities(&self) -> Vec<Filter> {
        let before = self.activities.map(ago);
        let of_all = before.map(|before| Filter::Date(Bound::Before, before));
        let of_events = self.events.iter().map(|(name, age)| {
            let since = before.map(|before| Filter::Date(Bound::From, before));
            let until = Filter::Date(Bound::Before, ago(*age));
            let of_name = Filter::Name(Text::In(vec![name.clone()]));
            Filter::All([of_name, until].into_iter().chain(since).collect())
        });
        of_all.into_iter().chain(of_events).collect()
    }

    fn old_audit(&self) -> Option<Timestamp> {
        self.audit.map(|age| ago(age.max(LEAST_AUDIT)))
    }
}

/// What was done, as far as it went.
#[derive(Default)]
struct Stages {
    pruned: Pruned,
    failed: Option<Error>,
}

impl Stages {
    /// What a stage has forgotten. If it failed, the others are tried all the same.
    fn note(&mut self, result: Result<u64, Error>, add: impl FnOnce(&mut Pruned) -> &mut u64) {
        match result {
            Ok(count) => *add(&mut self.pruned) += count,
            Err(error) => {
                error.log();
                self.failed.get_or_insert(error);
            }
        }
    }
}

impl Privacy {
    /// Forgets what has become too old, again and again, and when an admin orders it. An error is
    /// logged and the next round tries again.
    pub(crate) async fn keep_pruning(self, retention: Retention) {
        if retention == Retention::default() {
            return;
        }
        let mut rounds = tokio::time::interval(EVERY);
        let mut since = None;
        for round in 0_u32.. {
            tokio::select! {
                _ = rounds.tick() => {}
                () = self.prune_ordered.notified() => since = None,
            }
            // What comes in late has an old date: once a day everything is looked through.
            since = since.filter(|_| round % ROUNDS_A_DAY != 0);
            let until = retention.origins.map(ago);
            match self.prune_in_turn(&retention, since).await {
                Ok(done) => since = if done { until } else { None },
                Err(error) => {
                    error.log();
                    since = None;
                }
            }
        }
    }

    /// False: it is another node's turn.
    async fn prune_in_turn(
        &self,
        retention: &Retention,
        since: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let Some(_turn) = self.store.turn(Work::Prune).await? else { return Ok(false) };
        let pruned = self.prune(retention, since).await?;
        if pruned != Pruned::default() {
            tracing::info!(?pruned, "forgot what was too old");
        }
        Ok(true)
    }

    /// Orders that what is too old be forgotten now, in the background.
    pub(crate) async fn order_prune(
        &self,
        admin: &Admin,
        retention: &Retention,
    ) -> Result<(), Error> {
        self.note_prune(admin, retention).await?;
        self.prune_ordered.notify_one();
        Ok(())
    }

    /// Notes that old things are to be forgotten, before they are.
    pub(crate) async fn note_prune(
        &self,
        admin: &Admin,
        retention: &Retention,
    ) -> Result<(), Error> {
        let event = admin.actor().did(Action::Prune, None, Some(retention.details()));
        self.auth.audit.write(event).await
    }

    /// Forgets what is too old; of the network addresses those of activities `since` then.
    ///
    /// # Errors
    ///
    /// The first one, when everything has been tried.
    pub(crate) async fn prune(
        &self,
        retention: &Retention,
        since: Option<Timestamp>,
    ) -> Result<Pruned, Error> {
        let mut stages = Stages::default();
        for old in retention.old_activities() {
            let forgotten = self.forget_activities(old, Forget::Row).await;
            stages.note(forgotten, |pruned| &mut pruned.activities);
        }
        if let Some(before) = retention.activities.map(ago) {
            let forgotten = self.forget_old_sessions(before, Forget::Row).await;
            stages.note(forgotten, |pruned| &mut pruned.sessions);
        }
        if let Some(before) = retention.origins.map(ago) {
            let since = since.map(|since| Filter::Date(Bound::From, since));
            let until = Filter::Date(Bound::Before, before);
            let old = Filter::All(since.into_iter().chain([until]).collect());
            let forgotten = self.forget_activities(old, Forget::Origin).await;
            stages.note(forgotten, |pruned| &mut pruned.addresses);
            let forgotten = self.forget_old_sessions(before, Forget::Origin).await;
            stages.note(forgotten, |pruned| &mut pruned.user_agents);
        }
        if let Some(before) = retention.old_audit() {
            stages.note(self.forget_audit(before).await, |pruned| &mut pruned.audit_events);
        }
        if stages.pruned != Pruned::default() {
            self.store.roll_up_soon();
            self.store.give_space_back().await?;
        }
        stages.failed.map_or(Ok(stages.pruned), Err)
    }

    /// Counts what is too old, and leaves it.
    pub(crate) async fn prunable(&self, retention: &Retention) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        for old in retention.old_activities() {
            pruned.activities += self.store.count_activities(&old, MAX_COUNT).await?.count;
        }
        if let Some(before) = retention.activities.map(ago) {
            pruned.sessions = self.store.count_old_sessions(before, Forget::Row).await?;
        }
        if let Some(before) = retention.origins.map(ago) {
            pruned.addresses = self.store.count_addresses(before).await?;
            pruned.user_agents = self.store.count_old_sessions(before, Forget::Origin).await?;
        }
        if let Some(before) = retention.old_audit() {
            pruned.audit_events = self.store.count_audit(before).await?;
        }
        Ok(pruned)
    }

    async fn forget_old_sessions(&self, before: Timestamp, what: Forget) -> Result<u64, Error> {
        let mut forgotten = 0;
        let mut after: Option<(Timestamp, Uuid)> = None;
        loop {
            let (sessions, reached) = self.store.forget_old_sessions(before, what, after).await?;
            forgotten += sessions;
            if reached.is_none() {
                return Ok(forgotten);
            }
            after = reached;
        }
    }

    async fn forget_audit(&self, before: Timestamp) -> Result<u64, Error> {
        let mut forgotten = 0;
        while let lines @ 1.. = self.store.forget_audit(before).await? {
            forgotten += lines;
        }
        Ok(forgotten)
    }
}

/// So long before now.
fn ago(age: Duration) -> Timestamp {
    let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    Timestamp::now().plus_seconds(seconds.saturating_neg())
}
