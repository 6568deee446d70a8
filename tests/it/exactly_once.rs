//! The same id again: the same answer, and nothing is stored twice.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, TestApp};

async fn log(client: &Client, id: Uuid, path: &str) -> Value {
    let query = "mutation($input: LogActivityInput!) { logActivity(input: $input) {
        activity { id path date receivedAt ipAddress user { username } session { id } }
        userErrors { code }
    } }";
    let input = json!({ "input": { "id": id, "path": path } });
    client.graphql_with(query, input).await["logActivity"].take()
}

#[tokio::test]
async fn a_retry_gets_the_first_answer() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let id = Uuid::now_v7();
    let first = log(&visitor, id, "/first").await;
    assert_eq!(first["activity"]["path"], "/first");
    assert_eq!(log(&visitor, id, "/first").await, first);
    assert_eq!(log(&visitor, id, "/other").await, first, "the first one counts");
    assert_eq!(staff.only_activity().await["path"], "/first");
    assert_eq!(app.metric("djaffar_activities_total").await, 1);
}

#[tokio::test]
async fn many_retries_at_once_store_one_row() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    visitor.log("/before").await;
    let id = Uuid::new_v4();
    let retries: Vec<_> = (0..40)
        .map(|_| {
            let visitor = visitor.clone();
            tokio::spawn(async move { log(&visitor, id, "/storm").await })
        })
        .collect();
    let mut answers = Vec::new();
    for retry in retries {
        answers.push(retry.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(staff.activities().await.len(), 2);
    assert_eq!(app.metric("djaffar_activities_total").await, 2);
}

#[tokio::test]
async fn an_id_twice_in_one_request_is_stored_once() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let id = Uuid::now_v7();
    let query = "mutation($activities: [LogActivityInput!]!) {
        logActivities(input: { activities: $activities }) { results { activity { id path } } } }";
    let activities =
        json!([{ "id": id, "path": "/a" }, { "path": "/b" }, { "id": id, "path": "/c" }]);
    let data = app.visitor().graphql_with(query, json!({ "activities": activities })).await;
    let results = data["logActivities"]["results"].as_array().unwrap();
    assert_eq!(results[0], json!({ "activity": { "id": id, "path": "/a" } }));
    assert_eq!(results[2], results[0]);
    assert_eq!(staff.activities().await.len(), 2);
}

#[tokio::test]
async fn a_stranger_learns_nothing_from_an_id() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let id = Uuid::now_v7();
    log(&app.logged_in("jeff", "user").await, id, "/secret").await;

    let guess = log(&app.visitor(), id, "/guess").await;
    assert_eq!(guess, json!({ "activity": null, "userErrors": [] }));
    // A retry of the same user's after the answer, with its cookie, was lost.
    let retry = log(&app.visitor(), id, "/secret").await;
    assert_eq!(retry["activity"]["path"], "/secret");
    for hidden in ["user", "session", "ipAddress"] {
        assert_eq!(retry["activity"][hidden], Value::Null);
    }
    let activity = staff.only_activity().await;
    assert_eq!(activity["path"], "/secret");
    assert_eq!(activity["user"]["username"], "jeff");
}
