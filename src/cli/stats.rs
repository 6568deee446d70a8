//! `djaffar stats`

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Result, open};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Stats {
    /// Count everything anew, which is never needed unless somebody has changed the tables by hand
    Rebuild,
}

pub(super) async fn run(database_url: &str, stats: Stats) -> Result<()> {
    let Stats::Rebuild = stats;
    let djaffar = open(database_url).await?;
    let result = rebuild(djaffar.store()).await;
    djaffar.shutdown().await;
    result
}

async fn rebuild(store: &Store) -> Result<()> {
    let periods = store.doubt_rollups().await?;
    roll_up(store, periods).await?;
    store.sweep_terms().await?;
    let stale = store.stale_periods().await?;
    println!("{periods} periods of five minutes are counted anew");
    if stale > 0 {
        println!("{stale} periods are still being written to, and are counted when asked for");
    }
    Ok(())
}

/// Counts what is not counted yet, and shows how far it is.
pub(super) async fn roll_up(store: &Store, periods: u64) -> Result<()> {
    let bar = progress_bar(periods, "counting")?;
    store.roll_up(|done| bar.inc(done)).await?;
    bar.finish_and_clear();
    Ok(())
}

/// A bar on the terminal, if there is one.
pub(super) fn progress_bar(length: u64, what: &'static str) -> Result<ProgressBar> {
    let style = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
    let bar = ProgressBar::new(length).with_style(ProgressStyle::with_template(style)?);
    Ok(bar.with_message(what))
}
