//! Staff read all the time while activities come in.

use std::time::{Duration, Instant};

use serde_json::json;

use super::ledger::Ledger;
use super::load::Load;
use super::{LOG, is_long, log_size, program, report, serve};
use crate::harness::{Client, TestApp};

/// Goes through the whole log again and again, by pages and by what no index can find.
async fn read_for(client: &Client, lasts: Duration) -> usize {
    let page = "query($after: String) { activities(first: 200, after: $after) {
        nodes { id path session { id userAgent } } pageInfo { endCursor hasNextPage } } }";
    let search =
        "{ activities(where: { path: { contains: \"nowhere\" } }) { totalCount nodes { id } } }";
    let start = Instant::now();
    let (mut after, mut read) = (json!(null), 0);
    while start.elapsed() < lasts {
        let response = client.post_graphql(page, json!({ "after": after })).await;
        let body: serde_json::Value = response.json().await.unwrap();
        if !is_long() && !body["errors"].is_null() {
            // A machine at a standstill may be too slow even for one page.
            continue;
        }
        let page = &body["data"]["activities"];
        read += page["nodes"].as_array().unwrap().len();
        after = match page["pageInfo"]["hasNextPage"].as_bool().unwrap() {
            true => page["pageInfo"]["endCursor"].clone(),
            false => {
                client.post_graphql(search, json!({})).await;
                json!(null)
            }
        };
    }
    read
}

#[tokio::test]
async fn a_long_reader_does_not_hold_up_the_log() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let database = &app.database;
    let server = serve(program(database)).await;
    let reader = staff.at(&server.url);
    let (lasts, rate) = match (is_long(), database.is_postgres()) {
        (false, _) => (2, 50),
        (true, true) => (60, 500),
        (true, false) => (600, 500),
    };
    let lasts = Duration::from_secs(lasts);
    let ledger = Ledger::default();
    let mut without = Load::new(&server.url, rate, &ledger).lasting(lasts / 10).await;
    let (mut with, a, b) = tokio::join!(
        Load::new(&server.url, rate, &ledger).lasting(lasts),
        read_for(&reader, lasts),
        read_for(&reader, lasts)
    );
    with.assert_unhindered();
    with.assert_as_fast_as(&mut without);
    assert!(a + b > 0);
    let log = log_size(database);
    assert!(log < LOG, "{log}");
    ledger.audit(database).await;
    report(
        "readers all the time",
        format!(
            "{lasts:?}, {} rows read, {with}; p99 {:.0?}, without them {:.0?}; log at most {} MiB",
            a + b,
            with.p99(),
            without.p99(),
            log >> 20
        ),
    );
}
