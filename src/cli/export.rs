//! `djaffar export`

use std::io::Write;

use clap::Args;

use super::{Result, open};
use crate::app::Djaffar;
use crate::auth::Admin;
use crate::graphql::{cursor, selection};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// For spreadsheets, or for programs
    #[arg(long, default_value = "csv", value_parser = ["csv", "ndjson"])]
    format: String,
    /// Which activities: an ActivityFilter as JSON, like '{"path": {"startsWith": "/checkout"}}'
    #[arg(long = "where", value_name = "JSON")]
    filter: Option<String>,
    /// The newest first, or the oldest
    #[arg(long, default_value = "newest", value_parser = ["newest", "oldest"])]
    order: String,
    /// Go on after the row with this cursor; the file then has no header
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

pub(super) async fn run(database_url: &str, export: Export) -> Result<()> {
    let djaffar = open(database_url).await?;
    let result = write(&djaffar, export).await;
    djaffar.shutdown().await;
    result
}

async fn write(djaffar: &Djaffar, export: Export) -> Result<()> {
    let Export { format, filter, order, after } = export;
    let staff = Admin::operator().staff();
    let direction = if order == "oldest" { "ASC" } else { "DESC" };
    let order = format!("{{\"field\": \"DATE\", \"direction\": \"{direction}\"}}");
    let selection = selection(filter.as_deref(), Some(&order), after.as_deref())?;
    djaffar.auth().note_export(&staff, &format, &selection.filter, after).await?;
    let mut export = djaffar.activities().export(&staff, selection, format.parse()?, cursor);
    let mut stdout = std::io::stdout().lock();
    while let Some(piece) = export.next().await? {
        stdout.write_all(&piece)?;
    }
    Ok(stdout.flush()?)
}
