//! What is too old is forgotten.

use std::time::Duration;

use djaffar::Retention;
use serde_json::{Value, json};

use crate::audit::lines_of;
use crate::harness::{Client, TestApp, development};

/// Logs something that happened so many days ago.
async fn log_of(client: &Client, path: &str, days: i64) {
    let query = "mutation($input: LogActivityInput!) { logActivity(input: $input) { userErrors { code } } }";
    let date = (chrono::Utc::now() - chrono::Duration::days(days)).to_rfc3339();
    client.graphql_with(query, json!({ "input": { "path": path, "date": date } })).await;
}

/// Lets the sessions be of so many days ago, and their cookies be gone.
async fn age_sessions(app: &TestApp, days: i64) {
    let micros = days * 86_400 * 1_000_000;
    let set = |column: &str| format!("{column} = {column} - {micros}");
    let (first, last) = (set("first_seen_at"), set("last_seen_at"));
    app.database.execute(&format!("UPDATE djaffar_session SET {first}, {last}")).await;
    app.database.execute("DELETE FROM djaffar_session_key").await;
}

fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * 86_400))
}

#[tokio::test]
async fn the_service_forgets_by_itself() {
    let app = TestApp::start().await;
    log_of(&app.visitor(), "/old", 40).await;
    log_of(&app.visitor(), "/middle", 20).await;
    age_sessions(&app, 20).await;
    log_of(&app.visitor(), "/new", 0).await;
    app.database.execute("UPDATE djaffar_session SET last_seen_at = 0, first_seen_at = 0 WHERE id IN (SELECT session_id FROM djaffar_activity WHERE path = '/old')").await;
    let mut config = development();
    config.retention = Retention { activities: days(30), origins: days(10), audit: None };
    let (node, url) = app.another_node_with(config).await;
    let staff = app.staff().await.at(&url);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let activities = loop {
        tick.tick().await;
        let activities = staff.activities().await;
        let is_done = activities.len() == 2 && activities[1]["session"]["userAgent"] == "";
        if is_done {
            break activities;
        }
    };
    assert_eq!(
        (&activities[0]["path"], &activities[1]["path"]),
        (&json!("/new"), &json!("/middle"))
    );
    assert_eq!(activities[0]["ipAddress"], "127.0.0.1");
    assert_eq!(activities[0]["session"]["userAgent"], "Test/1.0");
    assert_eq!(activities[1]["ipAddress"], Value::Null);
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_session").await, 2);
    node.shutdown().await;
}

#[tokio::test]
async fn the_operator_looks_first_and_prunes_then() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let visitor = app.visitor();
    for number in 0..1_100 {
        if number % 500 == 0 {
            log_of(&visitor, "/kept", 1).await;
        }
        if number % 100 == 0 {
            log_of(&visitor, "/old", 50).await;
        }
    }
    age_sessions(&app, 50).await;
    app.database.execute("UPDATE djaffar_audit SET date = 0 WHERE action = 'logIn'").await;
    let keep = ["prune", "--keep-activities", "30d", "--keep-origins", "1h", "--keep-audit", "2y"];
    let dry = [&keep[..], &["--dry-run"]].concat();
    let said = app.program().run(&dry).await.success();
    let expected = "would be forgotten: 11 activities, 1 sessions, 14 addresses, 2 user agents, 1 lines of the audit log\n";
    assert_eq!(said, expected);
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 14);
    let said = app.program().run(&keep).await.success();
    let expected = "forgotten: 11 activities, 1 sessions, 3 addresses, 1 user agents, 1 lines of the audit log\n";
    assert_eq!(said, expected);
    let said = app.program().run(&keep).await.success();
    assert!(said.starts_with("forgotten: 0 activities, 0 sessions, 0 addresses, 0 user"), "{said}");
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 3);
    assert_eq!(app.database.count("SELECT COUNT(ip_address) FROM djaffar_activity").await, 0);

    admin.log_in("ann", crate::harness::PASSWORD).await;
    let pruned = lines_of(&admin, "prune").await;
    assert_eq!(pruned.len(), 2, "looking is not pruning");
    assert_eq!(pruned[0]["details"]["keepActivitiesDays"], 30);
    assert_eq!(lines_of(&admin, "logIn").await.len(), 1, "the old one is gone");

    let by_file = app.program().file("djaffar.toml", "keep-activities = \"1h\"\n");
    let said = by_file.run(&["prune", "--dry-run"]).await.success();
    assert!(said.contains("3 activities"), "{said}");
    let error = app.program().run(&["prune"]).await.failure();
    assert!(error.contains("--keep-activities"), "{error}");
}

#[tokio::test]
async fn sqlite_gives_space_back() {
    let app = TestApp::start().await;
    if app.database.is_postgres() {
        return;
    }
    let query = "mutation($input: LogActivitiesInput!) { logActivities(input: $input) { userErrors { code } } }";
    let path = "/x".repeat(1_000);
    let activity = json!({ "path": path, "referer": path, "date": "2020-01-01T00:00:00Z" });
    let activities = vec![activity; 50];
    for _ in 0..40 {
        app.visitor().graphql_with(query, json!({ "input": { "activities": activities } })).await;
    }
    let pages = "PRAGMA page_count";
    let before = app.database.count(pages).await;
    app.program().run(&["prune", "--keep-activities", "30d"]).await.success();
    assert_eq!(app.database.count("PRAGMA freelist_count").await, 0);
    let after = app.database.count(pages).await;
    assert!(after * 5 < before, "{before} pages, then {after}");
    app.database.check_integrity().await;
}
