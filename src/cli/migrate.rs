//! `djaffar migrate`

use clap::{Args, Subcommand};

use super::{Result, must_exist};
use crate::store::Database;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply what is pending (the default)
    Up,
    /// Show what is applied and what is pending
    Status,
}

pub(super) async fn run(database_url: &str, migrate: Migrate) -> Result<()> {
    let only_looks = matches!(migrate.action, Some(Action::Status));
    if only_looks {
        must_exist(database_url)?;
    }
    let database = Database::connect(database_url).await?;
    if !only_looks {
        database.migrate().await?;
    }
    for (name, is_applied) in database.migrations().await? {
        println!("{}  {name}", if is_applied { "applied" } else { "pending" });
    }
    Ok(())
}
