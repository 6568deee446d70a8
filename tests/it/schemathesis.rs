//! Schemathesis makes operations up from the schema, good ones and bad ones.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApp};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/schemathesis");

/// Lets it ask so many times for each field of the root.
async fn ask(url: &str, token: Option<&str>, ids: &Value, examples: u32) {
    assert!(Path::new(PROGRAM).exists(), "Schemathesis is not installed: run make setup");
    // It keeps notes where it runs.
    let directory = tempfile::tempdir().unwrap();
    let settings = format!(
        "[dictionaries.ids]
         values = {ids}
         [dictionaries.sizes]
         values = [0, 1, 20, 200]
         [parameters]
         \"*.*.first\" = {{ dictionary = \"sizes\", probability = 0.9 }}
         \"*.*.id\" = {{ dictionary = \"ids\", probability = 0.5 }}
         \"*.*.ids[*]\" = {{ dictionary = \"ids\", probability = 0.5 }}
         \"*.*.input.id\" = {{ dictionary = \"ids\", probability = 0.5 }}
         \"*.*.input.userId\" = {{ dictionary = \"ids\", probability = 0.5 }}"
    );
    std::fs::write(directory.path().join("schemathesis.toml"), settings).unwrap();
    // To ask longer, and otherwise.
    let setting = |name: &str, default: String| std::env::var(name).unwrap_or(default);
    let examples = setting("DJAFFAR_TEST_EXAMPLES", examples.to_string());
    let seed = setting("DJAFFAR_TEST_SEED", "1".to_owned());
    let mut command = tokio::process::Command::new(PROGRAM);
    command
        .args(["run", &format!("{url}/graphql"), "--checks", "refused_with_a_code"])
        .args(["--max-examples", &examples, "--seed", &seed, "--continue-on-failure"])
        .args(["--suppress-health-check", "all", "--generation-database", "none"])
        .env("SCHEMATHESIS_HOOKS", "refusals")
        .env("PYTHONPATH", CLIENTS)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(directory.path())
        .kill_on_drop(true);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("No issues found") || text.contains(" passed"), "{text}");
}

#[tokio::test]
async fn whatever_the_schema_allows_is_answered_or_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.make_user("ann", "admin").await;
    // Whom the admin's orders may hit.
    let jeff = app.logged_in("jeff", "user").await;
    jeff.log("/").await;
    let found = staff.graphql("{ activities { nodes { id user { id } session { id } } } }").await;
    let activity = &found["activities"]["nodes"][0];
    let ids = json!([activity["id"], activity["user"]["id"], activity["session"]["id"]]);
    let to_read = app.make_token("staff", "read").await;
    let to_order = app.make_token("ann", "admin").await;

    let server = app.program().serve(&["--mode", "development", "--listen", "127.0.0.1:0"]).await;
    tokio::join!(
        ask(&server.url, None, &ids, 6),
        ask(&server.url, Some(&to_read), &ids, 6),
        ask(&server.url, Some(&to_order), &ids, 10),
    );
    // The program is as well as before.
    let client = crate::harness::Client::new(&server.url);
    client.log_in("staff", PASSWORD).await;
    assert!(client.get("/healthz").await.status().is_success());
}
