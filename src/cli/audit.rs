//! `djaffar audit`

use clap::Args;

use super::{Result, open, printable, shown};
use crate::auth::{Admin, Auth};

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// How many lines, the newest first
    #[arg(long, default_value_t = 100)]
    last: u64,
}

pub(super) async fn run(database_url: &str, audit: Audit) -> Result<()> {
    let djaffar = open(database_url).await?;
    let result = list(djaffar.auth(), audit.last).await;
    djaffar.shutdown().await;
    result
}

async fn list(auth: &Auth, last: u64) -> Result<()> {
    let events = auth.audit.newest(&Admin::operator(), last).await?;
    let actors: Vec<_> = events.iter().filter_map(|event| event.actor_id).collect();
    let actors = auth.users.by_ids(&actors).await?;
    println!("{:<17} {:<17} {:<36} {:<15} ACTOR / DETAILS", "DATE", "ACTION", "SUBJECT", "ADDRESS");
    for event in events {
        let actor = actors.iter().find(|user| Some(user.id) == event.actor_id);
        println!(
            "{:<17} {:<17} {:<36} {:<15} {} / {}",
            shown(Some(event.date)),
            event.action,
            event.subject.as_deref().unwrap_or("-"),
            event.ip_address.as_deref().unwrap_or("-"),
            actor.map_or("-".into(), |user| printable(&user.username)),
            printable(&event.details.map(|details| details.to_string()).unwrap_or_default()),
        );
    }
    Ok(())
}
