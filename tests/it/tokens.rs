//! API tokens: what they are good for, and until when.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{PASSWORD, TestApp};

const LOG: &str = "mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }";
const READ: &str = "{ activities { nodes { id } } }";

#[tokio::test]
async fn a_scope_narrows_the_rights_of_its_user() {
    let app = TestApp::start().await;
    app.make_user("ann", "admin").await;
    let client = async |scope: &str| app.visitor().with_bearer(&app.make_token("ann", scope).await);

    let log = client("log").await;
    log.graphql(LOG).await;
    assert_eq!(log.graphql_error(READ).await, "FORBIDDEN");
    let read = client("read").await;
    read.graphql(READ).await;
    assert_eq!(read.graphql_error(LOG).await, "FORBIDDEN");
    let response = read.post_form("/logs", &[("date", "2026-11-23T03:00:00"), ("path", "/")]).await;
    assert_eq!(response.status(), 403);
    for scopes in ["admin", "log,read"] {
        let both = client(scopes).await;
        both.graphql(LOG).await;
        both.graphql(READ).await;
    }
    let viewer =
        client("log,read").await.graphql("{ viewer { user { username } role scopes } }").await;
    let expected =
        json!({ "user": { "username": "ann" }, "role": "ADMIN", "scopes": ["LOG", "READ"] });
    assert_eq!(viewer["viewer"], expected);
}

#[tokio::test]
async fn a_scope_gives_no_right_that_the_user_lacks() {
    let app = TestApp::start().await;
    app.make_user("jeff", "user").await;
    let client = app.visitor().with_bearer(&app.make_token("jeff", "admin").await);
    assert_eq!(client.graphql_error(READ).await, "FORBIDDEN");
    client.graphql("{ viewer { activities { nodes { id } } } }").await;
}

#[tokio::test]
async fn the_token_is_not_in_the_database() {
    let app = TestApp::start().await;
    app.make_user("ann", "staff").await;
    let token = app.make_token("ann", "read").await;
    assert!(token.starts_with("djf_") && token.len() == 47, "{token}");
    let rows = app.database.query("SELECT token_hash FROM djaffar_api_token").await;
    let hash: Vec<u8> = rows[0].try_get("", "token_hash").unwrap();
    use sha2::Digest;
    assert_eq!(hash, sha2::Sha256::digest(&token).to_vec());
}

#[tokio::test]
async fn an_expired_token_is_401() {
    let app = TestApp::start().await;
    app.make_user("ann", "staff").await;
    let arguments =
        ["token", "create", "--user", "ann", "--name", "x", "--scope", "read", "--expires", "90d"];
    let token = app.program().run(&arguments).await.success();
    let days = "SELECT (expires_at - created_at) / 1000000 / 86400 FROM djaffar_api_token";
    assert!((89..=90).contains(&app.database.count(days).await));
    app.database.execute("UPDATE djaffar_api_token SET expires_at = 1").await;
    let client = app.visitor().with_bearer(token.trim());
    let response = client.post_graphql(READ, json!({})).await;
    assert_eq!(response.status(), 401);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_another_process_revokes_is_void_within_ten_seconds() {
    let app = TestApp::start().await;
    app.make_user("ann", "staff").await;
    app.make_user("jeff", "user").await;
    let by_revoked = app.visitor().with_bearer(&app.make_token("ann", "read").await);
    let by_disabled = app.visitor().with_bearer(&app.make_token("jeff", "log").await);
    let by_old_password = app.visitor();
    by_old_password.log_in("ann", PASSWORD).await;
    by_revoked.graphql(READ).await;
    by_disabled.graphql(LOG).await;
    by_old_password.graphql(READ).await;

    let list = app.program().run(&["token", "list", "--user", "ann"]).await.success();
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    app.program().run(&["token", "revoke", &id]).await.success();
    app.program().run(&["user", "disable", "jeff"]).await.success();
    let new_password = app.program().input("another horse and another battery");
    new_password.run(&["user", "set-password", "ann", "--password-stdin"]).await.success();

    let since = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tick.tick().await;
        let viewer = "{ viewer { user { id } } }";
        let revoked = by_revoked.post_graphql(READ, json!({})).await.status() == 401;
        let disabled = by_disabled.post_graphql(LOG, json!({})).await.status() == 401;
        let logged_out = by_old_password.graphql(viewer).await["viewer"]["user"].is_null();
        if revoked && disabled && logged_out {
            break;
        }
        // Ten seconds, on a machine that has nothing else to do.
        assert!(since.elapsed() < Duration::from_secs(60), "{revoked} {disabled} {logged_out}");
    }
    let list = app.program().run(&["token", "list"]).await.success();
    assert!(list.contains("revoked"), "{list}");
    assert_eq!(
        app.visitor().try_log_in("jeff", PASSWORD).await["userErrors"][0]["code"],
        "INVALID_CREDENTIALS"
    );
    app.visitor().log_in("ann", "another horse and another battery").await;
}

#[tokio::test]
async fn the_last_use_is_noted_at_most_once_a_minute() {
    let app = TestApp::start().await;
    app.make_user("jeff", "user").await;
    let client = app.visitor().with_bearer(&app.make_token("jeff", "log").await);
    // The second answer comes after what was noted with the first request.
    client.graphql(LOG).await;
    client.graphql(LOG).await;
    let used = "SELECT last_used_at FROM djaffar_api_token";
    let first = app.database.count(used).await;
    assert!(first > 0);
    client.graphql(LOG).await;
    client.graphql(LOG).await;
    assert_eq!(app.database.count(used).await, first);
    assert!(app.database.count("SELECT last_seen_at FROM djaffar_user").await > 0);
}
