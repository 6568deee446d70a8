//! Everything that can go wrong while activities come in.
//!
//! Each row runs a seeded load and one fault, and then compares what was acknowledged with what is
//! stored. `cargo test` runs each for a moment; `make faults` for long, and with the release build.

mod clock;
mod crowd;
mod disk;
mod kill;
mod ledger;
mod load;
mod overload;
mod postgres;
mod reader;
mod recording;

use std::time::Duration;

use crate::harness::Client;

const SEED: u64 = 20_261_123;

/// Whether to take the time that each row deserves.
fn is_long() -> bool {
    std::env::var("DJAFFAR_TEST_FAULTS").is_ok_and(|length| length == "long")
}

/// A line of the table that `make faults` prints.
fn report(fault: &str, outcome: String) {
    println!("\n| {fault:<33} | {outcome} |");
}

/// Logs until it is stored.
async fn until_served(client: &Client) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let form = [("date", "2026-11-23T03:00:00"), ("path", "/back")];
    loop {
        tick.tick().await;
        if client.post_form("/logs", &form).await.status() == 204 {
            return;
        }
    }
}
