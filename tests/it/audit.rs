//! What was done with the rights of staff and admins can be read by admins.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp};

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
