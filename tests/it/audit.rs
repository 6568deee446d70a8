//! What was done with the rights of staff and admins can be read by admins.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp, TestDatabase};

/// All lines, the oldest first.
pub async fn lines(admin: &Client) -> Vec<Value> {
    let query = "{ auditEvents(first: 200) { nodes {
        id date action subject details ipAddress actor { username } } } }";
    let mut lines = admin.graphql(query).await["auditEvents"]["nodes"].as_array().unwrap().clone();
    lines.reverse();
    lines
}

/// The lines of an action.
pub async fn lines_of(admin: &Client, action: &str) -> Vec<Value> {
    lines(admin).await.into_iter().filter(|line| line["action"] == action).collect()
}

#[tokio::test]
async fn every_change_leaves_a_line() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let made = admin
        .graphql(
            "mutation { createUser(input: { username: \"jeff\", role: STAFF }) { user { id } } }",
        )
        .await;
    let id = &made["createUser"]["user"]["id"];
    for order in [
        format!("updateUser(input: {{ id: {id}, username: \"geoff\", role: USER }})"),
        format!("setPassword(input: {{ id: {id}, password: \"{PASSWORD}\" }})"),
        format!("createToken(input: {{ userId: {id}, name: \"x\", scopes: [LOG] }})"),
        format!("endUserSessions(input: {{ userId: {id} }})"),
        // Refused: nothing was done.
        "createUser(input: { username: \"ann\", role: USER })".to_owned(),
    ] {
        admin.graphql(&format!("mutation {{ {order} {{ userErrors {{ code }} }} }}")).await;
    }
    app.program().run(&["user", "disable", "geoff"]).await.success();

    let shown = app.program().run(&["audit", "--last", "2"]).await.success();
    let shown: Vec<_> = shown.lines().skip(1).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown[0].contains("updateUser") && shown[0].contains("command line"), "{shown:?}");
    assert!(shown[1].contains("endUserSessions") && shown[1].contains(" ann / "), "{shown:?}");

    let lines = lines(&admin).await;
    let actions: Vec<_> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    let expected = [
        "createUser",
        "logIn",
        "createUser",
        "updateUser",
        "setPassword",
        "createToken",
        "endUserSessions",
        "updateUser",
    ];
    assert_eq!(actions, expected);
    assert_eq!(lines[0]["actor"], Value::Null);
    assert_eq!(lines[0]["details"], json!({ "role": "admin", "by": "command line" }));
    assert_eq!(lines[2]["actor"]["username"], "ann");
    assert_eq!((&lines[2]["subject"], &lines[2]["ipAddress"]), (id, &json!("127.0.0.1")));
    assert_eq!(lines[3]["details"], json!({ "renamed": true, "role": "user", "active": null }));
    assert_eq!(lines[5]["details"], json!({ "user": id, "scopes": ["log"] }));
    assert_eq!(lines[7]["details"]["by"], "command line");
    let text = json!(lines).to_string();
    assert!(
        !text.contains(PASSWORD) && !text.contains("djf_") && !text.contains("geoff"),
        "{text}"
    );
}

#[tokio::test]
async fn sign_ins_of_staff_are_noted_also_those_that_fail() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    app.logged_in("jeff", "user").await;
    app.visitor().try_log_in("jeff", "wrong").await;
    app.visitor().try_log_in("my-secret-password", "").await;
    app.visitor().try_log_in("ann", "wrong").await;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    let failed = loop {
        tick.tick().await;
        let failed = lines_of(&admin, "logInFailed").await;
        if !failed.is_empty() {
            break failed;
        }
    };
    let ann = admin.graphql("{ viewer { user { id } } }").await["viewer"]["user"]["id"].take();
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0]["actor"], &failed[0]["subject"]), (&Value::Null, &ann));
    let signed_in = lines_of(&admin, "logIn").await;
    assert_eq!(signed_in.len(), 1);
    assert_eq!(signed_in[0]["subject"], ann);
}

#[tokio::test]
async fn reading_one_person_is_noted_once() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    jeff.log("/").await;
    let query = "{ viewer { user { id } session { id } } }";
    let viewer = jeff.graphql(query).await["viewer"].take();
    let ids = json!({ "ids": [viewer["user"]["id"], viewer["session"]["id"]] });
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    staff.graphql("{ users { nodes { id } } sessions { nodes { id } } }").await;
    staff.graphql("{ user(username: \"staff\") { id } }").await;
    jeff.graphql_with(nodes, ids.clone()).await;
    assert!(lines_of(&admin, "readPerson").await.is_empty(), "nobody in particular, or oneself");
    for _ in 0..2 {
        staff.graphql("{ user(username: \"jeff\") { id } }").await;
        staff.graphql_with(nodes, ids.clone()).await;
    }
    let lines = lines_of(&admin, "readPerson").await;
    let subjects: Vec<_> = lines.iter().map(|line| &line["subject"]).collect();
    assert_eq!(subjects, [&viewer["user"]["id"], &viewer["session"]["id"]]);
    assert_eq!(lines[0]["actor"]["username"], "staff");
}

#[tokio::test]
async fn the_log_is_for_admins() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let query = "{ auditEvents { totalCount nodes { id } } }";
    assert_eq!(staff.graphql_error(query).await, "FORBIDDEN");
    assert_eq!(app.visitor().graphql_error(query).await, "UNAUTHENTICATED");
    let admin = app.logged_in("ann", "admin").await;
    let page = admin
        .graphql("{ auditEvents(first: 1) { totalCount nodes { action } pageInfo { hasNextPage endCursor } } }")
        .await["auditEvents"]
        .take();
    assert_eq!((&page["totalCount"], &page["nodes"][0]["action"]), (&json!(4), &json!("logIn")));
    let query = "query($after: String) { auditEvents(after: $after) { nodes { action } } }";
    let rest = admin.graphql_with(query, json!({ "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest["auditEvents"]["nodes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn there_is_no_way_to_read_one_person_unnoticed() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let jeff = app.logged_in("jeff", "user").await;
    jeff.log("/").await;
    let viewer = jeff.graphql("{ viewer { user { id } session { id } } }").await["viewer"].take();
    let (user, session) = (&viewer["user"]["id"], &viewer["session"]["id"]);
    let other = uuid::Uuid::new_v4().to_string();
    for (number, (query, subject)) in [
        (format!("{{ activities(where: {{ user: {{ eq: {user} }} }}) {{ totalCount }} }}"), user),
        (format!("{{ activities(where: {{ user: {{ in: [{user}, \"{other}\"] }} }}) {{ totalCount }} }}"), user),
        (format!("{{ activities(where: {{ or: [{{ session: {{ eq: {session} }} }}] }}) {{ totalCount }} }}"), session),
        (format!("{{ activities(where: {{ not: {{ not: {{ user: {{ eq: {user} }} }} }} }}) {{ totalCount }} }}"), user),
        ("{ activities(where: { ipAddress: { eq: \"127.0.0.1\" } }) { totalCount } }".to_owned(), &Value::Null),
        ("{ users(where: { username: { eq: \"jeff\" } }) { nodes { lastSeenAt } } }".to_owned(), user),
        ("{ users(where: { username: { startsWith: \"je\" } }) { nodes { activities { totalCount } } } }".to_owned(), user),
        ("{ users(where: { username: { startsWith: \"je\" } }) { nodes { activityStats { activities } } } }".to_owned(), user),
        ("{ users(where: { username: { startsWith: \"je\" } }) { nodes { sessions { totalCount } } } }".to_owned(), user),
        (format!("{{ activityStats(where: {{ user: {{ eq: {user} }} }}) {{ activities }} }}"), user),
        (format!("{{ sessions(where: {{ user: {{ eq: {user} }} }}) {{ totalCount }} }}"), user),
        ("{ activities { nodes { session { activities { totalCount } } } } }".to_owned(), session),
        ("{ activities { nodes { user { activities { totalCount } } } } }".to_owned(), user),
    ]
    .into_iter()
    .enumerate()
    {
        // Somebody who has not read anybody yet.
        let name = format!("staff{number}");
        app.make_user(&name, "staff").await;
        let staff = app.visitor().with_bearer(&app.make_token(&name, "read").await);
        staff.graphql(&query).await;
        let lines = lines_of(&admin, "readPerson").await;
        let read: Vec<_> = lines.iter().filter(|line| line["actor"]["username"] == name).collect();
        assert!(read.iter().any(|line| line["subject"] == *subject), "{query} {read:?}");
        if subject.is_null() {
            assert_eq!(read[0]["details"], json!({ "person": "ip" }));
        }
    }
    let text = json!(lines_of(&admin, "readPerson").await).to_string();
    assert!(!text.contains("jeff"), "{text}");
}

#[tokio::test]
async fn reading_oneself_or_not_somebody_is_not_noted() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let jeff = app.logged_in("jeff", "user").await;
    let id = jeff.graphql("{ viewer { user { id } } }").await["viewer"]["user"]["id"].take();
    admin.log("/").await;
    admin.graphql("{ viewer { activities { totalCount } user { activities { totalCount } activityStats { activities } sessions { totalCount } } session { activities { totalCount } } } }").await;
    let others =
        format!("{{ activities(where: {{ not: {{ user: {{ eq: {id} }} }} }}) {{ totalCount }} }}");
    admin.graphql(&others).await;
    // At once, and once.
    let twice = "{ a: user(username: \"jeff\") { activities { totalCount } activityStats { activities } sessions { totalCount } } b: user(username: \"jeff\") { activities { totalCount } } }";
    assert!(lines_of(&admin, "readPerson").await.is_empty());
    admin.graphql(twice).await;
    assert_eq!(lines_of(&admin, "readPerson").await.len(), 1);
}

#[tokio::test]
async fn staff_of_the_host_sign_in_once() {
    let app = TestApp::start_in_host(|router| router.layer(axum::middleware::from_fn(host))).await;
    for _ in 0..3 {
        let request = app.visitor().request(reqwest::Method::POST, "/graphql");
        let query = json!({ "query": "{ activities { totalCount } }" });
        let response = request.header("x-staff", "1").json(&query).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let admin = app.logged_in("ann", "admin").await;
    let lines = lines_of(&admin, "logIn").await;
    let of_host: Vec<_> =
        lines.iter().filter(|line| line["details"] == json!({ "by": "host" })).collect();
    assert_eq!((lines.len(), of_host.len()), (2, 1), "{lines:?}");
    assert_eq!(of_host[0]["actor"]["username"], "boss");
}

/// A host that has one member of staff.
async fn host(
    mut request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    if request.headers().contains_key("x-staff") {
        let boss = djaffar::Identity::new("1", "boss").with_role(djaffar::Role::Staff);
        request.extensions_mut().insert(boss);
    }
    next.run(request).await
}

#[tokio::test]
async fn the_log_is_searched() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let bob = app.logged_in("bob", "admin").await;
    let id = async |client: &Client| {
        client.graphql("{ viewer { user { id } } }").await["viewer"]["user"]["id"].take()
    };
    let (ann, bob) = (id(&admin).await, id(&bob).await);
    let actions = async |filter: Value| {
        let query = "query($where: AuditEventFilter) { auditEvents(where: $where) { totalCount nodes { action subject } } }";
        let page =
            admin.graphql_with(query, json!({ "where": filter })).await["auditEvents"].take();
        let nodes = page["nodes"].as_array().unwrap().clone();
        assert_eq!(page["totalCount"], nodes.len());
        nodes.iter().map(|node| node["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(actions(json!({})).await, ["logIn", "createUser", "logIn", "createUser"]);
    assert_eq!(actions(json!({ "action": { "eq": "logIn" } })).await, ["logIn", "logIn"]);
    let both = json!({ "action": { "in": ["logIn", "createUser"] }, "subject": { "eq": ann } });
    assert_eq!(actions(both).await, ["logIn", "createUser"]);
    assert_eq!(actions(json!({ "actor": { "eq": bob } })).await, ["logIn"]);
    assert!(actions(json!({ "date": { "lt": "2026-01-01T00:00:00Z" } })).await.is_empty());
    assert_eq!(actions(json!({ "date": { "gte": "2026-01-01T00:00:00Z" } })).await.len(), 4);
}

#[tokio::test]
async fn the_log_only_grows() {
    use sea_orm::ConnectionTrait;

    let app = TestApp::start().await;
    app.make_user("ann", "admin").await;
    let connection = sea_orm::Database::connect(&app.database.url).await.unwrap();
    for change in [
        "UPDATE djaffar_audit SET action = 'nothing'",
        "UPDATE djaffar_audit SET date = 0",
        "DELETE FROM djaffar_audit",
    ] {
        let refused = connection.execute_unprepared(change).await.unwrap_err().to_string();
        assert!(refused.contains("the audit log only grows"), "{change}: {refused}");
    }
    if TestDatabase::is_on_postgres() {
        connection.execute_unprepared("TRUNCATE djaffar_audit").await.unwrap_err();
    }
    assert_eq!(app.database.count("SELECT COUNT(*) FROM djaffar_audit").await, 1);
    // Nothing is kept that is older than a day, if the operator says so.
    let pruned = app.program().run(&["prune", "--keep-audit", "1s"]).await.success();
    assert!(pruned.ends_with(" 0 lines of the audit log\n"), "{pruned}");
}
