//! `POST /logs`, as the clients of django-djaffar use it.

use reqwest::header::{ALLOW, CONTENT_TYPE, REFERER, SET_COOKIE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Client, TestApp, set_cookie};

const DATE: &str = "2026-11-23T03:00:00.123Z";

/// Posts fields with a `Referer` header.
async fn post_from(client: &Client, referer: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let request = client.request(Method::POST, "/logs").header(REFERER, referer);
    request.form(fields).send().await.unwrap()
}

async fn errors(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(response.headers().get(SET_COOKIE).is_none(), "a refusal opens no session");
    response.json::<Value>().await.unwrap()["errors"].take()
}

#[tokio::test]
async fn a_blank_post_names_both_fields() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let required =
        json!({ "date": ["This field is required."], "path": ["This field is required."] });
    let visitor = app.visitor();
    assert_eq!(errors(visitor.post_form("/logs", &[]).await).await, required);
    let without_type = visitor.request(Method::POST, "/logs").send().await.unwrap();
    assert_eq!(errors(without_type).await, required);
    assert!(staff.activities().await.is_empty());
}

#[tokio::test]
async fn a_date_alone_is_not_enough() {
    let app = TestApp::start().await;
    let response = app.visitor().post_form("/logs", &[("date", DATE)]).await;
    assert_eq!(errors(response).await, json!({ "path": ["This field is required."] }));
}

#[tokio::test]
async fn the_path_falls_back_to_the_referer_header() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    for fields in [&[("date", DATE)][..], &[("date", DATE), ("path", "")]] {
        let response = post_from(&visitor, "https://shop.example/cart?id=1", fields).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.text().await.unwrap(), "");
    }
    for activity in staff.activities().await {
        assert_eq!(activity["path"], "https://shop.example/cart?id=1");
        assert_eq!(activity["referer"], Value::Null);
    }
}

#[tokio::test]
async fn what_is_given_is_stored_with_what_the_server_knows() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let fields = [("date", DATE), ("path", "specified/path/"), ("referer", "https://google.com")];
    let response = post_from(&app.visitor(), "/", &fields).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let activity = staff.only_activity().await;
    assert_eq!(activity["date"], "2026-11-23T03:00:00.123+00:00");
    assert_eq!(activity["path"], "specified/path/");
    assert_eq!(activity["referer"], "https://google.com");
    assert_eq!(activity["name"], "view");
    assert_eq!(activity["ipAddress"], "127.0.0.1");
    assert_eq!(activity["user"], Value::Null);
    assert_eq!(activity["session"]["userAgent"], "Test/1.0");
    assert_eq!(activity["truncated"], false);
}

#[tokio::test]
async fn the_referer_header_and_the_referer_field_are_two_things() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    post_from(&app.visitor(), "/", &[("date", DATE), ("referer", "https://google.com")]).await;
    let activity = staff.only_activity().await;
    assert_eq!(activity["path"], "/");
    assert_eq!(activity["referer"], "https://google.com");
}

#[tokio::test]
async fn every_old_path_works() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let paths = ["/logs", "/log", "/djaffar/logs", "/djaffar/log"];
    for path in paths.iter().flat_map(|path| [path.to_string(), format!("{path}/")]) {
        let response = visitor.post_form(&path, &[("date", DATE), ("path", &path)]).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{path}");
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let response = visitor.request(method, &path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(response.headers()[ALLOW], "POST");
            assert!(response.headers().get(SET_COOKIE).is_none());
        }
    }
    assert_eq!(staff.activities().await.len(), 8);
}

#[tokio::test]
async fn three_content_types_are_read() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let post = || visitor.request(Method::POST, "/logs");

    let multipart = reqwest::multipart::Form::new()
        .text("date", DATE)
        .text("path", "/multipart")
        .text("x", "y");
    let response = post().multipart(multipart).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let json = json!({ "date": DATE, "path": "/json", "referer": null, "more": [1] });
    assert_eq!(post().json(&json).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    visitor.log("/form").await;

    let mut paths: Vec<_> =
        staff.activities().await.iter().map(|activity| activity["path"].clone()).collect();
    paths.sort_by_key(|path| path.to_string());
    assert_eq!(paths, ["/form", "/json", "/multipart"]);

    let response = post().header(CONTENT_TYPE, "text/plain").body("date=x").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for (content_type, body) in [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=x", "--x\r\nnonsense"),
    ] {
        let response = post().header(CONTENT_TYPE, content_type).body(body).send().await.unwrap();
        assert!(errors(response).await["non_field_errors"][0].is_string(), "{content_type} {body}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let app = TestApp::start().await;
    let path = "x".repeat(70 * 1024);
    let response = app.visitor().post_form("/logs", &[("date", DATE), ("path", &path)]).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn dates_are_read_as_they_were() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    for (given, stored) in [
        ("2026-11-23T03:00:00", "2026-11-23T03:00:00+00:00"),
        ("2026-11-23T03:00", "2026-11-23T03:00:00+00:00"),
        ("2026-11-23 03:00:00", "2026-11-23T03:00:00+00:00"),
        ("2026-11-23T03:00:00Z", "2026-11-23T03:00:00+00:00"),
        ("2026-11-23T03:00:00.123456", "2026-11-23T03:00:00.123456+00:00"),
        ("2026-11-23T03:00:00.1Z", "2026-11-23T03:00:00.100+00:00"),
        ("2026-11-23T03:00:00+01:00", "2026-11-23T02:00:00+00:00"),
        ("2026-11-23T03:00:00-0330", "2026-11-23T06:30:00+00:00"),
        ("1969-07-20T20:17:40Z", "1969-07-20T20:17:40+00:00"),
    ] {
        let id = format!("/{given}");
        let response = visitor.post_form("/logs", &[("date", given), ("path", &id)]).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{given}");
        let activities = staff.activities().await;
        let activity = activities.iter().find(|activity| activity["path"] == *id).unwrap();
        assert_eq!(activity["date"], stored, "{given}");
    }
    for given in ["", "now", "2026-11-23", "2026-13-01T00:00:00Z", "23/11/2026", "1700000000"] {
        let response = visitor.post_form("/logs", &[("date", given), ("path", "/")]).await;
        let errors = errors_of_known(response).await;
        assert!(errors["date"][0].as_str().unwrap().starts_with("Datetime has wrong format."));
        assert_eq!(errors.as_object().unwrap().len(), 1);
    }
    let both = errors_of_known(visitor.post_form("/logs", &[("date", "now")]).await).await;
    assert!(both["date"].is_array() && both["path"].is_array());
}

/// As [`errors`], for a visitor who has a session already.
async fn errors_of_known(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    response.json::<Value>().await.unwrap()["errors"].take()
}

#[tokio::test]
async fn long_and_strange_paths_are_kept() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let long = format!("/{}", "ä".repeat(5_000));
    visitor.log(&long).await;
    let activity = staff.only_activity().await;
    let kept = activity["path"].as_str().unwrap();
    assert!(long.starts_with(kept) && kept.len() == 2_047, "{}", kept.len());
    assert_eq!(activity["truncated"], true);

    visitor.log("/a\0b/🦀").await;
    let activities = staff.activities().await;
    assert_eq!(activities[0]["path"], "/a\u{FFFD}b/🦀");
    assert_eq!(activities[0]["truncated"], false);

    let bytes = visitor
        .request(Method::POST, "/logs")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = bytes.body(format!("date={DATE}&path=/%FF%FE")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_signed_in_user_is_recognised_by_cookie_bearer_and_token() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let by_cookie = app.logged_in("jeff", "user").await;
    by_cookie.log("/cookie").await;
    let token = app.make_token("jeff", "log").await;
    for scheme in ["Bearer", "Token", "bearer"] {
        let client = app.visitor().with_authorization(&format!("{scheme} {token}"));
        client.log("/token").await;
    }
    let activities = staff.activities().await;
    assert_eq!(activities.len(), 4);
    for activity in activities {
        assert_eq!(activity["user"]["username"], "jeff");
        assert_eq!(activity["session"]["userAgent"], "Test/1.0");
    }
}

#[tokio::test]
async fn a_bad_token_is_401_and_never_anonymous() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for authorization in ["Bearer djf_wrong", "Token x", "Bearer", "Basic amVmZjprb29ucw==", ""] {
        let client = app.visitor().with_authorization(authorization);
        let response = client.post_form("/logs", &[("date", DATE), ("path", "/")]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{authorization}");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
    assert!(staff.activities().await.is_empty());
}

#[tokio::test]
async fn a_new_visitor_gets_the_cookie_and_a_known_one_keeps_it() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let response = visitor.log("/1").await;
    let header = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(header.starts_with("sessionid="), "{header}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(header.contains(attribute), "{header}");
    }
    assert!(!header.contains("Max-Age") && !header.contains("Secure"), "{header}");
    assert!(set_cookie(&visitor.log("/2").await).is_none());
    let activities = staff.activities().await;
    assert_eq!(activities[0]["session"]["id"], activities[1]["session"]["id"]);
}
