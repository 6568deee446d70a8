//! The service is killed while it works; what it had acknowledged must be there.
//!
//! A ledger holds every id that was sent, and whether it was acknowledged. After the fault: every
//! acknowledged id is stored, none is stored twice, and nothing is stored that was never sent.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::header::COOKIE;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Client, Program, TestApp, TestDatabase, set_cookie};

/// Times that the service is killed. `make faults` sets more.
const ROUNDS: &str = "DJAFFAR_TEST_KILLS";
const SEED: u64 = 20_261_123;
const CLIENTS: usize = 16;

/// Every id that was sent, and whether it was acknowledged.
type Ledger = Arc<Mutex<HashMap<Uuid, bool>>>;

/// Logs again and again, until the service does not answer any more.
async fn log_until_the_end(client: Client, ledger: Ledger) {
    let query = "mutation($input: LogActivityInput!) { logActivity(input: $input) { userErrors { code } } }";
    loop {
        let id = Uuid::now_v7();
        ledger.lock().unwrap().insert(id, false);
        let body = json!({ "query": query, "variables": { "input": { "id": id, "path": "/" } } });
        let sent = client.request(reqwest::Method::POST, "/graphql").json(&body).send().await;
        let Ok(response) = sent else { return };
        let is_acknowledged = response.status() == 200
            && response.json::<serde_json::Value>().await.is_ok_and(|body| {
                body["errors"].is_null() && body["data"]["logActivity"]["userErrors"] == json!([])
            });
        if is_acknowledged {
            ledger.lock().unwrap().insert(id, true);
        }
    }
}

async fn audit(database: &TestDatabase, ledger: &Ledger) {
    let rows = database.query("SELECT id FROM djaffar_activity").await;
    let stored: Vec<Uuid> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
    let unique: HashSet<Uuid> = stored.iter().copied().collect();
    assert_eq!(unique.len(), stored.len(), "an id is stored twice");
    {
        let ledger = ledger.lock().unwrap();
        for id in &unique {
            assert!(ledger.contains_key(id), "{id} was never sent");
        }
        for (id, is_acknowledged) in ledger.iter() {
            assert!(!is_acknowledged || unique.contains(id), "{id} was acknowledged and is lost");
        }
    }
    // Sessions come with their activities, or not at all.
    let orphans = "SELECT count(*) FROM djaffar_activity WHERE session_id NOT IN (SELECT id FROM djaffar_session)";
    assert_eq!(database.count(orphans).await, 0);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let rounds = std::env::var(ROUNDS).map_or(3, |rounds| rounds.parse().unwrap());
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..rounds {
        let mut server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(log_until_the_end(Client::new(&server.url), ledger.clone())))
            .collect();
        // A random moment under load, the same in each run.
        let mut moment = tokio::time::interval(Duration::from_millis(random.random_range(5..400)));
        moment.tick().await;
        moment.tick().await;
        server.child.kill().await.unwrap();
        for client in clients {
            client.await.unwrap();
        }
        audit(&database, &ledger).await;
    }
    if !database.is_postgres() {
        let check = database.query("PRAGMA integrity_check").await;
        assert_eq!(check[0].try_get_by_index::<String>(0).unwrap(), "ok");
    }
    let acknowledged =
        ledger.lock().unwrap().values().filter(|acknowledged| **acknowledged).count();
    assert!(acknowledged > 0, "there was no load");
    println!(
        "{rounds} kills, {acknowledged} of {} acknowledged, none lost",
        ledger.lock().unwrap().len()
    );
}

#[tokio::test]
async fn a_retry_after_a_lost_answer_stores_nothing_twice() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let mut server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(log_until_the_end(Client::new(&server.url), ledger.clone())))
        .collect();
    let mut moment = tokio::time::interval(Duration::from_millis(150));
    moment.tick().await;
    moment.tick().await;
    server.child.kill().await.unwrap();
    for client in clients {
        client.await.unwrap();
    }
    // Everything once more, whether it was answered or not.
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&server.url);
    client.log("/before").await;
    let ids: Vec<Uuid> = ledger.lock().unwrap().keys().copied().collect();
    let query = "mutation($activities: [LogActivityInput!]!) {
        logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
    for ids in ids.chunks(500) {
        let activities: Vec<_> = ids.iter().map(|id| json!({ "id": id, "path": "/" })).collect();
        let data = client.graphql_with(query, json!({ "activities": activities })).await;
        assert_eq!(data["logActivities"]["results"].as_array().unwrap().len(), ids.len());
    }
    let stored = database.count("SELECT count(*) FROM djaffar_activity WHERE path = '/'").await;
    assert_eq!(stored, ids.len() as i64);
}

/// Throws everybody out of a database of PostgreSQL.
async fn throw_out(database: &TestDatabase) {
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.count(others).await;
}

#[tokio::test]
async fn a_database_that_drops_its_connections_loses_nothing() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return;
    }
    let ledger = Ledger::default();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, ledger, stop) = (app.visitor(), ledger.clone(), stop.clone());
            tokio::spawn(async move {
                let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) { userErrors { code } } }";
                let mut refused = 0;
                while !stop.load(Ordering::Relaxed) {
                    let id = Uuid::now_v7();
                    ledger.lock().unwrap().insert(id, false);
                    let response = client.post_graphql(query, json!({ "id": id })).await;
                    match response.status().as_u16() {
                        200 => _ = ledger.lock().unwrap().insert(id, true),
                        503 => refused += 1,
                        status => panic!("{status}"),
                    }
                }
                refused
            })
        })
        .collect();
    let mut moment = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..10 {
        moment.tick().await;
        throw_out(&app.database).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut refused = 0;
    for client in clients {
        refused += client.await.unwrap();
    }
    audit(&app.database, &ledger).await;
    // It recovers by itself.
    app.visitor().log("/after").await;
    println!("10 times thrown out, {} sent, {refused} told 503", ledger.lock().unwrap().len());
}

#[tokio::test]
async fn without_the_database_nobody_is_taken_for_anonymous() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return;
    }
    app.make_user("jeff", "user").await;
    let by_token = app.make_token("jeff", "log,read").await;
    let response = app.visitor().log("/").await;
    let cookie = format!("sessionid={}", set_cookie(&response).unwrap());
    // A node that remembers neither.
    let (_node, url) = app.another_node().await;
    app.database.close_to_all().await;
    let by_token = Client::new(&url).with_bearer(&by_token);
    assert_eq!(by_token.post_graphql("{ viewer { role } }", json!({})).await.status(), 503);
    let form = [("date", "2026-11-23T03:00:00"), ("path", "/")];
    assert_eq!(by_token.post_form("/logs", &form).await.status(), 503);
    let by_cookie = Client::new(&url).request(reqwest::Method::POST, "/logs");
    let response = by_cookie.header(COOKIE, &cookie).form(&form).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().get("set-cookie").is_none(), "the visitor keeps the session");
    assert_eq!(Client::new(&url).get("/readyz").await.status(), 503);
    app.database.open_again().await;
    assert_eq!(by_token.post_graphql("{ viewer { role } }", json!({})).await.status(), 200);
}

/// Sets how large the files of a process may become; beyond that, writing fails as on a full disk.
async fn limit_files(process: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let process = process.to_string();
    let command = ["--pid", process.as_str(), limit.as_str()];
    let status = tokio::process::Command::new("prlimit").args(command).status().await.unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_told_and_loses_nothing() {
    let database = TestDatabase::create().await;
    if database.is_postgres() {
        return;
    }
    let server = Program::new(&database.url)
        .ignoring_large_files()
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    let process = server.child.id().unwrap();
    let known = Client::new(&server.url);
    known.log("/known").await;
    let (mut acknowledged, mut refused) = (1, 0);
    // Twice full, and twice with room again.
    for round in 0..2 {
        let wal = format!("{}-wal", database.url.strip_prefix("sqlite://").unwrap());
        let size = std::fs::metadata(&wal).unwrap().len();
        limit_files(process, &(size + 20_000).to_string()).await;
        let refused_before = refused;
        for number in 0..60 {
            // First visits are transactions, others one statement.
            let visitor = if number % 2 == 0 { Client::new(&server.url) } else { known.clone() };
            let form = [("date", "2026-11-23T03:00:00"), ("path", "/")];
            match visitor.post_form("/logs", &form).await.status().as_u16() {
                204 => acknowledged += 1,
                503 => refused += 1,
                status => panic!("{status}"),
            }
        }
        assert!(refused > refused_before, "the disk was never full");
        limit_files(process, "unlimited").await;
        for _ in 0..5 {
            known.log(&format!("/room-again-{round}")).await;
            Client::new(&server.url).log("/visitor").await;
            acknowledged += 2;
        }
        // Another process sees what this one has acknowledged.
        let stored = database.count("SELECT count(*) FROM djaffar_activity").await;
        assert_eq!(stored, acknowledged, "{refused} refused");
    }
    assert_eq!(server.stop().await.0, Some(0));
    assert_eq!(database.count("SELECT count(*) FROM djaffar_activity").await, acknowledged);
    let check = database.query("PRAGMA integrity_check").await;
    assert_eq!(check[0].try_get_by_index::<String>(0).unwrap(), "ok");
}
