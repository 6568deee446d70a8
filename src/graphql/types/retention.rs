//! For how long things are kept.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::stats::BigInt;
use super::user_error::UserError;
use crate::error::Error;
use crate::graphql::{domain, viewer};
use crate::privacy::{self, Pruned};

/// For how long things are kept.
pub(in crate::graphql) struct Retention(privacy::Retention);

/// For how long things are kept, in seconds; null: for ever. It is set where the service is started.
#[Object]
impl Retention {
    /// Activities, by their dates; and sessions that were not used since and hold nothing any more.
    async fn activities(&self) -> Option<BigInt> {
        self.0.activities.map(|age| age.as_secs().into())
    }

    /// Activities of some names, if that is shorter.
    async fn events(&self) -> Vec<EventRetention> {
        let events = self.0.events.iter();
        let event = |(name, age): (&String, &std::time::Duration)| EventRetention {
            name: name.clone(),
            seconds: age.as_secs().into(),
        };
        events.map(event).collect()
    }

    /// Network addresses of activities, and user agents of sessions; null: as long as the activities.
    async fn origins(&self) -> Option<BigInt> {
        self.0.origins.map(|age| age.as_secs().into())
    }

    /// The audit log; a day at least.
    async fn audit(&self) -> Option<BigInt> {
        self.0.audit.map(|age| age.as_secs().into())
    }

    /// What is too old at this moment, and goes within the hour. It is counted one by one.
    async fn due(&self, context: &Context<'_>) -> Result<PruneReport, Error> {
        Ok(domain(context)?.privacy.prunable(&self.0).await?.into())
    }
}

/// For how long activities of a name are kept.
#[derive(SimpleObject)]
struct EventRetention {
    /// The kind of event.
    name: String,
    /// For so many seconds.
    seconds: BigInt,
}

/// What is too old.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PruneReport {
    /// How many activities.
    activities: BigInt,
    /// How many browser sessions of which nothing is held any more. Those of the activities here become
    /// such only when these are gone.
    sessions: BigInt,
    /// How many network addresses of activities.
    addresses: BigInt,
    /// How many user agents of sessions.
    user_agents: BigInt,
    /// How many lines of the audit log.
    audit_events: BigInt,
}

impl From<Pruned> for PruneReport {
    fn from(pruned: Pruned) -> Self {
        Self {
            activities: pruned.activities.into(),
            sessions: pruned.sessions.into(),
            addresses: pruned.addresses.into(),
            user_agents: pruned.user_agents.into(),
            audit_events: pruned.audit_events.into(),
        }
    }
}

/// How to forget what is too old.
#[derive(InputObject)]
pub(in crate::graphql) struct PruneInput {
    /// Only count it.
    #[graphql(default)]
    dry_run: bool,
}

/// What is being forgotten.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PrunePayload {
    /// What was too old before; null if it was refused.
    due: Option<PruneReport>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Resolves the settings.
pub(in crate::graphql) fn retention(context: &Context<'_>) -> Result<Retention, Error> {
    viewer(context)?.admin()?;
    Ok(Retention(domain(context)?.config.retention.clone()))
}

/// Counts what is too old, and has it forgotten in the background.
pub(in crate::graphql) async fn prune(
    context: &Context<'_>,
    input: PruneInput,
) -> Result<PrunePayload, Error> {
    let admin = viewer(context)?.admin()?;
    let domain = domain(context)?;
    let retention = &domain.config.retention;
    let due = domain.privacy.prunable(retention).await?;
    if !input.dry_run {
        domain.privacy.order_prune(&admin, retention).await?;
    }
    Ok(PrunePayload { due: Some(due.into()), user_errors: Vec::new() })
}
