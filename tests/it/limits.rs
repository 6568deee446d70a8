//! Limits that the operator sets.

use std::time::Duration;

use djaffar::{Introspection, Limits, Mode};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Client, Program, TestApp, TestDatabase, development};

async fn app(change: impl FnOnce(&mut Limits)) -> TestApp {
    let mut config = development();
    change(&mut config.limits);
    TestApp::start_with(config).await
}

async fn post(client: &Client, body: &Value) -> (StatusCode, Value) {
    let response = client.request(Method::POST, "/graphql").json(body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn each_limit_can_be_set() {
    for (change, document) in [
        ((|limits| limits.bytes = 20) as fn(&mut Limits), "{ viewer { role scopes } }"),
        (|limits| limits.tokens = 5, "{ viewer { role } __typename }"),
        (|limits| limits.nesting = 1, "{ viewer { role } }"),
        (|limits| limits.depth = 1, "{ viewer { user { id } } }"),
        (
            |limits| limits.depth = 2,
            "{ ...Root } fragment Root on Query { viewer { ...Viewer } } fragment Viewer on Viewer { ... { user { id } } }",
        ),
        (|limits| limits.aliases = 1, "{ a: __typename b: __typename }"),
        (|limits| limits.directives = 1, "{ __typename @skip(if: true) @include(if: true) }"),
        (|limits| limits.root_fields = 1, "{ __typename viewer { role } }"),
        (|limits| limits.selections = 2, "{ viewer { role scopes } }"),
        (|limits| limits.cost = 99, "{ activities(first: 50) { nodes { user { id } } } }"),
    ] {
        let app = app(change).await;
        let code = app.visitor().graphql_error(document).await;
        assert_eq!(code, "COST_LIMIT_EXCEEDED", "{document}");
    }
    let app = app(|limits| limits.depth = 3).await;
    app.visitor().graphql("{ viewer { user { id } } }").await;
}

#[tokio::test]
async fn the_cost_is_told_on_request() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for (query, cost) in [
        ("{ __typename }", 0),
        ("{ viewer { user { id } } }", 2),
        (
            "{ activities(first: 10) { nodes { id user { id } session { id } } pageInfo { hasNextPage } } }",
            30,
        ),
        (
            "{ activities(first: 10) { edges { node { id session { activities(last: 5) { nodes { id } } } } } } }",
            70,
        ),
        ("{ users { nodes { id } } }", 50),
        ("{ users { totalCount nodes { id tokens { name } } } }", 2_650),
        ("{ activityStats { activities users top(by: PATH, first: 20) { value users } } }", 1_021),
        ("{ sessions(first: 10) { nodes { id duration entryPath } } }", 90),
        (
            "mutation { logActivities(input: { activities: [{ path: \"/\" }, { path: \"/\" }] }) { results { activity { id } userErrors { code } } } }",
            8,
        ),
        ("mutation { logActivities(input: $nothing) { results { activity { id } } } }", 1_000),
        ("query A { viewer { role } } query B { users(first: 3) { nodes { id } } }", 3),
    ] {
        let body = json!({ "query": query, "operationName": query.starts_with("query").then_some("A"), "extensions": { "cost": true } });
        let (_, answer) = post(&staff, &body).await;
        let expected = json!({ "cost": { "requested": cost, "limit": 50_000 } });
        assert_eq!(answer["extensions"], expected, "{query}: {answer}");
    }
    let (_, answer) = post(&staff, &json!({ "query": "{ __typename }" })).await;
    assert!(answer.get("extensions").is_none());
}

#[tokio::test]
async fn a_query_may_take_so_long_and_what_is_stored_takes_its_time() {
    let app = app(|limits| limits.time = Duration::from_millis(1)).await;
    let visitor = app.visitor();
    visitor.log("/").await;
    visitor.graphql("mutation { logActivity(input: { path: \"/\" }) { activity { id } } }").await;
    app.make_user("staff", "staff").await;
    let staff = app.visitor().with_bearer(&app.make_token("staff", "read").await);
    app.database.execute(&many_activities(app.database.is_postgres())).await;
    let search = "{ activities(where: { path: { contains: \"none\" } }) { nodes { id } } }";
    let response = staff.post_graphql(search, json!({})).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "TIMEOUT");
}

/// Enough to search for longer than a millisecond.
pub fn many_activities(is_postgres: bool) -> String {
    let columns = "djaffar_activity (id, date, received_at, path, name, truncated)";
    if is_postgres {
        let rows =
            "SELECT gen_random_uuid(), i, i, '/x', 'view', false FROM generate_series(1, 200000) i";
        return format!("INSERT INTO {columns} {rows}");
    }
    let numbers =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)";
    format!("INSERT INTO {columns} {numbers} SELECT randomblob(16), i, i, '/x', 'view', 0 FROM n")
}

#[tokio::test]
async fn of_many_errors_some_are_told() {
    let app = TestApp::start().await;
    let fields: String = (0..20).map(|number| format!("a{number} ")).collect();
    let (_, answer) =
        post(&app.visitor(), &json!({ "query": format!("{{ viewer {{ {fields} }} }}") })).await;
    assert_eq!(answer["errors"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn arrays_are_taken_where_the_operator_says_so() {
    let app = app(|limits| {
        limits.operations = 3;
        limits.cost = 100;
    })
    .await;
    let staff = app.staff().await;
    let log =
        "mutation($path: String!) { logActivity(input: { path: $path }) { activity { path } } }";
    let (status, answers) = post(
        &staff,
        &json!([
            { "query": "{ viewer { role } }" },
            { "query": "{ nothing }" },
            { "query": "{ activities(first: 1) { nodes { path } } }" },
        ]),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answers[0], json!({ "data": { "viewer": { "role": "STAFF" } } }));
    assert_eq!(answers[1]["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(answers[2], json!({ "data": { "activities": { "nodes": [] } } }));
    let visitor = app.visitor();
    let logs: Vec<_> =
        ["/a", "/b"].map(|path| json!({ "query": log, "variables": { "path": path } })).into();
    let (_, answers) = post(&visitor, &json!(logs)).await;
    assert_eq!(answers[1]["data"]["logActivity"]["activity"]["path"], "/b");
    let activities = staff.graphql("{ activities(first: 9) { nodes { session { id } } } }").await;
    let nodes = activities["activities"]["nodes"].as_array().unwrap();
    assert_eq!(nodes[0], nodes[1], "one visitor, one session");
    // What one may not cost, several may not cost together.
    let page = json!({ "query": "{ activities(first: 50) { nodes { id } } }" });
    assert_eq!(post(&staff, &json!([page, page])).await.0, StatusCode::OK);
    let (_, answer) = post(&staff, &json!([page, page, page])).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "COST_LIMIT_EXCEEDED");
    let nothing = json!({ "query": "{ __typename }" });
    for batch in [json!([]), json!([nothing, nothing, nothing, nothing]), json!([1])] {
        assert_eq!(post(&staff, &batch).await.0, StatusCode::BAD_REQUEST, "{batch}");
    }
}

#[tokio::test]
async fn who_may_read_the_schema_is_the_operators_to_say() {
    for (mode, setting, staff_may, anybody_may) in [
        (Mode::Production, None, true, false),
        (Mode::Development, None, true, true),
        (Mode::Production, Some(Introspection::All), true, true),
        (Mode::Development, Some(Introspection::None), false, false),
    ] {
        let mut config = development();
        (config.mode, config.introspection) = (mode, setting);
        let app = TestApp::start_with(config).await;
        let staff = app.staff().await;
        for (client, may) in [(&staff, staff_may), (&app.visitor(), anybody_may)] {
            let body = json!({ "query": "{ __schema { queryType { name } } }" });
            let (_, answer) = post(client, &body).await;
            assert_eq!(answer["data"]["__schema"]["queryType"]["name"] == "Query", may, "{answer}");
        }
        let (_, answer) = post(&app.visitor(), &json!({ "query": "{ viewers { role } }" })).await;
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert_eq!(message.contains("Did you mean"), anybody_may, "{message}");
    }
}

#[tokio::test]
async fn a_change_is_not_waited_for_without_end_and_is_made_all_the_same() {
    let app = app(|limits| limits.mutation_time = Duration::from_millis(50)).await;
    let lock = app.database.lock().await;
    let visitor = app.visitor();
    let id = uuid::Uuid::now_v7();
    let log =
        "mutation($id: UUID!) { logActivity(input: { id: $id, path: \"/\" }) { activity { id } } }";
    let response = visitor.post_graphql(log, json!({ "id": id })).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "TIMEOUT");
    assert!(body.get("data").is_none(), "nobody is told that it was stored, or that it was not");
    lock.release().await;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while app.database.count("SELECT count(*) FROM djaffar_activity").await == 0 {
        tick.tick().await;
    }
}

/// What a server with these settings says to the body of a GraphQL request: status and code.
async fn refusal(client: &Client, path: &str, body: &str) -> (u16, String) {
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    let response = request.body(body.to_owned()).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_limit_is_a_setting_of_the_program() {
    let app = TestApp::start().await;
    app.make_user("staff", "staff").await;
    let token = app.make_token("staff", "read").await;
    let serve = async |settings: &[&str]| {
        let arguments = [&["--listen", "127.0.0.1:0"], settings].concat();
        let server = app.program().serve(&arguments).await;
        (Client::new(&server.url).with_bearer(&token), server)
    };
    for (setting, most, query, code) in [
        ("--max-bytes", "20", "{ viewer { role scopes } }", "COST_LIMIT_EXCEEDED"),
        ("--max-tokens", "5", "{ viewer { role } __typename }", "COST_LIMIT_EXCEEDED"),
        ("--max-nesting", "1", "{ viewer { role } }", "COST_LIMIT_EXCEEDED"),
        ("--max-depth", "2", "{ viewer { user { id } } }", "COST_LIMIT_EXCEEDED"),
        ("--max-aliases", "1", "{ a: __typename b: __typename }", "COST_LIMIT_EXCEEDED"),
        (
            "--max-directives",
            "1",
            "{ __typename @skip(if: true) @include(if: true) }",
            "COST_LIMIT_EXCEEDED",
        ),
        ("--max-root-fields", "1", "{ __typename viewer { role } }", "COST_LIMIT_EXCEEDED"),
        ("--max-selections", "2", "{ viewer { role scopes } }", "COST_LIMIT_EXCEEDED"),
        ("--max-cost", "49", "{ users { nodes { id } } }", "COST_LIMIT_EXCEEDED"),
        ("--max-page", "5", "{ users(first: 6) { nodes { id } } }", "BAD_USER_INPUT"),
        ("--max-errors", "1", "{ viewer { nothing neither } }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let (client, server) = serve(&[setting, most]).await;
        // One error, also of two.
        assert_eq!(client.graphql_error(query).await, code, "{setting}");
        assert_eq!(client.graphql("{ __typename }").await["__typename"], "Query", "{setting}");
        server.stop().await;
    }
    let query = json!({ "query": "{ __typename }" });
    let (client, server) = serve(&["--max-operations", "2"]).await;
    assert_eq!(post(&client, &json!([query, query])).await.0, StatusCode::OK);
    let three = refusal(&client, "/graphql", &json!([query, query, query]).to_string()).await;
    assert_eq!(three, (400, "COST_LIMIT_EXCEEDED".to_owned()));
    server.stop().await;
    for (settings, path) in [
        (&["--max-body", "100"][..], "/graphql"),
        (&["--max-batch-body", "100", "--max-operations", "2"], "/graphql"),
        (&["--max-log-body", "100"], "/logs"),
        (&["--max-log-body", "100"], "/logs/batch"),
    ] {
        let (client, server) = serve(settings).await;
        let status = async |length: usize| {
            refusal(&client, path, &format!("{{{}", " ".repeat(length - 1))).await.0
        };
        assert_eq!((status(100).await, status(101).await), (400, 413), "{settings:?}");
        server.stop().await;
    }

    let (client, server) = serve(&["--query-timeout", "1ms", "--mutation-timeout", "50ms"]).await;
    app.database.execute(&many_activities(app.database.is_postgres())).await;
    let search = "{ activities(where: { path: { contains: \"none\" } }) { nodes { id } } }";
    assert_eq!(client.graphql_error(search).await, "TIMEOUT");
    let lock = app.database.lock().await;
    let log = "mutation { logActivity(input: { path: \"/\" }) { activity { id } } }";
    assert_eq!(Client::new(&server.url).graphql_error(log).await, "TIMEOUT");
    lock.release().await;
    server.stop().await;
}

#[tokio::test]
async fn who_may_read_the_schema_is_a_setting_of_the_program() {
    let database = TestDatabase::create().await;
    let server = Program::new(&database.url)
        .env("DJAFFAR_INTROSPECTION", "all")
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    let query = json!({ "query": "{ __schema { queryType { name } } }" });
    let (_, answer) = post(&Client::new(&server.url), &query).await;
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    server.stop().await;
}
