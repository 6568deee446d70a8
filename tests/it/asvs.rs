//! The OWASP Application Security Verification Standard 5.0, by the numbers of its requirements.
//!
//! Those that a test elsewhere shows have their numbers there: `cargo test --test it v7_` runs all
//! that is tested of its chapter 7, and so on.

use djaffar::Config;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp, development, set_cookie};

/// In production, with the name of the cookie that is recommended there.
async fn production() -> TestApp {
    let mut config = Config::default();
    config.rates = None;
    config.session_cookie = "__Host-djaffar".to_owned();
    TestApp::start_with(config).await
}

/// The name of the session cookie and its attributes.
async fn cookie(app: &TestApp) -> (String, Vec<String>) {
    let response = app.visitor().log("/").await;
    let header = response.headers()[SET_COOKIE].to_str().unwrap();
    let mut parts = header.split("; ").map(str::to_owned);
    let name = parts.next().unwrap().split('=').next().unwrap().to_owned();
    (name, parts.collect())
}

#[tokio::test]
async fn v3_3_1_cookies_travel_by_https_alone() {
    let (name, attributes) = cookie(&production().await).await;
    assert!(name.starts_with("__Host-"));
    assert!(attributes.contains(&"Secure".to_owned()), "{attributes:?}");
    // Whatever they are called.
    let (_, attributes) = cookie(&TestApp::start_with(Config::default()).await).await;
    assert!(attributes.contains(&"Secure".to_owned()), "{attributes:?}");
}

#[tokio::test]
async fn v3_3_2_cookies_are_not_sent_along_with_the_posts_of_other_sites() {
    let (_, attributes) = cookie(&production().await).await;
    assert!(attributes.contains(&"SameSite=Lax".to_owned()), "{attributes:?}");
}

#[tokio::test]
async fn v3_3_3_the_cookie_may_be_bound_to_its_host() {
    let (name, attributes) = cookie(&production().await).await;
    assert_eq!(name, "__Host-djaffar");
    // What browsers demand of this prefix.
    assert!(attributes.contains(&"Path=/".to_owned()), "{attributes:?}");
    assert!(!attributes.iter().any(|it| it.starts_with("Domain")), "{attributes:?}");
}

#[tokio::test]
async fn v3_3_4_no_script_gets_hold_of_the_cookie() {
    let (_, attributes) = cookie(&production().await).await;
    assert!(attributes.contains(&"HttpOnly".to_owned()), "{attributes:?}");
    let app = TestApp::start().await;
    let browser = app.logged_in("ann", "admin").await;
    let log_in = "mutation($input: LogInInput!) { logIn(input: $input) {
        viewer { session { id userAgent } user { id } } userErrors { code } } }";
    let input = json!({ "input": { "username": "ann", "password": PASSWORD } });
    let response = browser.post_graphql(log_in, input).await;
    let value = set_cookie(&response).unwrap().to_owned();
    assert!(!response.text().await.unwrap().contains(&value));
}

/// An answer of every door.
async fn answers(client: &Client) -> Vec<(&'static str, Response)> {
    let mut answers = Vec::new();
    for path in ["", "/graphiql", "/djaffar.js", "/assets/none.js", "/graphql", "/healthz", "/logs"]
    {
        let request = client.request(Method::GET, path).header("x-forwarded-proto", "https");
        answers.push((path, request.send().await.unwrap()));
    }
    answers
}

#[tokio::test]
async fn v3_4_1_who_came_by_https_does_so_for_a_year() {
    let mut config = Config::default();
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let app = TestApp::start_with(config).await;
    for (path, answer) in answers(&app.visitor()).await {
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000", "{path}");
    }
}

#[tokio::test]
async fn v3_4_3_every_answer_has_a_content_security_policy() {
    let app = TestApp::start().await;
    for (path, answer) in answers(&app.visitor()).await {
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("object-src 'none'"), "{path}: {policy}");
        // The pages say where they stand by a <base> of their own, and may have no other.
        let is_page = ["", "/graphiql"].contains(&path);
        let base = if is_page { "base-uri 'self'" } else { "base-uri 'none'" };
        assert!(policy.contains(base), "{path}: {policy}");
        let script = policy.split(';').find(|it| it.trim().starts_with("script-src"));
        assert!(script.is_none_or(|it| it.trim() == "script-src 'self'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn v3_4_4_no_answer_is_to_be_guessed_at() {
    let app = TestApp::start().await;
    for (path, answer) in answers(&app.visitor()).await {
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn v3_4_5_no_other_site_learns_the_address_of_a_page() {
    let app = TestApp::start().await;
    for (path, answer) in answers(&app.visitor()).await {
        assert_eq!(answer.headers()["referrer-policy"], "same-origin", "{path}");
    }
}

#[tokio::test]
async fn v3_4_6_no_page_is_shown_within_another() {
    let app = TestApp::start().await;
    for (path, answer) in answers(&app.visitor()).await {
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn v3_5_3_what_changes_something_is_a_post() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    let log = "mutation { logActivity(input: { path: \"/\" }) { userErrors { code } } }";
    for path in ["/graphql", "/logs", "/logs/batch"] {
        let fields = [("query", log), ("path", "/"), ("date", "2026-11-23T03:00:00")];
        for method in [Method::GET, Method::HEAD] {
            let response = jeff.request(method, path).query(&fields).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    assert!(staff.activities().await.is_empty());
}

#[tokio::test]
async fn v3_6_1_pages_load_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    for path in ["", "/graphiql", "/demo"] {
        let response = app.visitor().get(path).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(!policy.contains("http") && !policy.contains('*'), "{path}: {policy}");
        let page = response.text().await.unwrap();
        for attribute in ["src=\"http", "src=\"//", "href=\"http", "href=\"//"] {
            assert!(!page.contains(attribute), "{path}: {attribute}");
        }
    }
}

#[tokio::test]
async fn v4_1_1_every_body_says_what_it_is_and_how_it_is_encoded() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let mut answers = answers(&staff).await;
    for path in [
        "/graphql?query={__typename}",
        "/export/activities.csv",
        "/metrics",
        "/readyz",
        "/djaffar.mjs",
    ] {
        answers.push((path, staff.get(path).await));
    }
    answers.push(("bad form", staff.post_form("/logs", &[("date", "")]).await));
    for (path, answer) in answers {
        let content_type = answer.headers().get("content-type").cloned();
        if answer.bytes().await.unwrap().is_empty() {
            continue;
        }
        let content_type = content_type.unwrap_or_else(|| panic!("{path} says nothing"));
        let content_type = content_type.to_str().unwrap();
        let is_text = ["text/", "xml", "javascript"].iter().any(|it| content_type.contains(it));
        let says_charset = content_type.contains("charset=utf-8");
        assert!(says_charset || !is_text, "{path}: {content_type}");
    }
}

#[tokio::test]
async fn v4_1_4_methods_that_are_not_meant_are_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for path in ["/graphql", "/logs", "/logs/batch", "/export/activities.csv", "/metrics", ""] {
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "NONSENSE"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let response = staff.request(method.clone(), path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(response.headers().contains_key("allow"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn v7_3_1_who_was_away_for_long_has_to_log_in_again() {
    let config = || {
        let mut config = development();
        config.session_age = Some(std::time::Duration::from_secs(3_600));
        config
    };
    let app = TestApp::start_with(config()).await;
    app.make_user("ann", "staff").await;
    let browser = app.visitor();
    let log_in = "mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "username": "ann", "password": PASSWORD } });
    let response = browser.post_graphql(log_in, input).await;
    let cookie = format!("sessionid={}", set_cookie(&response).unwrap());
    let who = async |url: &str| {
        let request = Client::new(url).request(Method::POST, "/graphql").header(COOKIE, &cookie);
        let query = json!({ "query": "{ viewer { user { username } } }" });
        let body: Value = request.json(&query).send().await.unwrap().json().await.unwrap();
        body["data"]["viewer"]["user"].clone()
    };
    // Half an hour is not long. Another node has not remembered the session.
    let passes = "UPDATE djaffar_session_key SET expires_at = expires_at - 1800000000";
    app.database.execute(passes).await;
    let (_first, url) = app.another_node_with(config()).await;
    assert_eq!(who(&url).await["username"], "ann");
    app.database
        .execute("UPDATE djaffar_session_key SET expires_at = expires_at - 3600000000")
        .await;
    let (_second, url) = app.another_node_with(config()).await;
    assert_eq!(who(&url).await, Value::Null);
}

#[tokio::test]
async fn v7_3_1_staff_who_were_away_for_half_a_day_have_to_log_in_again() {
    let app = TestApp::start().await;
    let [ann, jeff] = [app.logged_in("ann", "staff").await, app.logged_in("jeff", "user").await];
    let who = async |client: &Client, url: &str| {
        let client = client.clone().at(url);
        client.graphql("{ viewer { user { username } } }").await["viewer"]["user"].clone()
    };
    let pass = async |hours: i64| {
        let micros = hours * 3_600_000_000;
        let passes = format!("UPDATE djaffar_session SET last_seen_at = last_seen_at - {micros}");
        app.database.execute(&passes).await;
        app.another_node().await
    };
    let (_node, url) = pass(11).await;
    assert_eq!(who(&jeff, &url).await["username"], "jeff");
    let (_node, url) = pass(2).await;
    assert_eq!(who(&ann, &url).await, Value::Null);
    assert_eq!(who(&jeff, &url).await["username"], "jeff");
    assert_eq!(who(&ann, &app.url).await, Value::Null, "the key is gone");
}

#[tokio::test]
async fn v7_3_2_who_logged_in_long_ago_has_to_do_so_again() {
    let app = TestApp::start().await;
    let ann = app.logged_in("ann", "staff").await;
    let who = async |client: &Client| {
        client.graphql("{ viewer { user { username } } }").await["viewer"]["user"].clone()
    };
    // Used all the time, on a node that has not remembered the session.
    let pass = async |days: i64| {
        let passes = format!(
            "UPDATE djaffar_session_key SET created_at = created_at - {}",
            days * 86_400_000_000
        );
        app.database.execute("UPDATE djaffar_user SET credentials_changed_at = 0").await;
        app.database.execute(&passes).await;
        app.another_node().await
    };
    let (_node, url) = pass(29).await;
    assert_eq!(who(&ann.clone().at(&url)).await["username"], "ann");
    let (_node, url) = pass(2).await;
    let away = ann.at(&url);
    assert_eq!(who(&away).await, Value::Null);
    // Who says nothing of themselves has nothing to say again.
    let visitor = app.visitor();
    visitor.log("/").await;
    let (_node, url) = pass(365).await;
    let session = "{ viewer { session { id } } }";
    let before = visitor.graphql(session).await;
    assert_eq!(visitor.at(&url).graphql(session).await, before);

    let mut config = development();
    config.log_in_age = std::time::Duration::from_secs(0);
    let (_node, url) = app.another_node_with(config).await;
    away.clone().at(&url).log_in("ann", PASSWORD).await;
    assert_eq!(who(&away.at(&url)).await, Value::Null);
}

#[tokio::test]
async fn v6_2_1_passwords_have_eight_characters_at_least() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let create = async |username: &str, password: &str| {
        let query = "mutation($input: CreateUserInput!) { createUser(input: $input) {
            userErrors { field code } } }";
        let user = json!({ "username": username, "role": "USER", "password": password });
        admin.graphql_with(query, json!({ "input": user })).await["createUser"].take()
    };
    let by_hand = async |username: &str, password: &str| {
        let arguments = ["user", "create", username, "--password-stdin"];
        app.program().input(password).run(&arguments).await
    };
    // Characters, not bytes.
    let (short, long) = ("äöüäöüä", "äöüäöüäö");
    let weak = json!([{ "field": ["password"], "code": "INVALID" }]);
    assert_eq!(create("jeff", short).await["userErrors"], weak);
    assert_eq!(create("jeff", long).await["userErrors"], json!([]));
    // Whoever can open the database is warned, and may do as they like.
    let output = by_hand("joan", short).await;
    assert!(output.stderr.contains("is weak"), "{}", output.stderr);
    output.success();
    for (username, password) in [("jeff", long), ("joan", short)] {
        app.visitor().log_in(username, password).await;
    }
}

const END: &str = "mutation($input: EndOwnSessionsInput!) {
    endOwnSessions(input: $input) { viewer { user { username } } userErrors { field code } } }";

#[tokio::test]
async fn v7_5_2_users_see_and_end_their_own_sessions() {
    let app = TestApp::start().await;
    let ann = app.logged_in("ann", "user").await;
    let [phone, laptop] = [app.visitor(), app.visitor()];
    phone.log_in("ann", PASSWORD).await;
    laptop.log_in("ann", PASSWORD).await;
    app.logged_in("bob", "user").await;
    let list = "{ viewer { session { id } sessions { id userAgent isActive } } }";
    let sessions = async |client: &Client| {
        let data = client.graphql(list).await;
        data["viewer"]["sessions"].as_array().unwrap().clone()
    };
    let who = async |client: &Client| {
        client.graphql("{ viewer { user { username } } }").await["viewer"]["user"].clone()
    };
    let own = sessions(&ann).await;
    assert_eq!(own.len(), 3);
    assert_eq!(own[2]["id"], ann.graphql(list).await["viewer"]["session"]["id"]);
    assert!(own.iter().all(|it| it["userAgent"] == "Test/1.0" && it["isActive"] == true));

    // Not without the password, and not somebody else's.
    let end = async |client: &Client, password: &str, id: &Value| {
        let input = json!({ "input": { "password": password, "id": id } });
        client.graphql_with(END, input).await["endOwnSessions"].clone()
    };
    let refused = |field: &str, code: &str| json!({ "viewer": null, "userErrors": [{ "field": [field], "code": code }] });
    assert_eq!(end(&ann, "a guess", &own[1]["id"]).await, refused("password", "INVALID"));
    let bob = app.visitor();
    bob.log_in("bob", PASSWORD).await;
    assert_eq!(end(&bob, PASSWORD, &own[1]["id"]).await, refused("id", "NOT_FOUND"));
    assert_eq!(sessions(&ann).await.len(), 3);

    let done = json!({ "viewer": { "user": { "username": "ann" } }, "userErrors": [] });
    assert_eq!(end(&ann, PASSWORD, &own[1]["id"]).await, done);
    assert_eq!(who(&phone).await, Value::Null);
    assert_eq!(who(&laptop).await["username"], "ann");
    assert_eq!(end(&ann, PASSWORD, &Value::Null).await, done);
    assert_eq!(who(&laptop).await, Value::Null);
    assert_eq!(sessions(&ann).await.len(), 1);
    let last = sessions(&ann).await[0]["id"].clone();
    let nobody = json!({ "viewer": { "user": null }, "userErrors": [] });
    assert_eq!(end(&ann, PASSWORD, &last).await, nobody);
    assert_eq!(who(&ann).await, Value::Null);
    assert_eq!(who(&bob).await["username"], "bob");
}

#[tokio::test]
async fn v6_2_3_users_change_their_password_with_the_one_they_have() {
    let app = TestApp::start().await;
    let ann = app.logged_in("ann", "staff").await;
    let elsewhere = app.visitor();
    elsewhere.log_in("ann", PASSWORD).await;
    let by_token = app.visitor().with_bearer(&app.make_token("ann", "read").await);
    let change = async |password: &str, new: &str| {
        let query = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) {
            viewer { user { username } } userErrors { field code } } }";
        let input = json!({ "input": { "password": password, "newPassword": new } });
        ann.graphql_with(query, input).await["changePassword"].clone()
    };
    let new = "a new one, longer than fifteen";
    let wrong = json!([{ "field": ["password"], "code": "INVALID" }]);
    assert_eq!(change("a guess", new).await["userErrors"], wrong);
    let weak = json!([{ "field": ["newPassword"], "code": "INVALID" }]);
    for password in ["", "sevenlå"] {
        assert_eq!(change(PASSWORD, password).await["userErrors"], weak);
    }
    assert_eq!(change(PASSWORD, new).await["viewer"]["user"]["username"], "ann");

    assert_eq!(ann.graphql("{ viewer { role } }").await["viewer"]["role"], "STAFF");
    assert_eq!(elsewhere.graphql("{ viewer { role } }").await["viewer"]["role"], Value::Null);
    let refused = by_token.post_graphql("{ viewer { role } }", Value::Null).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_ne!(app.visitor().try_log_in("ann", PASSWORD).await["userErrors"], json!([]));
    app.visitor().log_in("ann", new).await;
}
