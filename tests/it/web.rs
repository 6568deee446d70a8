//! Pages and the headers they come with.

use reqwest::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

use crate::harness::{Client, Program, TestApp};

#[tokio::test]
async fn every_answer_says_how_it_is_to_be_treated() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    for path in ["", "/graphiql", "/djaffar.js", "/assets/none.js", "/graphql", "/healthz"] {
        let response = visitor.get(path).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        let script = policy.split(';').find(|it| it.trim().starts_with("script-src"));
        assert!(script.is_none_or(|it| it.trim() == "script-src 'self'"), "{path}: {policy}");
    }
    assert_eq!(visitor.get("/graphql").await.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn pages_know_where_they_stand_or_say_what_is_missing() {
    let app = TestApp::start().await;
    let prefix = format!("/{}", app.url.rsplit('/').next().unwrap());
    for page in ["", "/graphiql", "/demo"] {
        let response = app.visitor().get(page).await;
        if is_built() {
            assert_eq!(response.status(), StatusCode::OK, "{page}");
            assert_eq!(response.headers()["cache-control"], "no-cache");
            let text = response.text().await.unwrap();
            assert!(text.contains(&format!("<base href=\"{prefix}/\"")), "{page}: {text}");
        } else {
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            assert!(response.text().await.unwrap().contains("npm run build"), "{page}");
        }
    }
}

#[tokio::test]
async fn the_demo_is_for_development_alone() {
    let database = crate::harness::TestDatabase::create().await;
    let server = Program::new(&database.url).serve(&["--listen", "127.0.0.1:0"]).await;
    let response = Client::new(&server.url).get("/demo").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.text().await.unwrap().is_empty(), "there is no such path");
}

#[tokio::test]
async fn the_tracker_is_for_every_page_and_sent_but_once() {
    if !is_built() {
        return;
    }
    let app = TestApp::start().await;
    let visitor = app.visitor();
    for name in ["/djaffar.js", "/djaffar.mjs"] {
        let plain = visitor.get(name).await;
        assert_eq!(plain.headers()["access-control-allow-origin"], "*");
        assert_eq!(plain.headers()["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(plain.headers()["vary"], "accept-encoding");
        assert!(plain.headers()["content-type"].to_str().unwrap().contains("javascript"));
        let etag = plain.headers()["etag"].clone();
        let plain = plain.bytes().await.unwrap();
        let request = visitor.request(Method::GET, name).header(ACCEPT_ENCODING, "gzip, br");
        let compressed = request.send().await.unwrap();
        assert_eq!(compressed.headers()["content-encoding"], "br");
        assert!(compressed.bytes().await.unwrap().len() < plain.len());
        let again = visitor.request(Method::GET, name).header(IF_NONE_MATCH, &etag);
        assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }
}

/// Whether the pages have been built, as `make test` does.
fn is_built() -> bool {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist/index.html").exists()
}
