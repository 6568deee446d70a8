//! The console and GraphiQL in a browser, as staff use them.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Program, TestApp, TestDatabase};

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
const LOG: &str = "mutation($input: LogActivitiesInput!) {
    logActivities(input: $input) { results { userErrors { message } } } }";

async fn log(client: &Client, activities: Vec<Value>) {
    let input = json!({ "input": { "activities": activities } });
    let data = client.graphql_with(LOG, input).await;
    for result in data["logActivities"]["results"].as_array().unwrap() {
        assert_eq!(result["userErrors"], json!([]));
    }
}

fn steps(count: i32, from: DateTime<Utc>, path: &str) -> Vec<Value> {
    let step = |number: i32| {
        let date = from + TimeDelta::seconds(90) * number;
        json!({ "date": date, "path": format!("{path}/{number}"), "properties": { "number": number } })
    };
    (0..count).map(step).collect()
}

/// Lets a script do in a browser what it does.
async fn run(script: &str, url: &str) {
    for needed in ["node_modules/playwright-core", "dist/index.html"] {
        assert!(Path::new(WEB).join(needed).exists(), "the console is not built: run make setup");
    }
    assert_eq!(PASSWORD, "correct horse battery staple", "the script types it");
    let mut node = tokio::process::Command::new("node");
    node.args([script, url]).current_dir(WEB).kill_on_drop(true);
    assert!(node.status().await.unwrap().success());
}

#[tokio::test]
async fn the_first_admin_comes_by_the_link() {
    let database = TestDatabase::create().await;
    let arguments = ["--listen", "127.0.0.1:0", "--mode", "development"];
    let mut server = Program::new(&database.url).serve(&arguments).await;
    let line = server.first_line().await;
    run("tests/setup.mjs", line.strip_prefix("Make the first admin: ").unwrap()).await;
    server.stop().await;
}

#[tokio::test]
async fn who_comes_by_plain_http_is_told_that_it_can_not_be() {
    let app = TestApp::start().await;
    app.make_user("staff", "staff").await;
    let server = app.program().serve(&["--listen", "127.0.0.1:0"]).await;
    run("tests/plain-http.mjs", &server.url.replace("127.0.0.1", "djaffar.test")).await;
    server.stop().await;
}

#[tokio::test]
async fn staff_use_the_console() {
    let app = TestApp::start().await;
    let now = Utc::now();
    let jeff = app.logged_in("jeff", "user").await;
    log(&jeff, steps(30, now - TimeDelta::hours(2), "/shop")).await;
    for days in [2, 3] {
        log(&app.visitor(), steps(300, now - TimeDelta::days(days), "/docs")).await;
    }
    let hostile = json!({ "path": "/<script>document.title = 'broken'</script>\u{202e}gpj",
        "name": "<img src=x onerror=\"document.title = 'broken'\">", "referer": "javascript:alert(1)" });
    log(&app.visitor(), vec![hostile]).await;
    app.make_user("ann", "admin").await;

    run("tests/console.mjs", &app.url).await;
}

#[tokio::test]
async fn staff_find_what_they_look_for() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "user").await;
    let shop = |path: &str, page: &str| json!({ "path": path, "name": "buy", "referer": format!("https://news.example/{page}") });
    log(&jeff, vec![shop("/shop", "today"), shop("/shop/2", "today?x=1")]).await;
    let from = |referer: &str| json!({ "path": "/", "referer": referer });
    let local = from("http://localhost:3000/dev");
    log(&app.visitor(), vec![local.clone(), local, from("android-app://com.app/")]).await;
    log(&app.visitor(), vec![from("https://news.example.evil/")]).await;
    let long = json!({ "path": format!("/long{}", "x".repeat(1_500)), "name": "y".repeat(60),
        "properties": { "long": "xxxxx".repeat(300) } });
    let old = json!({ "path": "/old", "date": Utc::now() - TimeDelta::days(40) });
    log(&app.visitor(), vec![json!({ "path": "/🦊/ä", "name": "🎉" }), long, old]).await;
    app.make_user("ann", "admin").await;
    app.make_user("stan", "staff").await;

    run("tests/filters.mjs", &app.url).await;
}

#[tokio::test]
async fn staff_take_the_log_along() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "user").await;
    log(&jeff, steps(30, Utc::now() - TimeDelta::hours(2), "/shop/\"a\", 🦊")).await;
    log(&app.visitor(), steps(3, Utc::now(), "/docs")).await;
    app.make_user("ann", "staff").await;

    run("tests/exports.mjs", &app.url).await;
}

#[tokio::test]
async fn each_role_sees_what_it_may() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "user").await;
    log(&jeff, steps(3, Utc::now() - TimeDelta::hours(2), "/shop")).await;
    app.make_user("stan", "staff").await;

    run("tests/roles.mjs", &app.url).await;
}

#[tokio::test]
async fn staff_use_graphiql() {
    let app = TestApp::start().await;
    app.make_user("ann", "staff").await;

    run("tests/graphiql.mjs", &app.url).await;
}
