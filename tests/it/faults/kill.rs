//! The process ends, asked or not.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::load::{late_load, load};
use super::{SEED, is_long, report};
use crate::harness::{Client, Program, TestDatabase};

const RATE: u32 = 300;

/// Counts in advance so often that it happens between two kills.
fn often_counting(database: &TestDatabase) -> Program {
    Program::new(&database.url).env("DJAFFAR_ROLL_UP_EVERY", "50ms")
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
    let mut random = StdRng::seed_from_u64(SEED);
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let start = Instant::now();
        let mut server = often_counting(&database).serve(&["--listen", "127.0.0.1:0"]).await;
        slowest = slowest.max(start.elapsed());
        // A random moment under load, the same in each run; the load goes on a little longer.
        let moment = Duration::from_millis(random.random_range(50..800));
        let kill = async {
            tokio::time::sleep(moment).await;
            server.child.kill().await.unwrap();
        };
        let lasts = moment + Duration::from_millis(20);
        tokio::join!(late_load(&server.url, RATE, lasts, &ledger), kill);
        ledger.audit(&database).await;
    }
    database.check_integrity().await;
    // What is counted in advance goes on being so, and is right.
    let server = often_counting(&database).serve(&["--listen", "127.0.0.1:0"]).await;
    late_load(&server.url, RATE, Duration::from_millis(300), &ledger).await;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while database.count("SELECT count(*) FROM djaffar_rollup").await == 0 {
        tick.tick().await;
    }
    ledger.audit(&database).await;
    let acknowledged = ledger.acknowledgements().len();
    assert!(acknowledged > 0, "there was no load");
    report(
        "kill -9 under load",
        format!(
            "{rounds} times; {acknowledged} of {} acknowledged, none lost; slowest start {slowest:.0?}",
            ledger.ids().len()
        ),
    );
}

#[tokio::test]
async fn a_stop_under_load_answers_what_was_accepted() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let url = server.url.clone();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let start = Instant::now();
        let (code, _) = server.stop().await;
        (code, start.elapsed())
    };
    let (tally, (code, took)) =
        tokio::join!(load(&url, RATE, Duration::from_millis(500), &ledger), stop);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!tally.accepted.is_empty() && tally.others.is_empty(), "{tally}");
    ledger.audit(&database).await;
    // Whatever has come in is answered: what is stored and was not answered would be one that was
    // accepted and dropped.
    let stored = database.count("SELECT count(*) FROM djaffar_activity").await;
    assert_eq!(stored as usize, ledger.acknowledgements().len());
    report("SIGTERM under load", format!("{tally}; exit 0 after {took:.0?}, none lost"));
}

#[tokio::test]
async fn a_retry_storm_stores_each_once() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let mut server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.child.kill().await.unwrap();
    };
    tokio::join!(load(&server.url, RATE, Duration::from_millis(320), &ledger), kill);

    // Everything one to four times more, all at once, whether it was answered or not.
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&server.url);
    client.log("/before").await;
    let mut random = StdRng::seed_from_u64(SEED);
    let ids = ledger.ids();
    let mut retries = Vec::new();
    for id in &ids {
        for _ in 0..random.random_range(1..=4) {
            let (client, id) = (client.clone(), *id);
            retries.push(tokio::spawn(async move {
                let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) {
                    activity { id path name } userErrors { code } } }";
                let mut response = client.post_graphql(query, json!({ "id": id })).await;
                while response.status() == StatusCode::SERVICE_UNAVAILABLE {
                    // As it was told to.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    response = client.post_graphql(query, json!({ "id": id })).await;
                }
                let mut body: Value = response.json().await.unwrap();
                (id, body["data"]["logActivity"].take())
            }));
        }
    }
    let sent = retries.len();
    for retry in retries {
        let (id, payload) = retry.await.unwrap();
        let activity = json!({ "id": id, "path": "/", "name": "view" });
        assert_eq!(payload, json!({ "activity": activity, "userErrors": [] }));
    }
    let stored = database.count("SELECT count(*) FROM djaffar_activity WHERE path = '/'").await;
    assert_eq!(stored as usize, ids.len());
    let unique = "SELECT count(DISTINCT id) FROM djaffar_activity WHERE path = '/'";
    assert_eq!(database.count(unique).await as usize, ids.len());
    report(
        "retry storm",
        format!("{} ids, {sent} retries, the same answers, one row each", ids.len()),
    );
}
