//! What is too old is forgotten.

use std::time::Duration;

use djaffar::Retention;
use serde_json::{Value, json};

use crate::audit::lines_of;
use crate::harness::{Client, Program, TestApp, TestDatabase, development};

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

/// Writes a line of the audit log that is as old as time.
async fn insert_old_line(app: &TestApp, action: &str) {
    let id = uuid::Uuid::new_v4();
    let id = match app.database.is_postgres() {
        true => format!("'{id}'"),
        false => format!("x'{}'", id.simple()),
    };
    let sql = format!("INSERT INTO djaffar_audit (id, date, action) VALUES ({id}, 0, '{action}')");
    app.database.execute(&sql).await;
}

/// The clock that a program is to see, as of Debian's faketime.
fn at_another_time(program: Program, moved: &str) -> Program {
    program.under(&["faketime", "-f", moved].map(str::to_owned))
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
    config.retention =
        Retention { activities: days(30), origins: days(10), ..Retention::default() };
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
    insert_old_line(&app, "logIn").await;
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
    assert_eq!(lines_of(&admin, "logIn").await.len(), 2, "the old one is gone");

    let by_file = app.program().file("djaffar.toml", "keep-activities = \"1h\"\n");
    let said = by_file.run(&["prune", "--dry-run"]).await.success();
    assert!(said.contains("3 activities"), "{said}");
    let error = app.program().run(&["prune"]).await.failure();
    assert!(error.contains("--keep-activities"), "{error}");
}

#[tokio::test]
async fn a_user_agent_that_is_forgotten_is_counted_in_no_period() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    // On the edges of five minutes and between them, far apart, and before 1970.
    let dates = [
        "1969-12-31T23:49:59.999999Z",
        "1969-12-31T23:52:00Z",
        "1969-12-31T23:54:59.999999Z",
        "1969-12-31T23:55:00Z",
        "1970-01-01T00:00:00Z",
        "2026-10-01T10:00:00Z",
        "2026-10-01T10:04:59.999999Z",
        "2026-10-01T10:05:00Z",
        "2026-10-01T10:09:30Z",
        "2026-10-02T10:10:00Z",
    ];
    let query = "mutation($activities: [LogActivityInput!]!) {
        logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
    for some in [&dates[..], &dates[3..7]] {
        let log = |date: &&str| json!({ "path": "/", "date": date });
        let activities: Vec<_> = some.iter().map(log).collect();
        app.visitor().graphql_with(query, json!({ "activities": activities })).await;
    }
    app.djaffar.shutdown().await;
    app.program().run(&["stats", "rebuild"]).await.success();
    age_sessions(&app, 20).await;
    let said = app.program().run(&["prune", "--keep-origins", "10d"]).await.success();
    assert!(said.contains("14 addresses, 2 user agents"), "{said}");

    let (_node, url) = app.another_node().await;
    let staff = staff.at(&url);
    let query = "{ activityStats { top(by: USER_AGENT) { value activities sessions } } }";
    let forgotten = json!([{ "value": "", "activities": 14, "sessions": 2 }]);
    assert_eq!(staff.graphql(query).await["activityStats"]["top"], forgotten);
    app.program().run(&["stats", "rebuild"]).await.success();
    assert_eq!(staff.graphql(query).await["activityStats"]["top"], forgotten, "a recount");
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

#[tokio::test]
async fn events_of_some_names_go_sooner() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let log = async |name: &str, days: i64| {
        let query = "mutation($input: LogActivityInput!) { logActivity(input: $input) { userErrors { code } } }";
        let date = (chrono::Utc::now() - chrono::Duration::days(days)).to_rfc3339();
        let input = json!({ "path": format!("/{name}/{days}"), "name": name, "date": date });
        visitor.graphql_with(query, json!({ "input": input })).await;
    };
    for name in ["view", "search", "other"] {
        for days in [1, 10, 40, 100] {
            log(name, days).await;
        }
    }
    let keep = ["prune", "--keep-activities", "90d", "--keep-events", "view=30d,search=7d"];
    let dry = [&keep[..], &["--dry-run"]].concat();
    let said = app.program().run(&dry).await.success();
    assert!(said.starts_with("would be forgotten: 6 activities, "), "{said}");
    let said = app.program().run(&keep).await.success();
    assert!(said.starts_with("forgotten: 6 activities, "), "{said}");
    let staff = app.staff().await;
    let activities = staff.activities().await;
    let mut left: Vec<_> = activities.iter().map(|it| it["path"].as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, ["/other/1", "/other/10", "/other/40", "/search/1", "/view/1", "/view/10"]);
    let error = app.program().run(&["prune", "--keep-events", "view"]).await.failure();
    assert!(error.contains("search=7d"), "{error}");
}

#[tokio::test]
async fn admins_see_what_is_kept_and_prune() {
    let mut config = development();
    let hour = Duration::from_secs(3_600);
    config.retention = Retention {
        activities: days(30),
        events: [("click".to_owned(), hour)].into(),
        ..Retention::default()
    };
    let app = TestApp::start_with(config).await;
    let admin = app.logged_in("ann", "admin").await;
    let settings = "{ retention { activities events { name seconds } origins audit
        due { activities sessions addresses userAgents auditEvents } } }";
    let due = |activities: u64| json!({ "activities": activities, "sessions": 0, "addresses": 0, "userAgents": 0, "auditEvents": 0 });
    let none = json!({ "activities": 2_592_000, "events": [{ "name": "click", "seconds": 3_600 }],
        "origins": null, "audit": null, "due": due(0) });
    assert_eq!(admin.graphql(settings).await["retention"], none);
    let prune = async |dry_run: bool| {
        let query = format!(
            "mutation {{ prune(input: {{ dryRun: {dry_run} }}) {{ userErrors {{ code }}
                due {{ activities sessions addresses userAgents auditEvents }} }} }}"
        );
        admin.graphql(&query).await["prune"]["due"].take()
    };
    // After the round with which the service begins.
    log_of(&app.visitor(), "/old", 40).await;
    log_of(&app.visitor(), "/new", 1).await;
    while prune(true).await["activities"] == 0 {
        log_of(&app.visitor(), "/old", 40).await;
    }
    assert_ne!(prune(false).await["activities"], 0);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while admin.activities().await.len() > 1 {
        tick.tick().await;
    }
    assert_eq!(admin.only_activity().await["path"], "/new");
    let lines = lines_of(&admin, "prune").await;
    assert_eq!((lines.len(), &lines[0]["actor"]["username"]), (1, &json!("ann")));
    assert_eq!(lines[0]["details"]["keepEventsDays"], json!({ "click": 0 }));
    let staff = app.staff().await;
    assert_eq!(staff.graphql_error("{ retention { activities } }").await, "FORBIDDEN");
    let order = "mutation { prune(input: {}) { due { activities } } }";
    assert_eq!(staff.graphql_error(order).await, "FORBIDDEN");
}

#[tokio::test]
async fn a_clock_that_was_moved_is_believed() {
    let app = TestApp::start().await;
    app.visitor().log("/now").await;
    log_of(&app.visitor(), "/old", 40).await;
    let keep = ["prune", "--keep-activities", "30d"];
    let earlier = at_another_time(app.program(), "-20d").run(&keep).await.success();
    assert!(earlier.starts_with("forgotten: 0 activities"), "{earlier}");
    let now = app.program().run(&keep).await.success();
    assert!(now.starts_with("forgotten: 1 activities"), "{now}");
    let later = at_another_time(app.program(), "+31d").run(&keep).await.success();
    assert!(later.starts_with("forgotten: 1 activities, "), "{later}");
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 0);
}

#[tokio::test]
async fn a_file_that_keeps_its_pages_holds_nothing_up() {
    let database = TestDatabase::create().await;
    if database.is_postgres() {
        return;
    }
    std::fs::write(database.file(), "").unwrap();
    database.execute("PRAGMA auto_vacuum = NONE; CREATE TABLE of_others (id INTEGER)").await;
    let app = TestApp::start_on(database, development()).await;
    let path = "/x".repeat(1_000);
    for _ in 0..20 {
        log_of(&app.visitor(), &path, 40).await;
    }
    let pruned = app.program().run(&["prune", "--keep-activities", "30d"]).await;
    assert!(pruned.stderr.contains("VACUUM"), "{}", pruned.stderr);
    assert!(pruned.success().starts_with("forgotten: 20 activities"));
}

#[tokio::test]
async fn what_fails_does_not_hold_up_the_rest() {
    let app = TestApp::start().await;
    if app.database.is_postgres() {
        return;
    }
    log_of(&app.visitor(), "/old", 40).await;
    log_of(&app.visitor(), "/middle", 20).await;
    insert_old_line(&app, "logIn").await;
    let no =
        "CREATE TRIGGER no BEFORE DELETE ON djaffar_activity BEGIN SELECT RAISE(ABORT, 'no'); END";
    app.database.execute(no).await;
    let keep = ["prune", "--keep-activities", "30d", "--keep-origins", "10d", "--keep-audit", "2y"];
    app.program().run(&keep).await.failure();
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 2);
    assert_eq!(app.database.count("SELECT COUNT(ip_address) FROM djaffar_activity").await, 0);
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_audit WHERE date = 0").await, 0);
}

#[tokio::test]
async fn many_old_sessions_of_which_few_may_go_are_looked_at_once() {
    let app = TestApp::start().await;
    let id = if app.database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    let rows = |table: &str, columns: &str| {
        format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
             INSERT INTO {table} {columns} FROM n"
        )
    };
    let sessions = format!("(id, user_agent, first_seen_at, last_seen_at) SELECT {id}, 'x', n, n");
    app.database.execute(&rows("djaffar_session", &sessions)).await;
    // All but every tenth one still have an activity, which is not old.
    let activities = format!(
        "INSERT INTO djaffar_activity (id, date, received_at, path, name, truncated, session_id)
         SELECT {id}, 4102444800000000, 0, '/', 'view', FALSE, id FROM djaffar_session
         WHERE first_seen_at % 10 <> 0"
    );
    app.database.execute(&activities).await;
    let keep = ["prune", "--keep-activities", "30d", "--keep-origins", "30d"];
    let said = app.program().run(&keep).await.success();
    let expected = "forgotten: 0 activities, 200 sessions, 0 addresses, 1800 user agents, 0 lines of the audit log\n";
    assert_eq!(said, expected);
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_session").await, 1_800);
}
