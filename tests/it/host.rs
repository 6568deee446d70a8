//! Nested in a host application that knows its own users.

use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, map_request};
use djaffar::{Config, Database, Djaffar, Identity, Role};
use serde_json::{Value, json};

use crate::harness::{Client, TestApp, TestDatabase, serve};

/// A host that believes its test: `x-user: 42 jeff staff`.
async fn identify(mut request: Request, next: Next) -> axum::response::Response {
    let header = request.headers().get("x-user").map(|value| value.to_str().unwrap().to_owned());
    if let Some(header) = header {
        let mut words = header.split(' ');
        let (id, name) = (words.next().unwrap(), words.next().unwrap());
        let role = words.next().map_or(Role::User, |role| role.parse().unwrap());
        request.extensions_mut().insert(Identity::new(id, name).with_role(role));
    }
    next.run(request).await
}

async fn graphql(client: &Client, user: &str, query: &str) -> Value {
    let request = client.request(reqwest::Method::POST, "/graphql").header("x-user", user);
    request.json(&serde_json::json!({ "query": query })).send().await.unwrap().json().await.unwrap()
}

const LOG: &str = "mutation { logActivity(input: { path: \"/\" }) { activity { user { id username externalId role } } } }";

#[tokio::test]
async fn the_host_says_who_its_users_are() {
    let app = TestApp::start_in_host(|router| router.layer(from_fn(identify))).await;
    let client = app.visitor();
    let log = async |user: &str| {
        graphql(&client, user, LOG).await["data"]["logActivity"]["activity"]["user"].take()
    };
    let jeff = log("42 jeff").await;
    assert_eq!(
        (&jeff["username"], &jeff["externalId"], &jeff["role"]),
        (&"jeff".into(), &"42".into(), &"USER".into())
    );
    assert_eq!(log("42 jeff").await, jeff);
    let renamed = log("42 jeffrey staff").await;
    assert_eq!(renamed["id"], jeff["id"]);
    assert_eq!((&renamed["username"], &renamed["role"]), (&"jeffrey".into(), &"STAFF".into()));
    let other = log("43 jeffrey").await;
    assert_ne!(other["id"], jeff["id"]);
    assert_eq!(other["username"], "jeffrey (43)", "a name is unique here");

    let query = "{ activities { totalCount nodes { user { externalId } } } }";
    let data = graphql(&client, "42 jeffrey staff", query).await;
    assert_eq!(data["data"]["activities"]["totalCount"], 4);
    let data = graphql(&client, "43 jeffrey", query).await;
    assert_eq!(data["errors"][0]["extensions"]["code"], "FORBIDDEN");
    // Nobody says who this is.
    assert_eq!(client.graphql("{ viewer { user { id } } }").await["viewer"]["user"], Value::Null);
}

#[tokio::test]
async fn the_sessions_of_the_hosts_users_are_theirs() {
    let app = TestApp::start_in_host(|router| router.layer(from_fn(identify))).await;
    let browser = app.visitor();
    let log = "mutation { logActivity(input: { path: \"/\" }) { activity { session { id user { username } } } } }";
    let session = async |user: &str| {
        graphql(&browser, user, log).await["data"]["logActivity"]["activity"]["session"].take()
    };
    browser.log("/before").await;
    let of_jeff = session("42 jeff").await;
    assert_eq!(of_jeff["user"]["username"], "jeff");
    assert_eq!(session("42 jeff").await, of_jeff);
    let of_ann = session("43 ann").await;
    assert_eq!(of_ann["user"]["username"], "ann");
    assert_ne!(of_ann["id"], of_jeff["id"]);
    // After the log-out at the host.
    let data = browser.graphql(&log.replace("activity {", "activity { user { id }")).await;
    assert_eq!(data["logActivity"]["activity"]["user"], Value::Null);
    let of_nobody = &data["logActivity"]["activity"]["session"];
    assert_eq!(of_nobody["id"], of_ann["id"], "the browser is the same");

    let query = "{ viewer { activities { totalCount nodes { session { id user { username } activities { totalCount } } } } } }";
    let data = graphql(&browser, "42 jeff", query).await;
    assert_eq!(data["data"]["viewer"]["activities"]["totalCount"], 3, "{data}");
    let held = &data["data"]["viewer"]["activities"]["nodes"][0]["session"];
    assert_eq!((&held["id"], &held["user"]["username"]), (&of_jeff["id"], &"jeff".into()));
}

#[tokio::test]
async fn the_hosts_own_credentials_are_not_taken_for_ours() {
    let app = TestApp::start_in_host(|router| router.layer(from_fn(identify))).await;
    let client = app.visitor().with_bearer("the.hosts.jwt");
    let answer = graphql(&client, "42 jeff", LOG).await;
    assert_eq!(answer["data"]["logActivity"]["activity"]["user"]["username"], "jeff");
    assert_eq!(
        client.post_graphql("{ viewer { role } }", serde_json::json!({})).await.status(),
        401
    );
    app.make_user("ann", "user").await;
    let client = app.visitor().with_bearer(&app.make_token("ann", "log").await);
    let answer = graphql(&client, "42 jeff", LOG).await;
    assert_eq!(
        answer["data"]["logActivity"]["activity"]["user"]["username"], "ann",
        "a token of ours counts"
    );
}

#[tokio::test]
async fn many_first_requests_of_a_user_make_one_user() {
    let app = TestApp::start_in_host(|router| router.layer(from_fn(identify))).await;
    let requests: Vec<_> = (0..16)
        .map(|_| {
            let client = app.visitor();
            tokio::spawn(async move { graphql(&client, "7 ann", LOG).await })
        })
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(app.database.count("SELECT count(*) FROM djaffar_user").await, 1);
}

#[tokio::test]
async fn two_instances_live_in_one_process() {
    let databases = [TestDatabase::create().await, TestDatabase::create().await];
    let mut host = Router::new();
    for (database, path) in databases.iter().zip(["/one", "/two"]) {
        let database = Database::connect(&database.url).await.unwrap();
        let instance = Djaffar::builder(database, Config::default()).start().await.unwrap();
        host = host.nest(path, instance.router());
    }
    let url = serve(host).await;
    Client::new(&format!("{url}/one")).log("/").await;
    for (database, expected) in databases.iter().zip([1, 0]) {
        assert_eq!(database.count("SELECT count(*) FROM djaffar_activity").await, expected);
    }
}

/// Gives a request a body that whoever reads it falls over.
async fn with_a_trap(request: Request) -> Request {
    let body = futures_util::stream::poll_fn(|_| -> Poll<Option<Result<&[u8], std::io::Error>>> {
        panic!("as the test wants it")
    });
    request.map(|_| Body::from_stream(body))
}

#[tokio::test]
async fn a_fault_is_answered_with_the_headers_of_every_answer() {
    let host = |router: Router| router.layer(map_request(with_a_trap));
    let app = TestApp::start_in_host(host).await;
    let response = app.visitor().post_graphql("{ viewer { role } }", json!({})).await;
    assert_eq!(response.status(), 500);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    for name in ["content-security-policy", "x-request-id"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
}
