//! What the tracker hands in: from pages of the own site by cookie, from pages of others without.

use djaffar::{Config, Mode};
use reqwest::header::{CONTENT_TYPE, ORIGIN};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, TestApp, development};

/// Sends a body as a page does, without asking first.
async fn send(client: &Client, origin: Option<&str>, body: &Value) -> Response {
    let request = client.request(Method::POST, "/logs/batch").header(CONTENT_TYPE, "text/plain");
    let request = match origin {
        Some(origin) => request.header(ORIGIN, origin),
        None => request,
    };
    request.body(body.to_string()).send().await.unwrap()
}

async fn taken(client: &Client, origin: Option<&str>, body: &Value) -> Value {
    let response = send(client, origin, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

fn view(path: &str) -> Value {
    json!({ "id": Uuid::now_v7(), "date": "2026-11-23T03:00:00Z", "path": path })
}

/// An application on another site than the service.
const APP: &str = "https://app.example";

fn cross_site() -> Config {
    let mut config = development();
    config.mode = Mode::Production;
    config.tracker_origins = vec![APP.to_owned()];
    config
}

#[tokio::test]
async fn a_page_of_the_own_site_logs_by_its_cookie() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    let id = Uuid::now_v7();
    let activity = json!({
        // As the tracker writes it.
        "id": id.simple().to_string(), "date": "2026-11-23T04:00:00+01:00", "path": "/a", "referer": "/b",
        "name": "click", "properties": { "button": "buy" },
    });
    let body = json!({ "activities": [activity, view("/c")] });
    let answer = taken(&jeff, None, &body).await;
    let other = &body["activities"][1]["id"];
    assert_eq!(answer, json!({ "results": [{ "id": id }, { "id": other }] }));
    // Also when the answer was lost.
    assert_eq!(taken(&jeff, None, &body).await, answer);
    let activities = staff.activities().await;
    assert_eq!(activities.len(), 2);
    let first = activities.iter().find(|it| it["path"] == "/a").unwrap();
    assert_eq!(first["date"], "2026-11-23T03:00:00+00:00");
    assert_eq!(first["properties"], json!({ "button": "buy" }));
    assert_eq!((&first["name"], &first["referer"]), (&"click".into(), &"/b".into()));
    assert!(activities.iter().all(|it| it["user"]["username"] == "jeff"));
    assert_eq!(activities[0]["session"], activities[1]["session"]);
}

#[tokio::test]
async fn bad_activities_are_named_and_the_others_stored() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let body = json!({ "activities": [
        view("/good"),
        { "id": "no uuid", "path": "/" },
        { "id": "1", "date": "yesterday", "path": 7, "properties": [] },
        { "path": "/without-id" },
        { "path": " " },
    ] });
    let results = taken(&visitor, None, &body).await["results"].take();
    assert_eq!(results[0], json!({ "id": body["activities"][0]["id"] }));
    assert_eq!(results[1]["errors"], json!({ "id": ["This is not a UUID."] }));
    let fields: Vec<_> = results[2]["errors"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["date", "id", "path", "properties"]);
    assert_eq!(results[2]["id"], "1");
    assert!(Uuid::parse_str(results[3]["id"].as_str().unwrap()).is_ok());
    assert_eq!(results[4]["errors"], json!({ "path": ["This field may not be blank."] }));
    assert_eq!(staff.activities().await.len(), 2);
}

#[tokio::test]
async fn an_activity_that_cannot_be_read_leaves_the_others_alone() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let good = [view("/good"), view("/good-too")];
    let id = Uuid::now_v7();
    // JSON, but of half a character; and what is no activity at all.
    let activities = [
        good[0].to_string(),
        format!(r#"{{"id":"{id}","path":"/\ud83d"}}"#),
        format!(r#"{{"id":"{id}","path":"/","properties":{{"text":["\udc00"]}}}}"#),
        r#"{"id":"\ud83d","path":"/"}"#.to_owned(),
        r#"{"path":"/","\ud83d":1}"#.to_owned(),
        r#"["/"]"#.to_owned(),
        "null".to_owned(),
        good[1].to_string(),
    ];
    let body = format!(r#"{{"activities":[{}]}}"#, activities.join(","));
    let request = visitor.request(Method::POST, "/logs/batch").header(CONTENT_TYPE, "text/plain");
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let results = response.json::<Value>().await.unwrap()["results"].take();
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), activities.len());
    assert_eq!(results[0], json!({ "id": good[0]["id"] }));
    assert_eq!(results[7], json!({ "id": good[1]["id"] }));
    for refused in &results[1..7] {
        let message = refused["errors"]["activity"][0].as_str().unwrap();
        assert!(message.starts_with("This is not an activity that can be read: "), "{message}");
    }
    let ids: Vec<_> = results[1..7].iter().map(|it| &it["id"]).collect();
    let [known, none] = [json!(id), Value::Null];
    assert_eq!(ids, [&known, &known, &none, &none, &none, &none]);
    let stored = staff.activities().await;
    let mut paths: Vec<_> = stored.iter().map(|it| it["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/good", "/good-too"]);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let many: Vec<_> = (0..101).map(|_| view("/")).collect();
    for body in [json!({}), json!([]), json!({ "activities": [] }), json!({ "activities": many })] {
        let response = send(&visitor, None, &body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        assert!(response.json::<Value>().await.unwrap()["errors"].is_object());
    }
    let form = visitor.post_form("/logs/batch", &[("path", "/")]).await;
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = json!({ "activities": [view(&"x".repeat(70_000))] });
    assert_eq!(send(&visitor, None, &large).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let unknown = json!({ "activities": [view("/")], "token": "djf_unknown" });
    assert_eq!(send(&visitor, None, &unknown).await.status(), StatusCode::UNAUTHORIZED);
    assert!(staff.activities().await.is_empty());
}

#[tokio::test]
async fn a_page_of_another_site_keeps_its_visitor_itself() {
    let app = TestApp::start_with(cross_site()).await;
    let staff = app.staff().await;
    let page = app.visitor();
    let response = send(&page, Some(APP), &json!({ "activities": [view("/1")] })).await;
    assert_eq!(response.headers()["access-control-allow-origin"], APP);
    assert!(response.headers().get("access-control-allow-credentials").is_none());
    assert!(response.headers().get("set-cookie").is_none());
    let answer: Value = response.json().await.unwrap();
    let visitor = answer["visitor"].as_str().unwrap().to_owned();
    // The same page, and the same page on another machine's day.
    for path in ["/2", "/3"] {
        let body = json!({ "activities": [view(path)], "visitor": visitor });
        assert!(taken(&page, Some(APP), &body).await["visitor"].is_null());
    }
    // A token that is none gets a new one, and loses nothing.
    let body = json!({ "activities": [view("/4")], "visitor": "djv_forged" });
    assert!(taken(&page, Some(APP), &body).await["visitor"].is_string());
    let activities = staff.activities().await;
    assert_eq!(activities.len(), 4);
    let session_of = |path: &str| {
        let activity = activities.iter().find(|it| it["path"] == path).unwrap();
        activity["session"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(session_of("/1"), session_of("/2"));
    assert_eq!(session_of("/1"), session_of("/3"));
    assert_ne!(session_of("/1"), session_of("/4"));
    assert!(!visitor.contains(&session_of("/1").replace('-', "")), "the id opens nothing");
}

#[tokio::test]
async fn another_user_of_the_same_page_gets_another_session() {
    let app = TestApp::start_with(cross_site()).await;
    let staff = app.staff().await;
    let page = app.visitor();
    let answer = taken(&page, Some(APP), &json!({ "activities": [view("/nobody")] })).await;
    let visitor = &answer["visitor"];
    let mut tokens = Vec::new();
    for name in ["jeff", "anna"] {
        app.make_user(name, "user").await;
        tokens.push(app.make_token(name, "log").await);
    }
    for (path, token) in [
        ("/jeff", &tokens[0]),
        ("/anna", &tokens[1]),
        ("/jeff2", &tokens[0]),
        ("/anna2", &tokens[1]),
    ] {
        let body = json!({ "activities": [view(path)], "visitor": visitor, "token": token });
        taken(&page, Some(APP), &body).await;
    }
    let activities = staff.activities().await;
    let of = |path: &str| activities.iter().find(|it| it["path"] == path).unwrap();
    assert_eq!(of("/nobody")["session"], of("/jeff")["session"], "the one who came first");
    assert_eq!(of("/jeff")["session"]["user"]["username"], "jeff");
    assert_eq!(of("/jeff")["session"], of("/jeff2")["session"]);
    assert_ne!(of("/jeff")["session"]["id"], of("/anna")["session"]["id"]);
    assert_eq!(of("/anna")["session"]["user"]["username"], "anna");
    assert_eq!(of("/anna")["session"], of("/anna2")["session"]);
    assert_eq!(of("/nobody")["user"], Value::Null);
    assert_eq!(of("/anna2")["user"]["username"], "anna");
}

#[tokio::test]
async fn a_page_of_another_site_never_acts_with_a_cookie() {
    let mut config = development();
    config.tracker_origins = vec!["*".to_owned()];
    let app = TestApp::start_with(config).await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    taken(&jeff, Some("https://anywhere.example"), &json!({ "activities": [view("/")] })).await;
    let activity = staff.only_activity().await;
    assert_eq!((&activity["user"], &activity["session"]["user"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn an_origin_of_trackers_may_do_nothing_else() {
    let app = TestApp::start_with(cross_site()).await;
    let page = app.visitor();
    let body = json!({ "activities": [view("/")] });
    for (origin, status) in [
        (APP, StatusCode::OK),
        ("https://other.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(send(&page, Some(origin), &body).await.status(), status, "{origin}");
    }
    for path in ["/logs", "/graphql"] {
        let request = page.request(Method::POST, path).header(ORIGIN, APP);
        let response = request.json(&json!({ "path": "/" })).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
}
