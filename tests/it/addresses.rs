//! Where a request comes from, and what is kept of it.

use djaffar::{Config, IpStorage, ProxyHeader};
use reqwest::Method;
use serde_json::Value;

use crate::harness::{Client, Program, TestApp, TestDatabase, development};

/// The address that is stored for a request with these headers.
async fn stored(config: Config, headers: &[(&'static str, &str)]) -> Value {
    let app = TestApp::start_with(config).await;
    let staff = app.staff().await;
    let mut request = app.visitor().request(Method::POST, "/logs");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let form = [("date", "2026-11-23T03:00:00"), ("path", "/")];
    assert_eq!(request.form(&form).send().await.unwrap().status(), 204);
    staff.only_activity().await["ipAddress"].take()
}

fn behind(proxies: &[&str]) -> Config {
    let mut config = development();
    config.trusted_proxies = proxies.iter().map(|it| it.parse().unwrap()).collect();
    config
}

#[tokio::test]
async fn v4_1_3_nobody_may_say_where_they_come_from() {
    for headers in [
        [("x-forwarded-for", "192.0.2.1")],
        [("forwarded", "for=192.0.2.1")],
        [("x-real-ip", "192.0.2.1")],
    ] {
        assert_eq!(stored(development(), &headers).await, "127.0.0.1", "{headers:?}");
    }
    // Trusted proxies there are, but this is none of them.
    let config = behind(&["10.0.0.0/8"]);
    assert_eq!(stored(config, &[("x-forwarded-for", "192.0.2.1")]).await, "127.0.0.1");
}

#[tokio::test]
async fn nobody_but_a_proxy_may_say_what_a_request_is_called() {
    let called = async |config: Config, id: &str| {
        let app = TestApp::start_with(config).await;
        let request = app.visitor().request(Method::GET, "/healthz").header("x-request-id", id);
        let response = request.send().await.unwrap();
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    let is_ours = |id: &str| uuid::Uuid::try_parse(id).is_ok();
    assert!(is_ours(&called(development(), "mine").await));
    let proxy = || behind(&["127.0.0.1/32"]);
    assert_eq!(called(proxy(), "req-42/a").await, "req-42/a");
    for id in ["", "two words", &"x".repeat(65)] {
        assert!(is_ours(&called(proxy(), id).await), "{id}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_may_say_it() {
    for (header, address) in [
        ("192.0.2.1", "192.0.2.1"),
        // What stands left of the first stranger is that one's invention.
        ("1.2.3.4, 192.0.2.1", "192.0.2.1"),
        ("1.2.3.4, 192.0.2.1, 10.1.2.3", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        // All of them are proxies: then it is the first one.
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        // Who can't be read is not known; who named them is.
        ("192.0.2.1, unknown, 10.0.0.9", "10.0.0.9"),
        ("nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ] {
        let config = behind(&["127.0.0.1/32", "10.0.0.0/8"]);
        let headers = [("x-forwarded-for", header), ("forwarded", "for=9.9.9.9")];
        assert_eq!(stored(config, &headers).await, address, "{header}");
    }
}

#[tokio::test]
async fn it_may_say_it_as_the_rfc_has_it() {
    for (header, address) in [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=\"[2001:db8::1]:4711\";proto=https;by=203.0.113.43", "2001:db8::1"),
        ("for=1.2.3.4, for=192.0.2.1;proto=http, for=10.0.0.1", "192.0.2.1"),
        ("for=_hidden", "127.0.0.1"),
        ("proto=https", "127.0.0.1"),
    ] {
        let mut config = behind(&["127.0.0.1/32", "10.0.0.0/8"]);
        config.proxy_header = ProxyHeader::Forwarded;
        let headers = [("x-forwarded-for", "9.9.9.9"), ("forwarded", header)];
        assert_eq!(stored(config, &headers).await, address, "{header}");
    }
}

#[tokio::test]
async fn less_of_it_may_be_kept() {
    for (storage, address, kept) in [
        (IpStorage::Truncated, "192.0.2.77", Value::from("192.0.2.0")),
        (IpStorage::Truncated, "2001:db8:1:2:3::4", Value::from("2001:db8:1::")),
        (IpStorage::None, "192.0.2.77", Value::Null),
    ] {
        let mut config = behind(&["127.0.0.1/32"]);
        config.ip_storage = storage;
        assert_eq!(stored(config, &[("x-forwarded-for", address)]).await, kept, "{storage:?}");
    }
}

#[tokio::test]
async fn the_operator_names_the_proxies() {
    let database = TestDatabase::create().await;
    let server = Program::new(&database.url)
        .env("DJAFFAR_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
        .env("DJAFFAR_IP_STORAGE", "truncated")
        .serve(&["--listen", "127.0.0.1:0", "--proxy-header", "Forwarded"])
        .await;
    let client = Client::new(&server.url);
    let secure = client.request(Method::GET, "/graphql?query={viewer{role}}");
    let secure = secure.header("forwarded", "for=192.0.2.77;proto=https").send().await.unwrap();
    assert_eq!(secure.headers()["strict-transport-security"], "max-age=31536000");
    let plain = client.request(Method::GET, "/graphql?query={viewer{role}}");
    let plain = plain.header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(plain.headers().get("strict-transport-security").is_none());
    let form = [("date", "2026-11-23T03:00:00"), ("path", "/")];
    let log = client.request(Method::POST, "/logs").header("forwarded", "for=192.0.2.77");
    assert_eq!(log.form(&form).send().await.unwrap().status(), 204);
    let rows = database.query("SELECT ip_address FROM djaffar_activity").await;
    assert_eq!(rows[0].try_get_by_index::<String>(0).unwrap(), "192.0.2.0");
    server.stop().await;
    let error = Program::new(&database.url)
        .run(&["serve", "--trusted-proxies", "10.0.0.0/99"])
        .await
        .failure();
    assert!(error.contains("is not like 10.0.0.1"), "{error}");
}
