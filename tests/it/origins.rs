//! Pages of other sites: who may log, and who may not.

use reqwest::header::{HeaderMap, HeaderValue, ORIGIN};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::harness::{Client, Program, TestApp, TestDatabase, development};

const LOG: &str = "mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }";

/// Logs by both doors with these headers, and returns both answers.
async fn log(client: &Client, headers: &[(&'static str, &str)]) -> [Response; 2] {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, HeaderValue::from_str(value).unwrap());
    }
    let form = client.request(Method::POST, "/logs").headers(all.clone());
    let form = form.form(&[("date", "2026-11-23T03:00:00"), ("path", "/")]);
    let graphql = client.request(Method::POST, "/graphql").headers(all);
    let graphql = graphql.json(&json!({ "query": LOG }));
    [form.send().await.unwrap(), graphql.send().await.unwrap()]
}

fn host_of(client: &Client) -> String {
    client.url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn v3_5_1_a_page_of_a_foreign_site_may_not_speak_for_its_visitor() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-site")],
        &[("origin", "http://localhost.evil.example")],
        &[("origin", "http://127.0.0.1.evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        for response in log(&jeff, headers).await {
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{headers:?}");
            assert!(response.headers().get("access-control-allow-origin").is_none());
        }
    }
    assert!(staff.activities().await.is_empty());
    let own = format!("http://{}", host_of(&jeff));
    for headers in [
        &[][..],
        &[("origin", own.as_str())],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", "https://behind.a.proxy"), ("sec-fetch-site", "same-origin")],
        // Development mode.
        &[("origin", "http://localhost:3000"), ("sec-fetch-site", "cross-site")],
        &[("origin", "http://[::1]:3000")],
        &[("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-site")],
    ] {
        for response in log(&jeff, headers).await {
            assert!(response.status().is_success(), "{headers:?}");
        }
    }
    assert_eq!(staff.activities().await.len(), 14);
}

#[tokio::test]
async fn v3_4_2_a_named_origin_may_log_and_read_the_answer() {
    let mut config = development();
    config.mode = djaffar::Mode::Production;
    config.allowed_origins = vec!["https://app.example".to_owned()];
    let app = TestApp::start_with(config).await;
    let visitor = app.visitor();
    for origin in ["https://app.example", "https://APP.example"] {
        for response in log(&visitor, &[("origin", origin), ("sec-fetch-site", "cross-site")]).await
        {
            assert!(response.status().is_success());
            assert_eq!(response.headers()["access-control-allow-origin"], origin);
            assert_eq!(response.headers()["access-control-allow-credentials"], "true");
            let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
            assert_eq!(exposed, "retry-after,ratelimit,ratelimit-policy,x-request-id");
        }
    }
    for origin in [
        "https://other.example",
        "http://app.example",
        "https://app.example:8443",
        "http://localhost:3000",
    ] {
        for response in log(&visitor, &[("origin", origin)]).await {
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin}");
        }
    }
    let preflight = async |origin: &str| {
        let request = visitor.request(Method::OPTIONS, "/graphql").header(ORIGIN, origin);
        let request = request.header("access-control-request-method", "POST");
        let headers = "content-type,authorization,apollo-require-preflight,\
                       graphql-require-preflight,x-apollo-operation-name";
        request.header("access-control-request-headers", headers).send().await.unwrap()
    };
    let response = preflight("https://app.example").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
    let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap();
    for header in [
        "accept",
        "authorization",
        "content-type",
        "apollo-require-preflight",
        "graphql-require-preflight",
        "x-apollo-operation-name",
    ] {
        assert!(allowed.split(',').any(|it| it.trim() == header), "{header}: {allowed}");
    }
    assert!(
        preflight("https://other.example")
            .await
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}

#[tokio::test]
async fn origins_are_named_by_the_operator() {
    let database = TestDatabase::create().await;
    let server = Program::new(&database.url)
        .env("DJAFFAR_ALLOWED_ORIGINS", "https://a.example, https://b.example:443/")
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    let client = Client::new(&server.url);
    for (origin, status) in
        [("https://a.example", 204), ("https://b.example", 204), ("https://c.example", 403)]
    {
        assert_eq!(log(&client, &[("origin", origin)]).await[0].status(), status, "{origin}");
    }
    server.stop().await;
    let server = Program::new(&database.url)
        .file("djaffar.toml", "allowed-origins = [\"https://a.example\", \"https://b.example\"]\n")
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    let client = Client::new(&server.url);
    assert_eq!(log(&client, &[("origin", "https://b.example")]).await[0].status(), 204);
    server.stop().await;
    let server = Program::new(&database.url)
        .env("DJAFFAR_ALLOWED_ORIGINS", "")
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    server.stop().await;
    for wrong in [
        "https://app.example?x",
        "app.example",
        "https://app.example/path",
        "*",
        "ftp://app.example",
    ] {
        let error =
            Program::new(&database.url).run(&["serve", "--allowed-origins", wrong]).await.failure();
        assert!(error.contains("an origin is like https://app.example"), "{wrong}: {error}");
    }
}
