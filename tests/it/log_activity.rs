//! `logActivity` and `logActivities`.

use reqwest::StatusCode;
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::{Map, Value, json};

use crate::harness::{Client, TestApp, development, set_cookie};

const LOG: &str = "mutation($input: LogActivityInput!) { logActivity(input: $input) {
    activity { id date receivedAt path referer name properties truncated ipAddress
               user { username } session { id userAgent } }
    userErrors { field message code }
} }";

async fn log(client: &Client, input: Value) -> Value {
    client.graphql_with(LOG, json!({ "input": input })).await["logActivity"].take()
}

#[tokio::test]
async fn everything_that_is_given_is_kept() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let input = json!({
        "id": "0198f3e0-0000-7000-8000-00000000000a",
        "date": "2026-11-23T04:00:00.5+01:00",
        "path": "/cart",
        "referer": "https://shop.example/",
        "name": "add_to_cart",
        "properties": { "sku": "a-1", "price": 9.5, "gift": true, "note": null },
    });
    let payload = log(&app.visitor(), input.clone()).await;
    assert_eq!(payload["userErrors"], json!([]));
    let answered = &payload["activity"];
    assert_eq!(answered["date"], "2026-11-23T03:00:00.500+00:00");
    assert_eq!(answered["ipAddress"], "127.0.0.1");
    assert_eq!(answered["session"]["userAgent"], "Test/1.0");
    for field in ["id", "path", "referer", "name", "properties"] {
        assert_eq!(answered[field], input[field], "{field}");
    }
    let stored = staff.only_activity().await;
    for (field, value) in answered.as_object().unwrap() {
        if field != "session" {
            assert_eq!(stored[field], *value, "{field}");
        }
    }
}

#[tokio::test]
async fn a_path_is_enough() {
    let app = TestApp::start().await;
    let before = chrono::Utc::now();
    let activity = log(&app.visitor(), json!({ "path": "/" })).await["activity"].take();
    let date: chrono::DateTime<chrono::Utc> = activity["date"].as_str().unwrap().parse().unwrap();
    assert!(before.timestamp_micros() <= date.timestamp_micros() && date <= chrono::Utc::now());
    assert_eq!(activity["date"], activity["receivedAt"]);
    assert_eq!(activity["name"], "view");
    assert_eq!(activity["properties"], Value::Null);
}

#[tokio::test]
async fn what_the_client_can_mend_is_a_user_error() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let many: Map<_, _> = (0..51).map(|number| (format!("k{number}"), json!(number))).collect();
    for (input, field, code) in [
        (json!({ "path": "" }), "path", "BLANK"),
        (json!({ "path": " \t" }), "path", "BLANK"),
        (json!({ "path": "/", "properties": [1] }), "properties", "INVALID"),
        (json!({ "path": "/", "properties": { "a": { "b": 1 } } }), "properties", "INVALID"),
        (json!({ "path": "/", "properties": many }), "properties", "TOO_MANY"),
    ] {
        let payload = log(&visitor, input.clone()).await;
        assert_eq!(payload["activity"], Value::Null, "{input}");
        let errors = payload["userErrors"].as_array().unwrap();
        assert_eq!(errors.len(), 1);
        assert_eq!((&errors[0]["field"], &errors[0]["code"]), (&json!([field]), &json!(code)));
    }
    assert!(staff.activities().await.is_empty());
    for input in [
        json!({}),
        json!({ "path": null }),
        json!({ "path": "/", "date": "yesterday" }),
        json!({ "path": "/", "id": "not-a-uuid" }),
        json!({ "path": "/", "user": "admin" }),
        json!({ "path": "/", "ipAddress": "192.0.2.1" }),
    ] {
        let response = visitor.post_graphql(LOG, json!({ "input": input })).await;
        let body: Value = response.json().await.unwrap();
        assert!(body["errors"][0]["extensions"]["code"].is_string(), "{input} {body}");
        assert!(body["data"].is_null());
    }
    assert!(staff.activities().await.is_empty());
}

#[tokio::test]
async fn long_values_are_cut_and_marked() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let long = "🦀".repeat(3_000);
    let input = json!({
        "path": format!("/{long}"), "referer": long, "name": long, "properties": { "text": long, "nul": "\0" },
    });
    let activity = log(&visitor, input).await["activity"].take();
    assert_eq!(activity["truncated"], true);
    let length = |value: &Value| value.as_str().unwrap().len();
    assert_eq!(length(&activity["path"]), 2_045);
    assert_eq!(length(&activity["referer"]), 2_048);
    assert_eq!(length(&activity["name"]), 100);
    assert_eq!(length(&activity["properties"]["text"]), 1_000);
    assert_eq!(activity["properties"]["nul"], "\u{FFFD}");
}

#[tokio::test]
async fn many_activities_have_a_result_each_in_their_order() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let query = "mutation($activities: [LogActivityInput!]!) {
        logActivities(input: { activities: $activities }) {
            results { activity { path } userErrors { field code } } userErrors { field code }
        } }";
    let paths = ["/1", "", "/3", "/4", " "];
    let activities: Vec<_> = paths.iter().map(|path| json!({ "path": path })).collect();
    let data = visitor.graphql_with(query, json!({ "activities": activities })).await;
    let results = data["logActivities"]["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    for (path, result) in paths.iter().zip(results) {
        if path.trim().is_empty() {
            assert_eq!(result["userErrors"], json!([{ "field": ["path"], "code": "BLANK" }]));
        } else {
            assert_eq!(result["activity"]["path"], *path);
            assert_eq!(result["userErrors"], json!([]));
        }
    }
    assert_eq!(staff.activities().await.len(), 3);

    for (count, code) in [(0, "REQUIRED"), (501, "TOO_MANY")] {
        let activities = vec![json!({ "path": "/" }); count];
        let data = visitor.graphql_with(query, json!({ "activities": activities })).await;
        assert_eq!(data["logActivities"]["userErrors"][0]["code"], code);
    }
    assert_eq!(staff.activities().await.len(), 3);
    let activities = vec![json!({ "path": "/" }); 500];
    let data = visitor.graphql_with(query, json!({ "activities": activities })).await;
    assert_eq!(data["logActivities"]["results"].as_array().unwrap().len(), 500);
}

#[tokio::test]
async fn a_visitor_gets_one_session_for_a_whole_operation() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let query = "mutation { a: logActivity(input: { path: \"/a\" }) { activity { id } }
                            b: logActivity(input: { path: \"/b\" }) { activity { id } } }";
    let response = visitor.post_graphql(query, json!({})).await;
    assert!(set_cookie(&response).is_some());
    let response = visitor.post_graphql(query, json!({})).await;
    assert!(set_cookie(&response).is_none(), "a known visitor keeps the cookie");
    let activities = staff.activities().await;
    assert_eq!(activities.len(), 4);
    assert!(activities.iter().all(|activity| activity["session"] == activities[0]["session"]));
}

#[tokio::test]
async fn a_first_visit_costs_one_commit() {
    let app = TestApp::start().await;
    let before = app.metric("djaffar_commits_total").await;
    app.visitor().log("/").await;
    log(&app.visitor(), json!({ "path": "/" })).await;
    assert_eq!(app.metric("djaffar_commits_total").await - before, 2);
}

#[tokio::test]
async fn a_hot_log_reads_nothing() {
    let app = TestApp::start().await;
    let by_token = app.visitor();
    let by_cookie = app.logged_in("jeff", "user").await;
    let by_token = by_token.with_bearer(&app.make_token("jeff", "log").await);
    let visitor = app.visitor();
    let log_all = async || {
        for client in [&by_cookie, &by_token, &visitor] {
            client.log("/").await;
            client
                .graphql("mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }")
                .await;
        }
    };
    log_all().await;
    let reads = "djaffar_database_statements_total{pool=\"read\"}";
    let before = app.metric(reads).await;
    for _ in 0..5 {
        log_all().await;
    }
    assert_eq!(app.metric(reads).await - before, 0);
}

#[tokio::test]
async fn a_service_may_demand_a_user() {
    let mut config = development();
    config.require_user = true;
    let app = TestApp::start_with(config).await;
    let visitor = app.visitor();
    assert_eq!(
        visitor
            .graphql_error(
                "mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }"
            )
            .await,
        "UNAUTHENTICATED"
    );
    let response =
        visitor.post_form("/logs", &[("date", "2026-11-23T03:00:00Z"), ("path", "/")]).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().contains_key(WWW_AUTHENTICATE));
    app.logged_in("jeff", "user").await.log("/").await;
}
