//! The main job on real input: pages in a browser log, staff read it.

use std::collections::HashMap;
use std::path::Path;

use axum::Router;
use axum::extract;
use axum::response::Html;
use axum::routing::get;
use serde_json::Value;

use crate::harness::{PASSWORD, TestApp};

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web");

/// The snippet of django-djaffar's README, word for word but for the path.
async fn classic(extract::Path((base, page)): extract::Path<(String, String)>) -> Html<String> {
    let next = if page == "one" { "two" } else { "one" };
    Html(format!(
        "<!doctype html><title>{page}</title><a href='{next}'>Next</a><script>
            var xhr = new XMLHttpRequest();
            xhr.open('POST', '/{base}/djaffar/log/', true);
            xhr.setRequestHeader('Content-type', 'application/x-www-form-urlencoded');
            xhr.send('date=' + new Date().toISOString());
        </script>"
    ))
}

/// A page of today that speaks GraphQL.
async fn modern(extract::Path((base, page)): extract::Path<(String, String)>) -> Html<String> {
    let next = if page == "one" { "two" } else { "one" };
    Html(format!(
        "<!doctype html><title>{page}</title><a href='{next}'>Next</a><script>
            async function graphql(query, variables) {{
                const response = await fetch('/{base}/graphql', {{
                    method: 'POST',
                    headers: {{ 'content-type': 'application/json' }},
                    body: JSON.stringify({{ query, variables }}),
                }});
                return (await response.json()).data;
            }}
            const input = {{
                id: crypto.randomUUID(),
                date: new Date(),
                path: location.pathname,
                referer: document.referrer || null,
                properties: {{ width: innerWidth }},
            }};
            graphql('mutation($input: LogActivityInput!) {{ logActivity(input: $input) {{ userErrors {{ message }} }} }}', {{ input }});
            window.logIn = (username, password) => graphql(
                'mutation($input: LogInInput!) {{ logIn(input: $input) {{ userErrors {{ message }} }} }}',
                {{ input: {{ username, password }} }},
            );
        </script>"
    ))
}

#[tokio::test]
async fn a_browser_logs_and_staff_read_it() {
    assert!(
        Path::new(WEB).join("node_modules/playwright-core").exists(),
        "the browser is not set up: run make setup"
    );
    let pages = Router::new()
        .route("/{base}/classic/{page}", get(classic))
        .route("/{base}/modern/{page}", get(modern));
    let app = TestApp::start_in_host(|router| router.merge(pages)).await;
    app.make_user("jeff", "user").await;
    assert_eq!(PASSWORD, "correct horse battery staple", "the script types it");
    let staff = app.staff().await;

    let script = tokio::process::Command::new("node")
        .args(["tests/browse.mjs", &app.url])
        .current_dir(WEB)
        .kill_on_drop(true)
        .status();
    assert!(script.await.unwrap().success());

    let activities = staff.activities().await;
    assert_eq!(activities.len(), 4, "{activities:#?}");
    let root = app.url.rsplit_once('/').unwrap();
    let base = root.1;
    let by_path: HashMap<&str, &Value> =
        activities.iter().map(|activity| (activity["path"].as_str().unwrap(), activity)).collect();
    let at = |path: String| {
        *by_path.get(path.as_str()).unwrap_or_else(|| panic!("no {path} in {by_path:#?}"))
    };
    for page in ["one", "two"] {
        let classic = at(format!("{}/classic/{page}", app.url));
        assert_eq!(classic["user"], Value::Null);
        let modern = at(format!("/{base}/modern/{page}"));
        let width = modern["properties"]["width"].as_u64().unwrap();
        assert!(width > 100);
        let is_second = page == "two";
        assert_eq!(modern["user"]["username"] == "jeff", is_second);
        assert_eq!(modern["referer"].is_string(), is_second);
    }
    for activity in &activities {
        assert_eq!(activity["session"]["id"], activities[0]["session"]["id"]);
        assert_eq!(activity["session"]["userAgent"], "Browser/1.0 (test)");
        assert_eq!(activity["session"]["user"]["username"], "jeff");
        assert_eq!(activity["ipAddress"], "127.0.0.1");
        let date: chrono::DateTime<chrono::Utc> =
            activity["date"].as_str().unwrap().parse().unwrap();
        assert!((chrono::Utc::now() - date).num_seconds() < 60);
    }
}
