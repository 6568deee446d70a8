//! The clock of the machine jumps.

use std::time::Duration;

use serde_json::json;

use super::ledger::Ledger;
use super::load::Load;
use super::{program, report, until_served};
use crate::harness::{Client, TestApp};

/// The library that makes a program see another time, as of Debian's libfaketime.
fn libfaketime() -> String {
    let directories = std::fs::read_dir("/usr/lib").unwrap();
    directories
        .map(|directory| directory.unwrap().path().join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
        .expect("libfaketime as of Debian: run make setup")
        .display()
        .to_string()
}

#[tokio::test]
async fn a_clock_that_jumps_confuses_nobody() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let server = program(&app.database)
        .env("LD_PRELOAD", &libfaketime())
        .env("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .serve(&["--listen", "127.0.0.1:0", "--mode", "development"])
        .await;
    let staff = staff.at(&server.url);
    let visitor = Client::new(&server.url);
    let ledger = Ledger::default();
    let mut sessions = Vec::new();
    for jump in ["+0", "+1h", "-1h", "+1h", "+0"] {
        std::fs::write(&clock, jump).unwrap();
        let lasts = Duration::from_millis(300);
        Load::new(&server.url, 50, &ledger).lasting(lasts).await.assert_unhindered();
        until_served(&visitor, &ledger, lasts).await;
        let data = visitor.graphql("{ viewer { session { id } } }").await;
        sessions.push(data["viewer"]["session"]["id"].as_str().unwrap().to_owned());
    }
    sessions.dedup();
    assert_eq!(sessions.len(), 1, "the visitor stays in one session");
    ledger.audit(&app.database).await;

    // The jumps were seen, and pages are in the order of the dates all the same.
    let query = "query($after: String) { activities(first: 100, after: $after) {
        nodes { id date } pageInfo { endCursor hasNextPage } } }";
    let (mut after, mut keys) = (json!(null), Vec::new());
    loop {
        let data = staff.graphql_with(query, json!({ "after": after })).await;
        let page = &data["activities"];
        for node in page["nodes"].as_array().unwrap() {
            let key = |name: &str| node[name].as_str().unwrap().to_owned();
            keys.push((key("date").parse::<chrono::DateTime<chrono::Utc>>().unwrap(), key("id")));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert!(keys.len() >= ledger.acknowledged());
    assert!(keys.is_sorted_by(|a, b| a > b), "newest first");
    assert!(keys[0].0 - keys[keys.len() - 1].0 > chrono::TimeDelta::minutes(110));
    report("clock jumps by an hour", format!("{} activities, one session, in order", keys.len()));
}
