//! Pages and the headers they come with.

use reqwest::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

use crate::audit::lines_of;
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
    assert!(!response.headers().contains_key("access-control-allow-origin"), "that of the tracker");
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

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    if !is_built() {
        return;
    }
    let app = TestApp::start().await;
    let visitor = app.visitor();
    for name in ["", "/graphiql", "/demo", "/djaffar.js"] {
        let etag = visitor.get(name).await.headers()["etag"].to_str().unwrap().to_owned();
        let strong = etag.trim_start_matches("W/");
        for (known, status) in [
            (etag.clone(), 304),
            (format!("\"other\", {etag}"), 304),
            (strong.to_owned(), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let request = visitor.request(Method::GET, name).header(IF_NONE_MATCH, &known);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{name} {known}");
            assert_eq!(response.headers()["etag"], etag.as_str());
        }
    }
    // What a page says of where it stands is part of it.
    let (_node, root) = app.another_node().await;
    let elsewhere = Client::new(&root).get("/").await;
    assert_ne!(elsewhere.headers()["etag"], visitor.get("").await.headers()["etag"]);
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_sent_compressed() {
    if !is_built() {
        return;
    }
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let page = visitor.get("").await.text().await.unwrap();
    let names: Vec<_> = page.split('"').filter(|it| it.starts_with("./assets/")).collect();
    assert!(names.len() >= 2, "{page}");
    for name in names {
        let name = name.trim_start_matches('.');
        let plain = visitor.get(name).await;
        assert_eq!(plain.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(plain.headers()["vary"], "accept-encoding");
        assert!(plain.headers().get("content-encoding").is_none());
        let etag = plain.headers()["etag"].clone();
        let plain = plain.bytes().await.unwrap();
        for (accepted, encoding) in [
            ("br", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("br; q=0.0, gzip; q=0", None),
            ("identity", None),
        ] {
            let request = visitor.request(Method::GET, name).header(ACCEPT_ENCODING, accepted);
            let response = request.send().await.unwrap();
            let given = response.headers().get("content-encoding");
            assert_eq!(given.map(|it| it.to_str().unwrap()), encoding, "{name} {accepted}");
            assert_eq!(response.headers()["etag"], etag);
            let is_smaller = response.bytes().await.unwrap().len() < plain.len();
            assert_eq!(is_smaller, encoding.is_some(), "{name} {accepted}");
        }
    }
    assert_eq!(visitor.get("/assets/none.js").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_module_says_where_its_types_are() {
    if !is_built() {
        return;
    }
    let app = TestApp::start().await;
    let module = app.visitor().get("/djaffar.mjs").await;
    assert_eq!(module.headers()["x-typescript-types"], "./djaffar.d.ts");
    let types = app.visitor().get("/djaffar.d.ts").await;
    assert_eq!(types.headers()["content-type"], "application/typescript; charset=utf-8");
    assert_eq!(types.headers()["access-control-allow-origin"], "*");
    assert!(types.text().await.unwrap().contains("export function start"));
}

#[tokio::test]
async fn to_ask_whether_one_may_export_is_no_export() {
    let app = TestApp::start().await;
    let ann = app.logged_in("ann", "admin").await;
    let id = ann.graphql("{ viewer { user { id } } }").await["viewer"]["user"]["id"].clone();
    let person = format!("/export/person.ndjson?user={}", id.as_str().unwrap());
    let exports = ["/export/activities.csv", "/export/activities.ndjson", &person];
    for path in exports {
        for (client, status) in [(&ann, 200), (&app.visitor(), 401)] {
            let response = client.request(Method::HEAD, path).send().await.unwrap();
            assert_eq!(response.status(), status, "{path}");
        }
    }
    assert!(lines_of(&ann, "export").await.is_empty());
    for path in exports {
        assert_eq!(ann.get(path).await.status(), StatusCode::OK);
    }
    assert_eq!(lines_of(&ann, "export").await.len(), 3);
}

/// What may be named in what is sent: addresses that nothing is loaded from.
const NAMED_ONLY: [&str; 11] = [
    // In what a newcomer is told.
    "app.example",
    // In messages of the editor and of React, as what to read about a mistake.
    "code.visualstudio.com",
    "commonmark.org",
    "en.wikipedia.org",
    "github.com",
    "microsoft.com",
    "prettier.io",
    "react.dev",
    "yarnpkg.com",
    // The names of XML's and JSON's schemas.
    "json-schema.org",
    "www.w3.org",
];

#[test]
fn pages_name_no_other_host() {
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist");
    if !is_built() {
        return;
    }
    let mut hosts = std::collections::BTreeMap::<String, String>::new();
    for entry in
        [dist.clone(), dist.join("assets")].iter().flat_map(|it| std::fs::read_dir(it).unwrap())
    {
        let path = entry.unwrap().path();
        let is_text = ["html", "css", "js", "mjs"]
            .iter()
            .any(|it| path.extension().is_some_and(|own| own == *it));
        if !is_text {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for scheme in ["http://", "https://", "ws://", "wss://"] {
            for (at, _) in text.match_indices(scheme) {
                let rest = &text[at + scheme.len()..];
                let end =
                    rest.find(|it: char| !(it.is_ascii_alphanumeric() || "-._:[]".contains(it)));
                let host = &rest[..end.unwrap_or(rest.len())];
                hosts.entry(host.to_owned()).or_insert_with(|| path.display().to_string());
            }
        }
    }
    hosts.retain(|host, _| !host.is_empty() && !NAMED_ONLY.contains(&host.as_str()));
    assert!(hosts.is_empty(), "{hosts:#?}");
}

/// Whether the pages have been built, as `make test` does.
fn is_built() -> bool {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist/index.html").exists()
}
