//! GraphQL over HTTP: media types, methods, statuses, errors.

use reqwest::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::TestApp;

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

async fn post(app: &TestApp, accept: &str, body: &str) -> Response {
    let request = app.visitor().request(Method::POST, "/graphql");
    let request = request.header(CONTENT_TYPE, "application/json").header(ACCEPT, accept);
    request.body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn the_client_chooses_the_media_type() {
    let app = TestApp::start().await;
    let body = r#"{"query":"{ __typename }"}"#;
    for (accept, expected) in [
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json;q=0.9", "application/json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html, application/*;q=0.5", "application/json"),
    ] {
        let response = post(&app, accept, body).await;
        assert_eq!(response.status(), StatusCode::OK, "{accept}");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            format!("{expected}; charset=utf-8"),
            "{accept}"
        );
        assert_eq!(response.text().await.unwrap(), r#"{"data":{"__typename":"Query"}}"#);
    }
    for accept in ["text/html", "application/json;q=0"] {
        assert_eq!(post(&app, accept, body).await.status(), StatusCode::NOT_ACCEPTABLE);
    }
}

#[tokio::test]
async fn a_request_that_is_no_request_is_400() {
    let app = TestApp::start().await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"query":1}"#,
        r#"{"query":"{__typename}","variables":1}"#,
        r#"{"query":"{__typename}","operationName":{}}"#,
        r#"{"query":"{__typename}","extensions":[]}"#,
        r#"[{"query":"{__typename}"}]"#,
    ] {
        for accept in [GRAPHQL_RESPONSE, "application/json"] {
            let response = post(&app, accept, body).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST");
            assert!(body.get("data").is_none());
        }
    }
    let large = format!(r#"{{"query":"{{ __typename }} #{}"}}"#, "x".repeat(300 * 1024));
    assert_eq!(post(&app, "*/*", &large).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_document_that_fails_tells_so_in_the_status() {
    let app = TestApp::start().await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let body = json!({ "query": query }).to_string();
        for (accept, status) in
            [(GRAPHQL_RESPONSE, StatusCode::BAD_REQUEST), ("application/json", StatusCode::OK)]
        {
            let response = post(&app, accept, &body).await;
            assert_eq!(response.status(), status, "{query}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["errors"][0]["extensions"]["code"], code, "{body}");
            assert!(body.get("data").is_none(), "{body}");
        }
    }
    // What was executed has data, and is 200.
    let response =
        post(&app, GRAPHQL_RESPONSE, r#"{"query":"{ activities { nodes { id } } }"}"#).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["data"], Value::Null);
    assert_eq!(body["errors"][0]["path"], json!(["activities"]));
}

#[tokio::test]
async fn v3_5_2_a_page_of_another_site_can_not_act_by_a_form() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let mutation = "mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }";
    let body = json!({ "query": mutation }).to_string();
    let post = || app.visitor().request(Method::POST, "/graphql").body(body.clone());
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let response = post().header(CONTENT_TYPE, content_type).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    assert_eq!(post().send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let get = app.visitor().request(Method::GET, "/graphql").query(&[("query", mutation)]);
    let response = get.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "POST");
    assert!(staff.activities().await.is_empty());
    assert_eq!(
        post()
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn queries_may_come_by_get() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let get = |parameters: &[(&str, &str)]| {
        staff.request(Method::GET, "/graphql").query(parameters).send()
    };
    let query =
        "query A { __typename } query B($name: String!) { user(username: $name) { username } }
                 mutation C { logOut { viewer { role } } }";
    let parameters = [
        ("query", query),
        ("operationName", "B"),
        ("variables", "{\"name\":\"staff\"}"),
        ("extensions", "{}"),
    ];
    let body: Value = get(&parameters).await.unwrap().json().await.unwrap();
    assert_eq!(body, json!({ "data": { "user": { "username": "staff" } } }));
    let response = get(&[("query", query), ("operationName", "C")]).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    for parameters in [
        &[("query", "{ __typename }"), ("variables", "[]")][..],
        &[("query", "{ __typename }"), ("extensions", "x")],
        &[],
    ] {
        assert_eq!(
            get(parameters).await.unwrap().status(),
            StatusCode::BAD_REQUEST,
            "{parameters:?}"
        );
    }
}

#[tokio::test]
async fn answers_are_not_to_be_kept_or_guessed_at() {
    let app = TestApp::start().await;
    let form = app.visitor().log("/").await;
    let graphql = app.visitor().post_graphql("{ viewer { role } }", json!({})).await;
    for response in [form, graphql] {
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["x-request-id"].len(), 36);
    }
}

#[tokio::test]
async fn a_bad_token_is_401_before_anything_is_executed() {
    let app = TestApp::start().await;
    let response = app
        .visitor()
        .with_bearer("djf_nonsense")
        .post_graphql("{ viewer { role } }", json!({}))
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_database_that_fails_is_503_and_says_nothing_of_itself() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "user").await;
    // A fault of the server's own is masked, and carries an id.
    app.database.execute("DROP TABLE djaffar_activity").await;
    let response = jeff.post_graphql("{ viewer { activities { nodes { id } } } }", json!({})).await;
    let body: Value = response.json().await.unwrap();
    let error = &body["errors"][0];
    assert_eq!(error["message"], "Internal server error.");
    assert_eq!(error["extensions"]["code"], "INTERNAL_SERVER_ERROR");
    assert_eq!(error["extensions"]["requestId"].as_str().unwrap().len(), 36);

    app.djaffar.shutdown().await;
    let log = "mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }";
    let response = jeff.post_graphql(log, json!({})).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE");
    let response = jeff.post_form("/logs", &[("date", "2026-11-23T03:00:00"), ("path", "/")]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// A client knows by the schema which values may be null, and falls over an object without the rest.
#[tokio::test]
async fn what_fails_is_null_or_what_is_around_it() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "staff").await;
    for table in ["djaffar_activity", "djaffar_rollup"] {
        app.database.execute(&format!("DROP TABLE {table}")).await;
    }
    let asked = async |query: &str| {
        let response = jeff.post_graphql(query, json!({})).await;
        let body: Value = response.json().await.unwrap();
        let paths = body["errors"].as_array().unwrap().iter().map(|error| error["path"].clone());
        (body["data"].clone(), paths.collect::<Vec<_>>())
    };

    // Neither the root nor its field may be null.
    let query = "{ __typename stats: activityStats { __typename activities } }";
    assert_eq!(asked(query).await, (Value::Null, vec![json!(["stats", "activities"])]));
    let query = "query Q { __typename ...On } fragment On on Query { activities { totalCount } }";
    assert_eq!(asked(query).await, (Value::Null, vec![json!(["activities"])]));
    // A user may be null, and takes what failed in it along.
    let query = "{ viewer { role } them: user(username: \"jeff\") {
        username ... on User { activities(first: 1) { nodes { id } } } } }";
    let (data, paths) = asked(query).await;
    assert_eq!(data, json!({ "viewer": { "role": "STAFF" }, "them": null }));
    assert_eq!(paths, [json!(["them", "activities"])]);
    // The last activity of a session may be null; so it is there, though all else fails.
    let query = "{ viewer { sessions { exitPath } } }";
    let (data, paths) = asked(query).await;
    assert_eq!(data, json!({ "viewer": { "sessions": [{ "exitPath": null }] } }));
    assert_eq!(paths, [json!(["viewer", "sessions", 0, "exitPath"])]);
    // What was done is told, whatever fails later.
    let query = "mutation { logActivity(input: { path: \"/\" }) { activity { id } } }";
    assert_eq!(asked(query).await, (Value::Null, vec![json!(["logActivity"])]));
}

/// The audits of the npm package graphql-http, which the public comparison of servers is made of.
#[tokio::test]
async fn all_audits_of_graphql_over_http_pass() {
    const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
    let app = TestApp::start().await;
    let script = tokio::process::Command::new("node")
        .args(["tests/audit.mjs", &format!("{}/graphql", app.url)])
        .current_dir(WEB)
        .kill_on_drop(true)
        .output();
    let output = script.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "61 of 61 audits passed\n", "run make setup first? {errors}");
}
