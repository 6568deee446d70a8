//! What is held on one person: told, and forgotten.

use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::{lines, lines_of};
use crate::harness::{Client, PASSWORD, Program, TestApp, TestDatabase, development};

const REPORT: &str = "query($user: ID, $session: ID, $ip: String) {
    personReport(user: $user, session: $session, ip: $ip) {
        activities sessions tokens isBeingErased user { username } session { id } } }";

async fn report(client: &Client, person: &Value) -> Value {
    client.graphql_with(REPORT, person.clone()).await["personReport"].take()
}

/// Orders an erasure; what was held before.
async fn erase(admin: &Client, person: &Value, mode: &str, dry_run: bool) -> Value {
    let query = "mutation($input: ErasePersonInput!) { erasePerson(input: $input) {
        report { activities sessions tokens } userErrors { field code } } }";
    let mut input = person.clone();
    input["mode"] = json!(mode);
    input["dryRun"] = json!(dry_run);
    admin.graphql_with(query, json!({ "input": input })).await["erasePerson"].take()
}

/// Waits until a number of the database is this.
async fn until(database: &TestDatabase, sql: &str, expected: i64) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1_500 {
        tick.tick().await;
        if database.count(sql).await == expected {
            return;
        }
    }
    panic!("{sql} does not become {expected}");
}

/// Lets the time pass for which other nodes may know somebody, and the erasure end.
async fn settle(database: &TestDatabase) {
    database.execute("UPDATE djaffar_erasure SET ordered_at = 0").await;
    until(database, "SELECT COUNT(*) FROM djaffar_erasure", 0).await;
}

/// Jeff, who was here before he logged in, with a session and a token; and what he is known by.
async fn jeff(app: &TestApp) -> (Client, Value) {
    app.make_user("jeff", "user").await;
    app.make_token("jeff", "log").await;
    let jeff = app.visitor();
    jeff.log("/before").await;
    jeff.log_in("jeff", PASSWORD).await;
    jeff.log("/after?name=jeff").await;
    let data = jeff.graphql("{ viewer { user { id } session { id } } }").await;
    (jeff, data["viewer"].clone())
}

/// The lines of an export: activities by their paths, everything else by what it is.
fn named(lines: &str) -> Vec<String> {
    let name = |line: Value| match line["path"].as_str() {
        Some(path) => path.to_owned(),
        None => line.as_object().unwrap().keys().next().unwrap().clone(),
    };
    lines.lines().map(|line| name(serde_json::from_str(line).unwrap())).collect()
}

#[tokio::test]
async fn all_that_is_held_on_a_person_is_handed_out() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/ann").await;
    let (jeff, known) = jeff(&app).await;
    let user = known["user"]["id"].as_str().unwrap();
    let path = format!("/export/person.ndjson?user={user}");
    let response = admin.get(&path).await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    assert_eq!(named(&text), ["user", "token", "session", "/before", "/after?name=jeff"]);
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["user"]["username"], &first["user"]["id"]), (&"jeff".into(), &user.into()));
    assert!(!text.contains("$argon2") && !text.contains("Hash"), "{text}");
    assert_eq!(lines_of(&admin, "export").await[0]["subject"], user);

    let printed = app.program().run(&["person", "export", "--user", "jeff"]).await.success();
    assert_eq!(named(&printed), named(&text));
    let session =
        format!("/export/person.ndjson?session={}", known["session"]["id"].as_str().unwrap());
    let text = admin.get(&session).await.text().await.unwrap();
    assert_eq!(named(&text), ["session", "/before", "/after?name=jeff"]);
    let text = admin.get("/export/person.ndjson?ip=127.0.0.1").await.text().await.unwrap();
    assert_eq!(named(&text), ["/ann", "/before", "/after?name=jeff"]);

    assert_eq!(jeff.get(&path).await.status(), 403);
    assert_eq!(app.visitor().get(&path).await.status(), 401);
    for unknown in [
        "",
        "?ip=192.0.2.1/32",
        "?user=nobody",
        "?user=018f0000-0000-7000-8000-000000000000&ip=::1",
    ] {
        let path = format!("/export/person.ndjson{unknown}");
        assert_eq!(admin.get(&path).await.status(), 400, "{unknown}");
    }
}

#[tokio::test]
async fn statistics_forget_with_the_log() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/ann").await;
    let (_, known) = jeff(&app).await;
    let counted = async || {
        let query =
            "{ activityStats { activities users sessions top(by: PATH) { value activities } } }";
        admin.graphql(query).await["activityStats"].take()
    };
    assert_eq!(counted().await["activities"], 3);
    app.program().run(&["stats", "rebuild"]).await.success();
    assert_eq!(counted().await["users"], 2);

    erase(&admin, &json!({ "user": known["user"]["id"] }), "DELETE", false).await;
    settle(&app.database).await;
    let left = json!({ "activities": 1, "users": 1, "sessions": 1,
        "top": [{ "value": "/ann", "activities": 1 }] });
    assert_eq!(counted().await, left);
    app.program().run(&["stats", "rebuild"]).await.success();
    assert_eq!(counted().await, left, "a recount says the same");
}

#[tokio::test]
async fn a_user_is_deleted_with_all_that_is_theirs() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/ann").await;
    let (jeff, known) = jeff(&app).await;
    let person = json!({ "user": known["user"]["id"] });
    let held = json!({ "activities": 2, "sessions": 1, "tokens": 1 });
    let dry = erase(&admin, &person, "DELETE", true).await;
    assert_eq!(dry, json!({ "report": held, "userErrors": [] }));
    assert_eq!(admin.activities().await.len(), 3, "nothing happened");

    assert_eq!(erase(&admin, &person, "DELETE", false).await, dry);
    assert!(jeff.graphql("{ viewer { user { id } } }").await["viewer"]["user"].is_null());
    let refused = app.visitor().try_log_in("jeff", PASSWORD).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    until(&app.database, "SELECT COUNT(*) FROM djaffar_activity", 1).await;
    assert_eq!(admin.only_activity().await["path"], "/ann");
    assert_eq!(report(&admin, &person).await["isBeingErased"], true);
    settle(&app.database).await;
    assert_eq!(report(&admin, &person).await, Value::Null);
    let session = json!({ "session": known["session"]["id"] });
    assert_eq!(report(&admin, &session).await, Value::Null);
    for table in ["djaffar_user", "djaffar_session"] {
        assert_eq!(app.database.count(&format!("SELECT COUNT(*) FROM {table}")).await, 1);
    }
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_api_token").await, 0);

    let erased = lines_of(&admin, "erasePerson").await;
    assert_eq!(erased.len(), 1);
    assert_eq!(erased[0]["subject"], person["user"]);
    assert_eq!(erased[0]["details"], json!({ "person": "user", "mode": "delete" }));
    assert!(!json!(lines(&admin).await).to_string().contains("jeff"));
}

#[tokio::test]
async fn anonymised_activities_stay_and_are_nobodys() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/ann").await;
    let (jeff, known) = jeff(&app).await;
    let log = "mutation { logActivity(input: { path: \"/\", properties: { mail: \"jeff@example.org\" } }) { userErrors { code } } }";
    jeff.graphql(log).await;
    erase(&admin, &json!({ "user": known["user"]["id"] }), "ANONYMISE", false).await;
    until(&app.database, "SELECT COUNT(*) FROM djaffar_session WHERE user_agent = ''", 1).await;
    settle(&app.database).await;
    let activities = admin.activities().await;
    assert_eq!(activities.len(), 4);
    for activity in &activities {
        if activity["path"] == "/ann" {
            assert_eq!(activity["user"]["username"], "ann");
            assert_eq!(activity["ipAddress"], "127.0.0.1");
            continue;
        }
        for field in ["user", "ipAddress", "properties"] {
            assert_eq!(activity[field], Value::Null, "{activity}");
        }
        let session = json!({ "id": known["session"]["id"], "userAgent": "", "user": null });
        assert_eq!(activity["session"], session, "still one visit");
    }
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_user").await, 1);
}

#[tokio::test]
async fn a_visit_is_forgotten() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let visitor = app.visitor();
    visitor.log("/visitor").await;
    app.visitor().log("/other").await;
    let id =
        visitor.graphql("{ viewer { session { id } } }").await["viewer"]["session"]["id"].take();
    let person = json!({ "session": id });
    let held = report(&admin, &person).await;
    assert_eq!((&held["activities"], &held["session"]["id"]), (&json!(1), &id));
    erase(&admin, &person, "DELETE", false).await;
    until(&app.database, "SELECT COUNT(*) FROM djaffar_activity", 1).await;
    settle(&app.database).await;
    assert_eq!(admin.only_activity().await["path"], "/other");
    assert_eq!(report(&admin, &person).await, Value::Null);
    let viewer = visitor.graphql("{ viewer { session { id } } }").await;
    assert_eq!(viewer["viewer"]["session"], Value::Null);
}

#[tokio::test]
async fn an_address_is_forgotten() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/1").await;
    app.visitor().log("/2").await;
    let person = json!({ "ip": "::ffff:127.0.0.1" });
    assert_eq!(report(&admin, &person).await["activities"], 2);
    assert_eq!(report(&admin, &json!({ "ip": "192.0.2.1" })).await["activities"], 0);
    erase(&admin, &person, "ANONYMISE", false).await;
    until(&app.database, "SELECT COUNT(ip_address) FROM djaffar_activity", 0).await;
    settle(&app.database).await;
    let activities = admin.activities().await;
    assert_eq!(activities.len(), 2);
    assert_eq!(activities[1]["user"]["username"], "ann");
    let erased = lines_of(&admin, "erasePerson").await;
    assert_eq!(
        (&erased[0]["subject"], &erased[0]["details"]["person"]),
        (&Value::Null, &json!("ip"))
    );
}

#[tokio::test]
async fn who_may_ask_and_who_may_erase() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let staff = app.staff().await;
    let (jeff, known) = jeff(&app).await;
    let person = json!({ "user": known["user"]["id"] });
    let id = &known["user"]["id"];
    let question = format!("{{ personReport(user: {id}) {{ activities }} }}");
    let order = format!(
        "mutation {{ erasePerson(input: {{ user: {id}, mode: DELETE, dryRun: true }}) {{ report {{ activities }} }} }}"
    );
    assert_eq!(app.visitor().graphql_error(&question).await, "UNAUTHENTICATED");
    assert_eq!(jeff.graphql_error(&question).await, "FORBIDDEN");
    assert_eq!(staff.graphql_error(&order).await, "FORBIDDEN");
    assert_eq!(report(&staff, &person).await["user"]["username"], "jeff");
    let read = lines_of(&admin, "readPerson").await;
    assert_eq!((&read[0]["actor"]["username"], &read[0]["subject"]), (&json!("staff"), id));

    let both = format!("{{ personReport(user: {id}, ip: \"::1\") {{ activities }} }}");
    for question in [&both, "{ personReport { activities } }"] {
        assert_eq!(staff.graphql_error(question).await, "BAD_USER_INPUT");
    }
    let nobody = json!({ "user": uuid::Uuid::new_v4() });
    let refused = |field: &str, code: &str| json!({ "report": null, "userErrors": [{ "field": [field], "code": code }] });
    assert_eq!(erase(&admin, &nobody, "DELETE", false).await, refused("user", "NOT_FOUND"));
    let oneself = admin.graphql("{ viewer { user { id } } }").await;
    let oneself = json!({ "user": oneself["viewer"]["user"]["id"] });
    assert_eq!(erase(&admin, &oneself, "DELETE", false).await, refused("user", "LAST_ADMIN"));
}

#[tokio::test]
async fn the_operator_erases_at_the_command_line() {
    let app = TestApp::start().await;
    app.make_user("ann", "admin").await;
    jeff(&app).await;
    let report = app.program().run(&["person", "report", "--user", "jeff"]).await.success();
    assert_eq!(report, "2 activities, 1 sessions, 1 tokens\n");
    let erase = ["person", "erase", "--user", "jeff", "--mode", "delete"];
    let dry = [&erase[..], &["--dry-run"]].concat();
    assert_eq!(app.program().run(&dry).await.success(), report);
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 2);
    let erasing = app.program().run(&erase);
    let settling = async {
        until(&app.database, "SELECT COUNT(*) FROM djaffar_erasure", 1).await;
        settle(&app.database).await;
    };
    let (erased, ()) = tokio::join!(erasing, settling);
    assert!(erased.success().ends_with("erased\n"));
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 0);
    let error = app.program().run(&["person", "report", "--user", "jeff"]).await.failure();
    assert!(error.contains("There is no user called jeff."), "{error}");
    let erase = ["person", "erase", "--ip", "192.0.2", "--mode", "delete"];
    let error = app.program().run(&erase).await.failure();
    assert!(error.contains("ip must be one IPv4 or IPv6 address."), "{error}");
    let error = app.program().run(&["person", "report"]).await.failure();
    assert!(error.contains("--user"), "{error}");
}

#[tokio::test]
async fn an_erasure_survives_a_kill_and_stops_nobody() {
    const ROWS: i64 = 5_000;
    let database = TestDatabase::create().await;
    let program = || Program::new(&database.url);
    for (name, role) in [("ann", "admin"), ("jeff", "user")] {
        let create = ["user", "create", name, "--role", role, "--password-stdin"];
        program().input(PASSWORD).run(&create).await.success();
    }
    let arguments = ["--listen", "127.0.0.1:0", "--mode", "development"];
    let mut server = program().serve(&arguments).await;
    let (admin, jeff) = (Client::new(&server.url), Client::new(&server.url));
    admin.log_in("ann", PASSWORD).await;
    jeff.log_in("jeff", PASSWORD).await;
    let activities: Vec<_> =
        (0..500).map(|number| json!({ "path": format!("/{number}") })).collect();
    let query = "mutation($input: LogActivitiesInput!) { logActivities(input: $input) { userErrors { code } } }";
    for _ in 0..ROWS / 500 {
        jeff.graphql_with(query, json!({ "input": { "activities": activities } })).await;
    }
    let id = jeff.graphql("{ viewer { user { id } } }").await["viewer"]["user"]["id"].take();
    erase(&admin, &json!({ "user": id }), "DELETE", false).await;
    admin.log("/meanwhile").await;
    server.kill().await;
    assert_eq!(database.count("SELECT COUNT(*) FROM djaffar_erasure").await, 1, "not complete");

    let server = program().serve(&arguments).await;
    let visitor = Client::new(&server.url);
    while database.count("SELECT COUNT(*) FROM djaffar_activity WHERE path <> '/meanwhile'").await
        > 0
    {
        visitor.log("/meanwhile").await;
    }
    settle(&database).await;
    assert_eq!(database.count("SELECT COUNT(*) FROM djaffar_user").await, 1);
    database.check_integrity().await;
    server.stop().await;
}

#[tokio::test]
async fn no_term_of_a_person_is_left() {
    let mut config = development();
    config.roll_up_every = Duration::from_millis(50);
    let app = TestApp::start_with(config).await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/ann").await;
    let (_, known) = jeff(&app).await;
    let is_postgres = app.database.is_postgres();
    let terms = |bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let value = if is_postgres { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") };
        format!("SELECT COUNT(*) FROM djaffar_rollup_term WHERE value = {value}")
    };
    let id = |what: &str| known[what]["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    let of_jeff =
        [&b"/after?name=jeff"[..], id("user").as_bytes(), id("session").as_bytes()].map(terms);
    for sql in &of_jeff {
        until(&app.database, sql, 1).await;
    }
    erase(&admin, &json!({ "user": known["user"]["id"] }), "DELETE", false).await;
    settle(&app.database).await;
    for sql in &of_jeff {
        assert_eq!(app.database.count(sql).await, 0, "{sql}");
    }
    assert_eq!(app.database.count(&terms(b"/ann")).await, 1);
    let swept = "SELECT COUNT(*) FROM djaffar_rollup_state WHERE swept_at > 0";
    assert_eq!(app.database.count(swept).await, 1);
}

#[tokio::test]
async fn an_address_is_forgotten_also_as_it_was_kept_before() {
    let app = TestApp::start().await;
    app.make_user("ann", "admin").await;
    app.visitor().log("/in-full").await;
    let mut config = development();
    config.ip_storage = "truncated".parse().unwrap();
    let (_node, url) = app.another_node_with(config).await;
    let admin = app.visitor().at(&url);
    app.visitor().at(&url).log("/in-part").await;
    admin.log_in("ann", PASSWORD).await;
    let person = json!({ "ip": "127.0.0.1" });
    assert_eq!(report(&admin, &person).await["activities"], 2);
    let erased = erase(&admin, &person, "DELETE", false).await;
    assert_eq!(erased["report"]["activities"], 2, "{erased}");
    settle(&app.database).await;
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_activity").await, 0);
}

#[tokio::test]
async fn of_an_address_is_reported_what_is_kept_of_it() {
    let mut config = development();
    config.ip_storage = "truncated".parse().unwrap();
    let app = TestApp::start_with(config).await;
    let admin = app.logged_in("ann", "admin").await;
    admin.log("/").await;
    assert_eq!(admin.only_activity().await["ipAddress"], "127.0.0.0");
    assert_eq!(report(&admin, &json!({ "ip": "127.0.0.1" })).await["activities"], 1);
    assert_eq!(report(&admin, &json!({ "ip": "127.0.1.1" })).await["activities"], 0);
    let report = ["person", "report", "--ip", "127.0.0.7", "--ip-storage", "truncated"];
    let said = app.program().run(&report).await.success();
    assert!(said.starts_with("1 activities"), "{said}");
}
