//! The tracker in a browser, against the real program: nothing is lost, nothing is there twice.

use std::path::Path;

use crate::harness::{PASSWORD, TestApp};

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");

#[tokio::test]
async fn the_tracker_loses_nothing_and_doubles_nothing() {
    let is_there = |file: &str| Path::new(WEB).join(file).exists();
    assert!(is_there("node_modules/playwright-core"), "no browser is set up: run make setup");
    assert!(is_there("dist/djaffar.js"), "the tracker is not built: run make setup");
    let app = TestApp::start().await;
    app.make_user("ann", "staff").await;
    app.make_user("jeff", "user").await;
    let (staff, user) = (app.make_token("ann", "read").await, app.make_token("jeff", "log").await);

    let script = tokio::process::Command::new("node")
        .args(["tests/tracker.mjs", env!("CARGO_BIN_EXE_djaffar")])
        .current_dir(WEB)
        .env("DJAFFAR_DATABASE_URL", &app.database.url)
        .env("DJAFFAR_RATE_LIMITS", "off")
        .env("STAFF_TOKEN", staff)
        .env("USER_TOKEN", user)
        .env("PASSWORD", PASSWORD)
        .env("DEMO_URL", &app.url)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let [told, errors] = [&script.stdout, &script.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(script.status.success(), "{told}\n{errors}");
}
