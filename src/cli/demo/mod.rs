//! `djaffar demo`

mod people;
mod places;
mod world;

use std::time::Instant;

use chrono::Utc;
use clap::{Args, Subcommand};

use self::world::World;
use super::stats::{progress_bar, roll_up};
use super::{Result, open_or_make};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{Batch, Database, Store};

/// Activities of one commit.
const AT_ONCE: usize = 5_000;

#[derive(Debug, Subcommand)]
pub(super) enum Demo {
    /// Fill the database with what users of a shop might have done in the last ninety days
    Fill(Fill),
}

#[derive(Debug, Args)]
pub(super) struct Fill {
    /// How many activities, such as 5000, 100k or 10M
    #[arg(long, default_value = "100k", value_parser = count)]
    activities: u64,
    /// The same number makes the same users do the same
    #[arg(long, default_value = "1")]
    seed: u64,
}

pub(super) async fn run(database_url: &str, demo: Demo) -> Result<()> {
    let Demo::Fill(options) = demo;
    let database = Database::connect(database_url).await?;
    database.migrate_to_fill().await?;
    let idle = Config::default().roll_up_every;
    let (store, writer) = Store::start(database, &Metrics::new(), idle)?;
    let result = fill(&store, &options).await;
    store.stop();
    writer.await?;
    store.close().await?;
    // Adds the indexes. What the writer has held is free now.
    let djaffar = open_or_make(database_url).await?;
    let counted = roll_up(djaffar.store(), djaffar.store().stale_periods().await?).await;
    djaffar.shutdown().await;
    result.and(counted)
}

async fn fill(store: &Store, options: &Fill) -> Result<()> {
    let start = Instant::now();
    let bar = progress_bar(options.activities, "writing")?;
    let mut world = World::new(options.activities, options.seed, Utc::now().into());
    let mut under_way = tokio::spawn(async { Ok(0) });
    loop {
        let (activities, sessions) = world.next(AT_ONCE);
        // The next ones are made up while these are written.
        bar.inc(std::mem::replace(&mut under_way, tokio::spawn(async { Ok(0) })).await??);
        if activities.is_empty() {
            break;
        }
        let store = store.clone();
        under_way = tokio::spawn(async move {
            let batch = Batch { activities, sessions, ..Batch::default() };
            store.commit(batch).await.map(|written| written.new)
        });
    }
    let users = world.users();
    let many = users.len();
    store.insert_users(users).await?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let rate = options.activities as f64 / seconds;
    println!(
        "{} activities of {many} users, in {seconds:.1} s: {rate:.0} a second",
        options.activities
    );
    Ok(())
}

/// A number, in thousands (k) or millions (M) if it says so.
fn count(text: &str) -> std::result::Result<u64, &'static str> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1_000),
        Some(b'M') => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let count = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit));
    count.filter(|count| *count > 0).ok_or("write a number such as 5000, 100k or 10M")
}
