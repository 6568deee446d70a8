//! Automatic persisted queries: a hash in the place of a document.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Client, TestApp};

const QUERY: &str = "{__typename}";
const HASH: &str = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";

async fn ask(client: &Client, accept: &str, body: Value) -> (StatusCode, Value) {
    let request = client.request(Method::POST, "/graphql").header("accept", accept).json(&body);
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

#[tokio::test]
async fn a_hash_is_known_once_its_text_was_sent() {
    let app = TestApp::start().await;
    for accept in ["application/graphql-response+json", "application/json"] {
        // Another instance knows nothing yet.
        let (_node, url) = app.another_node().await;
        let client = app.visitor().at(&url);
        let asked = ask(&client, accept, json!({ "extensions": persisted(HASH) })).await;
        let error = json!({ "message": "PersistedQueryNotFound",
            "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND" } });
        assert_eq!(asked, (StatusCode::OK, json!({ "errors": [error] })));
        let answer = (StatusCode::OK, json!({ "data": { "__typename": "Query" } }));
        let both = json!({ "query": QUERY, "extensions": persisted(HASH) });
        assert_eq!(ask(&client, accept, both).await, answer);
        let hash_alone = json!({ "extensions": persisted(HASH) });
        assert_eq!(ask(&client, accept, hash_alone).await, answer);

        let extensions = persisted(HASH).to_string();
        let request = client.request(Method::GET, "/graphql").header("accept", accept);
        let response = request.query(&[("extensions", extensions)]).send().await.unwrap();
        assert_eq!((response.status(), response.json().await.unwrap()), answer);
    }
}

#[tokio::test]
async fn a_hash_of_something_else_is_refused_and_not_remembered() {
    let app = TestApp::start().await;
    let client = app.visitor();
    let wrong = HASH.replace('e', "f");
    for (query, extensions) in [
        (json!(QUERY), persisted(&wrong)),
        (json!(QUERY), json!({ "persistedQuery": { "version": 2, "sha256Hash": HASH } })),
        (json!(QUERY), json!({ "persistedQuery": { "version": 1 } })),
        (json!(QUERY), json!({ "persistedQuery": "yes" })),
        (Value::Null, json!({})),
    ] {
        let body = json!({ "query": query, "extensions": extensions });
        let (status, answer) = ask(&client, "application/json", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{extensions}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    }
    for hash in [wrong.as_str(), HASH] {
        let body = json!({ "extensions": persisted(hash) });
        let (_, answer) = ask(&client, "application/json", body).await;
        assert_eq!(answer["errors"][0]["message"], "PersistedQueryNotFound");
    }
}

#[tokio::test]
async fn a_hash_gets_no_one_past_the_rules() {
    let app = TestApp::start().await;
    let query = "mutation{logOut{__typename}}";
    let hash = "9f2b0c6bc9d7f0f9c759ed7c24ca9479e7b4c1dc2838b8ff1d7b9949855c4279";
    let client = app.visitor();
    let both = json!({ "query": query, "extensions": persisted(hash) });
    let (status, answer) = ask(&client, "application/json", both).await;
    assert_eq!((status, &answer["errors"]), (StatusCode::OK, &Value::Null));
    let request = client.request(Method::GET, "/graphql");
    let request = request.query(&[("extensions", persisted(hash).to_string())]);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}
