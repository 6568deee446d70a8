//! Overload and interruption are told, not hidden.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Client, Program, TestApp, TestDatabase};

/// Logs a hundred activities of two kilobytes each.
async fn log_much(client: &Client) -> reqwest::Response {
    let query = "mutation($activities: [LogActivityInput!]!) {
        logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
    let activities = vec![json!({ "path": "x".repeat(2_000) }); 100];
    client.post_graphql(query, json!({ "activities": activities })).await
}

/// The database may be locked for so long before the service gives up.
const LOCKED: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_full_queue_is_503_and_loses_nothing_that_it_took() {
    let app = TestApp::start().await;
    let client = app.visitor();
    client.log("/opens-the-session").await;
    // A machine so busy that the lock lasts too long has not shown anything.
    for _ in 0..10 {
        let (taken, refused) = fill_the_queue(&app, &client).await;
        if taken > 0 && refused > 0 {
            client.log("/goes-on").await;
            return;
        }
    }
    panic!("never was something taken and something refused");
}

/// Sends more than the queue takes while the database is locked; tells how many were taken and how
/// many refused.
async fn fill_the_queue(app: &TestApp, client: &Client) -> (i64, i64) {
    let before = app.database.count("SELECT count(*) FROM djaffar_activity").await;
    let lock = app.database.lock().await;
    let requests: Vec<_> = (0..60)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { log_much(&client).await })
        })
        .collect();
    // What the queue does not take is answered at once, while the database is still locked.
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while !requests.iter().any(tokio::task::JoinHandle::is_finished) {
        tick.tick().await;
    }
    lock.release().await;
    let (mut taken, mut refused) = (0, 0);
    for request in requests {
        let response = request.await.unwrap();
        match response.status() {
            StatusCode::OK => taken += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert_eq!(response.headers()["retry-after"], "1");
                let body: Value = response.json().await.unwrap();
                assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE");
                refused += 1;
            }
            status => panic!("{status}"),
        }
    }
    let stored = app.database.count("SELECT count(*) FROM djaffar_activity").await;
    assert_eq!(stored - before, 100 * taken);
    (taken, refused)
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_stop() {
    for _ in 0..10 {
        if stop_with_a_request_under_way().await {
            return;
        }
    }
    panic!("each time the database was locked for too long");
}

/// Tells whether the machine was quick enough to show anything.
async fn stop_with_a_request_under_way() -> bool {
    let database = TestDatabase::create().await;
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&server.url);
    client.log("/first").await;
    let lock = database.lock().await;
    let since = Instant::now();
    let under_way = tokio::spawn(async move { log_much(&client).await.status() });
    // It has come in when the writer waits for the lock.
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..20 {
        tick.tick().await;
    }
    let stop = tokio::spawn(server.stop());
    for _ in 0..20 {
        tick.tick().await;
    }
    let is_waiting = !under_way.is_finished() && !stop.is_finished();
    lock.release().await;
    if since.elapsed() > LOCKED {
        return false;
    }
    assert!(is_waiting);
    assert_eq!(under_way.await.unwrap(), StatusCode::OK);
    assert_eq!(stop.await.unwrap().0, Some(0));
    assert_eq!(database.count("SELECT count(*) FROM djaffar_activity").await, 101);
    true
}

#[tokio::test]
async fn a_service_whose_writer_is_stuck_is_not_ready() {
    let app = TestApp::start().await;
    assert_eq!(app.visitor().get("/readyz").await.status(), StatusCode::OK);
    app.djaffar.shutdown().await;
    assert_eq!(app.visitor().get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.visitor().get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_cut() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let rows = if app.database.is_postgres() {
        "SELECT n, gen_random_uuid() AS id FROM generate_series(1, 100000) AS numbers (n)"
    } else {
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
         SELECT n, randomblob(16) AS id FROM numbers"
    };
    let insert = format!(
        "INSERT INTO djaffar_activity (id, date, received_at, path, name, truncated)
         SELECT id, n, n, '/' || n, 'view', {} FROM ({rows}) AS rows",
        if app.database.is_postgres() { "false" } else { "0" }
    );
    app.database.execute(&insert).await;
    let server = Program::new(&app.database.url)
        .serve(&["--listen", "127.0.0.1:0", "--read-timeout", "50ms"])
        .await;
    let staff = staff.at(&server.url);
    // No index helps here, and nothing is found early.
    let nowhere: Vec<_> =
        (0..100).map(|number| json!({ "path": { "contains": format!("no{number}") } })).collect();
    let query = "query($where: ActivityFilter) { activities(where: $where) { nodes { id } } }";
    let response = staff.post_graphql(query, json!({ "where": { "or": nowhere } })).await;
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "TIMEOUT", "{body}");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
    // So is what is counted: no number is better than a wrong one.
    let query = "query($where: ActivityFilter) { activityStats(where: $where) { activities } }";
    let response = staff.post_graphql(query, json!({ "where": { "or": nowhere } })).await;
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "TIMEOUT", "{body}");
    assert_eq!(body["data"]["activityStats"], Value::Null);
    // What an index serves is served, by the same connections.
    let query =
        "query($where: ActivityFilter) { activities(first: 5, where: $where) { nodes { path } } }";
    let mut served = 0;
    while served < 20 {
        let variables = json!({ "where": { "path": { "eq": "/77" } } });
        let response = staff.post_graphql(query, variables).await;
        let body: Value = response.json().await.unwrap();
        if body["errors"][0]["extensions"]["code"] == "TIMEOUT" {
            // A machine that stalls for so short a time is too slow for anything.
            continue;
        }
        assert_eq!(body["data"]["activities"]["nodes"], json!([{ "path": "/77" }]), "{body}");
        served += 1;
    }
}

#[tokio::test]
async fn reads_go_on_while_many_wait_for_the_disk() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    visitor.log("/opens-the-session").await;
    let lock = app.database.lock().await;
    let since = Instant::now();
    let reports: Vec<_> = (0..700)
        .map(|_| {
            let visitor = visitor.clone();
            tokio::spawn(async move {
                let fields = [("date", "2026-11-23T03:00:00"), ("path", "/")];
                visitor.post_form("/logs", &fields).await.status()
            })
        })
        .collect();
    // More than may be executed at a time, each of them waiting.
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while visitor.post_form("/logs", &[]).await.status() != StatusCode::BAD_REQUEST {
        tick.tick().await;
    }
    for _ in 0..10 {
        let data = staff.graphql("{ users { nodes { username } } }").await;
        assert_eq!(data["users"]["nodes"][0]["username"], "staff");
    }
    lock.release().await;
    let is_quick = since.elapsed() < LOCKED;
    for report in reports {
        let status = report.await.unwrap();
        let is_told = !is_quick && status == StatusCode::SERVICE_UNAVAILABLE;
        assert!(status == StatusCode::NO_CONTENT || is_told, "{status}");
    }
}

#[tokio::test]
async fn bodies_that_do_not_come_take_no_room() {
    let app = TestApp::start().await;
    let address = app.url.strip_prefix("http://").unwrap();
    let (host, path) = address.split_once('/').unwrap();
    let head = format!(
        "POST /{path}/graphql HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"
    );
    let mut silent = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let response = log_much(&app.visitor()).await;
    assert_eq!(response.status(), StatusCode::OK);
}
