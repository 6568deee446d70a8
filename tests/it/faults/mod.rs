//! Everything that can go wrong while activities come in.
//!
//! Each row runs a seeded load and one fault, and then compares what was acknowledged with what is
//! stored. `cargo test` runs each for a moment, and holds it to what is promised whatever else the
//! machine does meanwhile; `make faults` for long, with the release build, and by the clock too.

mod batches;
mod clock;
mod counting;
mod crowd;
mod disk;
mod kill;
mod ledger;
mod load;
mod overload;
mod postgres;
mod reader;
mod recording;
mod rollups;
mod stop;
mod unreachable;

use std::time::Duration;

use serde_json::json;

use self::ledger::Ledger;
use crate::harness::{Client, Program, Server, TestDatabase};

/// A machine that has much else to do may need so long for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// The write-ahead log of SQLite may grow to this size, in bytes.
const LOG: u64 = 64 << 20;

/// What the ids, the moments and the load are drawn from.
fn seed() -> u64 {
    std::env::var("DJAFFAR_TEST_SEED").map_or(20_261_123, |seed| seed.parse().unwrap())
}

/// Whether to take the time that each row deserves.
fn is_long() -> bool {
    std::env::var("DJAFFAR_TEST_FAULTS").is_ok_and(|length| length == "long")
}

/// A line of the table that `make faults` prints.
fn report(fault: &str, outcome: String) {
    println!("\n| {fault:<33} | {outcome} |");
}

/// The program, which counts in advance so often that it happens in the midst of any fault.
fn program(database: &TestDatabase) -> Program {
    Program::new(&database.url).env("DJAFFAR_ROLL_UP_EVERY", "50ms")
}

async fn serve(program: Program) -> Server {
    program.serve(&["--listen", "127.0.0.1:0"]).await
}

/// What the write-ahead log of SQLite has grown to: it is written anew, but never gets shorter.
fn log_size(database: &TestDatabase) -> u64 {
    if database.is_postgres() { 0 } else { std::fs::metadata(database.wal()).unwrap().len() }
}

/// Waits until this is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        tick.tick().await;
        while !is_so().await {
            tick.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Logs an activity, and tells whether it was stored or refused.
async fn try_log(client: &Client, ledger: &Ledger) -> bool {
    let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) {
        activity { id } userErrors { code } } }";
    let id = ledger.send();
    let response = client.post_graphql(query, json!({ "id": id })).await;
    match response.status().as_u16() {
        503 => false,
        200 => {
            let body: serde_json::Value = response.json().await.unwrap();
            let payload = json!({ "activity": { "id": id }, "userErrors": [] });
            assert_eq!(body, json!({ "data": { "logActivity": payload } }));
            ledger.acknowledge(id);
            true
        }
        status => panic!("{status}"),
    }
}

/// Logs until it is stored, and tells how long that took: in the long run, no longer than `limit`.
async fn until_served(client: &Client, ledger: &Ledger, limit: Duration) -> Duration {
    let start = std::time::Instant::now();
    until("it serves again", async || try_log(client, ledger).await).await;
    let took = start.elapsed();
    assert!(!is_long() || took < limit, "served again only after {took:?}");
    took
}
