//! The process is killed, and its clients try again.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::ledger::Ledger;
use super::load::Load;
use super::{is_long, program, report, seed, serve, until, until_served};
use crate::harness::{Client, Server, TestDatabase};

const RATE: u32 = 300;
/// From the start to the first request that is answered.
const RESTARTED: Duration = Duration::from_secs(2);

/// Kills the service under load: when something was acknowledged, and a moment later. The load goes
/// on a little longer.
async fn kill_under_load(server: &mut Server, after: Duration, ledger: &Ledger) {
    let load = Load::new(&server.url, RATE, ledger).late();
    let enough = ledger.acknowledged() + 1;
    let kill = async {
        ledger.until_has(enough).await;
        sleep(after).await;
        server.kill().await;
        sleep(Duration::from_millis(20)).await;
    };
    load.during(kill).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let database = TestDatabase::create().await;
    let rounds = match (is_long(), database.is_postgres()) {
        (false, _) => 3,
        (true, true) => 20,
        (true, false) => 50,
    };
    let ledger = Ledger::default();
    let mut random = StdRng::seed_from_u64(seed());
    let mut slowest = Duration::ZERO;
    let mut server = serve(program(&database)).await;
    for _ in 0..rounds {
        let moment = Duration::from_millis(random.random_range(10..700));
        kill_under_load(&mut server, moment, &ledger).await;
        // The service itself comes first, and finds what the other one has left.
        let start = Instant::now();
        server = serve(program(&database)).await;
        assert_eq!(Client::new(&server.url).get("/readyz").await.status(), StatusCode::OK);
        slowest = slowest.max(start.elapsed());
        ledger.audit(&database).await;
        database.check_integrity().await;
    }
    assert!(!is_long() || slowest < RESTARTED, "{slowest:?}");
    // What is counted in advance goes on being so, and is right.
    Load::new(&server.url, RATE, &ledger).late().lasting(Duration::from_millis(300)).await;
    // What the dead ones have held they hold no more, which only time could tell.
    database.execute("UPDATE djaffar_rollup_stale SET held_at = 0").await;
    let counted = "SELECT count(*) FROM djaffar_rollup";
    until("it is counted", async || database.count(counted).await > 0).await;
    ledger.audit(&database).await;
    report(
        "kill -9 under load",
        format!(
            "{rounds} times; {} of {} acknowledged, none lost; slowest start {slowest:.0?}",
            ledger.acknowledged(),
            ledger.ids().len()
        ),
    );
}

/// Logs under an id until it is stored, and returns the answer.
async fn retry(client: Client, id: Uuid) -> (Uuid, Value) {
    let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) {
        activity { id path name date receivedAt } userErrors { code } } }";
    loop {
        let response = client.post_graphql(query, json!({ "id": id })).await;
        if response.status() == StatusCode::OK {
            return (id, response.json().await.unwrap());
        }
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        // As it was told to.
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_retry_storm_stores_each_once() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let mut server = serve(program(&database)).await;
    let lasts = if is_long() { 3_000 } else { 300 };
    kill_under_load(&mut server, Duration::from_millis(lasts), &ledger).await;

    // Everything one to four times more, all at once, whether it was answered or not.
    let server = serve(program(&database)).await;
    let client = Client::new(&server.url);
    until_served(&client, &ledger, RESTARTED).await;
    let mut random = StdRng::seed_from_u64(seed());
    let ids = ledger.ids();
    let ids = &ids[..ids.len().min(2_000)];
    let mut retries = Vec::new();
    for id in ids {
        for _ in 0..random.random_range(1..=4) {
            retries.push(tokio::spawn(retry(client.clone(), *id)));
        }
    }
    let sent = retries.len();
    let mut answers = std::collections::HashMap::new();
    for answer in retries {
        let (id, answer) = answer.await.unwrap();
        assert_eq!(answer["data"]["logActivity"]["activity"]["id"], json!(id), "{answer}");
        assert_eq!(*answers.entry(id).or_insert_with(|| answer.clone()), answer);
        ledger.acknowledge(id);
    }
    ledger.audit(&database).await;
    report(
        "retry storm",
        format!("{} ids, {sent} retries, the same answers, one row each", ids.len()),
    );
}
