//! PostgreSQL goes away and comes back.

use std::time::{Duration, Instant};

use reqwest::header::COOKIE;
use serde_json::json;

use super::ledger::Ledger;
use super::load::{late_load, load};
use super::{report, until_served};
use crate::harness::{Client, PostgresServer, Program, TestApp, TestDatabase, set_cookie};

const RATE: u32 = 200;
/// After the database is back, the service must be within this time.
const BACK: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_restart_of_the_database_loses_nothing() {
    if !TestDatabase::is_on_postgres() {
        return;
    }
    for immediately in [false, true] {
        let mut postgres = PostgresServer::start().await;
        let database = TestDatabase::on(&postgres.url()).await;
        let server = Program::new(&database.url)
            .env("DJAFFAR_ROLL_UP_EVERY", "50ms")
            .serve(&["--listen", "127.0.0.1:0"])
            .await;
        let client = Client::new(&server.url);
        let ledger = Ledger::default();
        let restart = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            postgres.stop(immediately).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            postgres.run().await;
            let start = Instant::now();
            tokio::time::timeout(BACK, until_served(&client)).await.expect("it is not back");
            start.elapsed()
        };
        let lasts = Duration::from_secs(3);
        let (tally, back) = tokio::join!(late_load(&server.url, RATE, lasts, &ledger), restart);
        assert!(tally.others.is_empty() && tally.unknown == 0, "{tally}");
        ledger.audit(&database).await;
        client.log("/after").await;
        drop(database);
        let how = if immediately { "immediate" } else { "fast" };
        report(&format!("PostgreSQL restarted ({how})"), format!("{tally}; back after {back:.0?}"));
    }
}

#[tokio::test]
async fn a_commit_whose_outcome_is_unknown_is_no_success_and_can_be_retried() {
    if !TestDatabase::is_on_postgres() {
        return;
    }
    let postgres = PostgresServer::start().await;
    let database = TestDatabase::on(&postgres.url()).await;
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&server.url);
    client.log("/before").await;
    let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) { activity { id } userErrors { code } } }";
    // A commit now waits for a standby that never comes, with its rows written.
    database.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    database.execute("SELECT pg_reload_conf()").await;
    let id = uuid::Uuid::now_v7();
    let waiting = client.post_graphql(query, json!({ "id": id }));
    let terminate = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while database.count(waiting).await == 0 {
            tick.tick().await;
        }
        let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE wait_event = 'SyncRep'";
        assert_eq!(database.count(terminate).await, 1);
    };
    let (response, ()) = tokio::join!(waiting, terminate);
    assert_eq!(response.status(), 503, "nobody knows whether it is safe");
    database.execute("ALTER SYSTEM RESET synchronous_standby_names").await;
    database.execute("SELECT pg_reload_conf()").await;
    let stored = "SELECT count(*) FROM djaffar_activity WHERE path = '/'";
    assert_eq!(database.count(stored).await, 1, "the commit itself was done");
    client.log_id(id).await;
    assert_eq!(database.count(stored).await, 1);
    report("backend terminated in COMMIT", "503; the retry is answered, one row".to_owned());
}

#[tokio::test]
async fn a_database_that_drops_its_connections_loses_nothing() {
    if !TestDatabase::is_on_postgres() {
        return;
    }
    let app = TestApp::start().await;
    let ledger = Ledger::default();
    let throw_out = async {
        let mut moment = tokio::time::interval(Duration::from_millis(300));
        for _ in 0..10 {
            moment.tick().await;
            let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                          WHERE datname = current_database() AND pid <> pg_backend_pid()";
            app.database.count(others).await;
        }
    };
    let lasts = Duration::from_millis(3_500);
    let (tally, ()) = tokio::join!(load(&app.url, RATE, lasts, &ledger), throw_out);
    assert!(tally.others.is_empty() && tally.unknown == 0, "{tally}");
    assert!(!tally.accepted.is_empty(), "{tally}");
    ledger.audit(&app.database).await;
    // It recovers by itself.
    tokio::time::timeout(BACK, until_served(&app.visitor())).await.expect("it is not back");
    report("all connections dropped, 10 times", format!("{tally}, none lost"));
}

#[tokio::test]
async fn without_the_database_nobody_is_taken_for_anonymous() {
    if !TestDatabase::is_on_postgres() {
        return;
    }
    let app = TestApp::start().await;
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
