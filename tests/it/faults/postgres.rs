//! PostgreSQL goes away and comes back.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::ledger::Ledger;
use super::load::Load;
use super::{is_long, program, report, serve, until_served};
use crate::harness::{Client, PostgresServer, TestDatabase};

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
        let server = serve(program(&database)).await;
        let client = Client::new(&server.url);
        let ledger = Ledger::default();
        let restart = async {
            ledger.until_has(50).await;
            postgres.stop(immediately).await;
            sleep(Duration::from_millis(200)).await;
            postgres.run().await;
            let back = until_served(&client, &ledger, BACK).await;
            sleep(Duration::from_secs(1)).await;
            back
        };
        let load = Load::new(&server.url, RATE, &ledger).late();
        let (tally, back) = load.during(restart).await;
        tally.assert_told();
        assert!(!is_long() || tally.refused > 0, "nobody noticed");
        ledger.audit(&database).await;
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
    let server = serve(program(&database)).await;
    let client = Client::new(&server.url);
    let ledger = Ledger::default();
    until_served(&client, &ledger, BACK).await;
    let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) { activity { id } userErrors { code } } }";
    // A commit now waits for a standby that never comes, with its rows written.
    database.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    database.execute("SELECT pg_reload_conf()").await;
    let id = ledger.send();
    let terminate = async {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                             WHERE wait_event = 'SyncRep'";
            database.count(terminate).await;
        }
    };
    let response = tokio::select! {
        response = client.post_graphql(query, json!({ "id": id })) => response,
        () = terminate => unreachable!(),
    };
    assert_eq!(response.status(), 503, "nobody knows whether it is safe");
    database.execute("ALTER SYSTEM RESET synchronous_standby_names").await;
    database.execute("SELECT pg_reload_conf()").await;
    let stored = format!("SELECT count(*) FROM djaffar_activity WHERE id = '{id}'");
    assert_eq!(database.count(&stored).await, 1, "the commit itself was done");
    until_served(&client, &ledger, BACK).await;
    let response = client.post_graphql(query, json!({ "id": id })).await;
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["data"]["logActivity"]["activity"]["id"], json!(id), "{body}");
    ledger.acknowledge(id);
    ledger.audit(&database).await;
    report("backend terminated in COMMIT", "503; the retry is answered, one row".to_owned());
}

#[tokio::test]
async fn a_database_that_drops_its_connections_loses_nothing() {
    if !TestDatabase::is_on_postgres() {
        return;
    }
    let database = TestDatabase::create().await;
    let server = serve(program(&database)).await;
    let ledger = Ledger::default();
    let rounds = if is_long() { 50 } else { 10 };
    let throw_out = async {
        for _ in 0..rounds {
            sleep(Duration::from_millis(300)).await;
            let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                          WHERE datname = current_database() AND pid <> pg_backend_pid()";
            database.count(others).await;
        }
        // It recovers by itself.
        until_served(&Client::new(&server.url), &ledger, BACK).await;
    };
    let (tally, ()) = Load::new(&server.url, RATE, &ledger).late().during(throw_out).await;
    tally.assert_told();
    ledger.audit(&database).await;
    report(&format!("all connections dropped, {rounds} times"), format!("{tally}, none lost"));
}
