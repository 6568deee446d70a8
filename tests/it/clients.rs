//! The clients and tools that others use, each against the program on a database of its own.

use std::path::Path;

use crate::harness::TestApp;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Runs a script in Node.
async fn run(script: &str, arguments: &[&str]) {
    let is_installed = Path::new(CLIENTS).join("node_modules").exists();
    assert!(is_installed, "the clients are not installed: run make setup");
    let status = tokio::process::Command::new("node")
        .arg(script)
        .args(arguments)
        .current_dir(CLIENTS)
        .kill_on_drop(true)
        .status();
    assert!(status.await.unwrap().success(), "{script} says no");
}

/// Gives a script a server, and a token of somebody who may read.
async fn talk(script: &str) {
    let app = TestApp::start().await;
    app.make_user("staff", "staff").await;
    let token = app.make_token("staff", "read").await;
    let server = app.program().serve(&["--mode", "development", "--listen", "127.0.0.1:0"]).await;
    run(script, &[&server.url, &token]).await;
}

#[tokio::test]
async fn apollo_client() {
    talk("apollo.mjs").await;
}

#[tokio::test]
async fn urql() {
    talk("urql.mjs").await;
}

#[tokio::test]
async fn graphql_request() {
    talk("graphql-request.mjs").await;
}

#[tokio::test]
async fn graphql_ws() {
    talk("graphql-ws.mjs").await;
}

#[tokio::test]
async fn tools_accept_the_schema() {
    run("tools.mjs", &[]).await;
}

#[tokio::test]
async fn nothing_breaks_for_clients_of_the_last_release() {
    run("changes.mjs", &[]).await;
}
