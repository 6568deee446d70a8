//! The console and GraphiQL in a browser, as staff use them.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp};

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

#[tokio::test]
async fn staff_use_the_console() {
    for needed in ["node_modules/playwright-core", "dist/index.html"] {
        assert!(Path::new(WEB).join(needed).exists(), "the console is not built: run make setup");
    }
    let app = TestApp::start().await;
    assert_eq!(PASSWORD, "correct horse battery staple", "the script types it");
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

    let script = tokio::process::Command::new("node")
        .args(["tests/console.mjs", &app.url])
        .current_dir(WEB)
        .kill_on_drop(true)
        .status();
    assert!(script.await.unwrap().success());
}
