//! Starting, stopping, and looking after the service.

use serde_json::json;

use crate::harness::{Client, PASSWORD, Program, TestApp, TestDatabase};

#[tokio::test]
async fn an_empty_database_is_welcomed_and_a_term_signal_ends_with_zero() {
    let database = TestDatabase::create().await;
    let serve = async || Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let server = serve().await;
    let url = server.url.clone();
    Client::new(&url).log("/kept").await;
    let (code, output) = server.stop().await;
    assert_eq!(code, Some(0));
    for line in
        ["djaffar user create NAME --role admin", &format!("curl -i {url}/logs"), "logActivity"]
    {
        assert!(output.contains(line), "{output}");
    }
    assert_eq!(database.count("SELECT count(*) FROM djaffar_activity").await, 1);

    let create = ["user", "create", "ann", "--role", "admin", "--password-stdin"];
    Program::new(&database.url).input(PASSWORD).run(&create).await.success();
    let (code, output) = serve().await.stop().await;
    assert_eq!((code, output.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn what_is_acknowledged_before_the_stop_is_stored() {
    let database = TestDatabase::create().await;
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let url = server.url.clone();
    let (first, mut logged) = tokio::sync::mpsc::channel(1);
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let (client, first) = (Client::new(&url), first.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                let query = "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) { activity { id } } }";
                loop {
                    let id = uuid::Uuid::now_v7();
                    let body = json!({ "query": query, "variables": { "id": id } });
                    let sent = client.request(reqwest::Method::POST, "/graphql").json(&body).send().await;
                    match sent {
                        Ok(response) if response.status() == 200 => acknowledged.push(id),
                        _ => return acknowledged,
                    }
                    let _ = first.try_send(());
                }
            })
        })
        .collect();
    logged.recv().await.unwrap();
    assert_eq!(server.stop().await.0, Some(0));
    let rows = database.query("SELECT id FROM djaffar_activity").await;
    let stored: std::collections::HashSet<uuid::Uuid> =
        rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
    for sender in senders {
        for id in sender.await.unwrap() {
            assert!(stored.contains(&id), "{id} was acknowledged");
        }
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_hinders_nothing() {
    let database = TestDatabase::create().await;
    let program = Program::new(&database.url).env("DJAFFAR_LOG", "debug");
    let mut server = program.serve(&["--listen", "127.0.0.1:0"]).await;
    server.close_log().await;
    Client::new(&server.url).log("/kept").await;
    assert_eq!(server.stop().await.0, Some(0));
    assert_eq!(database.count("SELECT count(*) FROM djaffar_activity").await, 1);
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let database = TestDatabase::create().await;
    let starts: Vec<_> = (0..12)
        .map(|_| {
            let program = Program::new(&database.url);
            tokio::spawn(async move { program.run(&["migrate"]).await })
        })
        .collect();
    for start in starts {
        let applied = start.await.unwrap().success().lines().count();
        assert_eq!(database.count("SELECT count(*) FROM djaffar_migration").await, applied as i64);
    }
}

#[tokio::test]
async fn health_is_told() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    assert_eq!(visitor.get("/healthz").await.status(), 200);
    assert_eq!(visitor.get("/readyz").await.status(), 200);
    visitor.log("/").await;
    assert_eq!(app.metric("djaffar_activities_total").await, 1);
    assert_eq!(app.metric("djaffar_failed_commits_total").await, 0);
    let response = visitor.get("/metrics").await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(visitor.get("/healthz").await.headers().get("set-cookie").is_none());
}

#[tokio::test]
async fn readers_and_the_writer_of_sqlite_do_not_wait_for_each_other() {
    let app = TestApp::start().await;
    if app.database.is_postgres() {
        return;
    }
    let rows = app.database.query("PRAGMA journal_mode").await;
    assert_eq!(rows[0].try_get_by_index::<String>(0).unwrap(), "wal");
}
