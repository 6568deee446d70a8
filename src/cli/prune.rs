//! `djaffar prune`

use std::time::Duration;

use clap::Args;

use super::{Result, open};
use crate::app::Djaffar;
use crate::auth::Admin;
use crate::privacy::{Pruned, Retention};

/// For how long things are kept; the server keeps to it as well.
#[derive(Clone, Debug, Args)]
pub(super) struct Keep {
    /// Forget activities after so long, like 400d; without it: never
    #[arg(long, env = "DJAFFAR_KEEP_ACTIVITIES", value_parser = humantime::parse_duration)]
    pub keep_activities: Option<Duration>,
    /// Forget activities of these names sooner, like view=90d,search=7d
    #[arg(long, env = "DJAFFAR_KEEP_EVENTS", value_delimiter = ',', value_parser = event)]
    pub keep_events: Vec<(String, Duration)>,
    /// Forget network addresses and user agents after so long, like 30d; without it: with the activities
    #[arg(long, env = "DJAFFAR_KEEP_ORIGINS", value_parser = humantime::parse_duration)]
    pub keep_origins: Option<Duration>,
    /// Forget lines of the audit log after so long, like 2y, a day at least; without it: never
    #[arg(long, env = "DJAFFAR_KEEP_AUDIT", value_parser = humantime::parse_duration)]
    pub keep_audit: Option<Duration>,
}

impl Keep {
    pub(super) fn retention(&self) -> Retention {
        Retention {
            activities: self.keep_activities,
            events: self.keep_events.iter().cloned().collect(),
            origins: self.keep_origins,
            audit: self.keep_audit,
        }
    }
}

/// A name, and for how long activities of it are kept.
fn event(text: &str) -> std::result::Result<(String, Duration), String> {
    let (name, age) = text.rsplit_once('=').ok_or("write a name and how long, like search=7d")?;
    let age = humantime::parse_duration(age.trim()).map_err(|error| error.to_string())?;
    Ok((name.trim().to_owned(), age))
}

#[derive(Debug, Args)]
pub(super) struct Prune {
    #[command(flatten)]
    keep: Keep,
    /// Only count what is too old
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(database_url: &str, prune: Prune) -> Result<()> {
    let djaffar = open(database_url).await?;
    let result = execute(&djaffar, prune).await;
    djaffar.shutdown().await;
    result
}

async fn execute(djaffar: &Djaffar, prune: Prune) -> Result<()> {
    let retention = prune.keep.retention();
    if retention == Retention::default() {
        return Err("Say for how long something is to be kept, like --keep-activities 400d.".into());
    }
    let pruned = if prune.dry_run {
        djaffar.privacy().prunable(&retention).await?
    } else {
        djaffar.privacy().note_prune(&Admin::operator(), &retention).await?;
        djaffar.privacy().prune(&retention, None).await?
    };
    let Pruned { activities, sessions, addresses, user_agents, audit_events } = pruned;
    let verb = if prune.dry_run { "would be forgotten" } else { "forgotten" };
    println!(
        "{verb}: {activities} activities, {sessions} sessions, {addresses} addresses, \
         {user_agents} user agents, {audit_events} lines of the audit log"
    );
    Ok(())
}
