//! Those who come too often.

use std::num::NonZeroU32;

use djaffar::{Config, Rates};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Program, TestApp, TestDatabase, development};

/// Behind a proxy that says who it speaks for.
fn limited(change: impl FnOnce(&mut Rates)) -> Config {
    let mut config = development();
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let mut rates = Rates::default();
    change(&mut rates);
    config.rates = Some(rates);
    config
}

fn per(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

async fn ask(client: &Client, from: &str) -> Response {
    let request = client.request(Method::POST, "/graphql").header("x-forwarded-for", from);
    request.json(&json!({ "query": "{ viewer { role } }" })).send().await.unwrap()
}

#[tokio::test]
async fn a_client_may_make_so_many_requests_and_no_more() {
    let app = TestApp::start_with(limited(|rates| rates.client = per(1))).await;
    let visitor = app.visitor();
    for left in (0..10).rev() {
        let response = ask(&visitor, "192.0.2.1").await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=10;w=10");
        // One may have come back meanwhile.
        let told = headers["ratelimit"].to_str().unwrap().to_owned();
        let told: u32 = told.strip_prefix("\"requests\";r=").unwrap().parse().unwrap();
        assert!((left..10).contains(&told), "{told} of {left}");
    }
    // The tenth took longer than a second at worst: then some more are let in, but not for ever.
    let mut refused = None;
    for _ in 0..1_000 {
        let response = ask(&visitor, "192.0.2.1").await;
        if response.status() != StatusCode::OK {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait));
    assert_eq!(refused.headers()["ratelimit-policy"], "\"requests\";q=10;w=10");
    assert_eq!(refused.headers()["ratelimit"], "\"requests\";r=0");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    assert_eq!(body["errors"][0]["extensions"]["retryAfter"], wait);
    assert_eq!(body["detail"], "Too many requests; try again later.");
    // Not those of others, nor what the operator asks.
    assert_eq!(ask(&visitor, "192.0.2.2").await.status(), StatusCode::OK);
    assert_eq!(visitor.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn pages_count_like_everything_else() {
    let app = TestApp::start_with(limited(|rates| rates.client = per(1))).await;
    let visitor = app.visitor();
    let mut is_refused = false;
    for path in ["/djaffar.js", "/", "/graphiql", "/assets/none.js"].iter().cycle().take(1_000) {
        let request = visitor.request(Method::GET, path).header("x-forwarded-for", "192.0.2.1");
        let response = request.send().await.unwrap();
        is_refused |= response.status() == StatusCode::TOO_MANY_REQUESTS;
        if is_refused {
            break;
        }
    }
    assert!(is_refused);
    assert_eq!(visitor.get("/djaffar.js").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_household_of_ipv6_is_one_client() {
    let app = TestApp::start_with(limited(|rates| rates.client = per(1))).await;
    let visitor = app.visitor();
    let mut is_refused = false;
    for host in 0..1_000 {
        let response = ask(&visitor, &format!("2001:db8:1:2::{host:x}")).await;
        is_refused |= response.status() == StatusCode::TOO_MANY_REQUESTS;
        if is_refused {
            break;
        }
    }
    assert!(is_refused);
    assert_eq!(ask(&visitor, "2001:db8:1:3::1").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_may_be_used_so_often_from_wherever() {
    let app = TestApp::start_with(limited(|rates| rates.token = per(1))).await;
    app.make_user("jeff", "user").await;
    let jeff = app.visitor().with_bearer(&app.make_token("jeff", "log").await);
    let mut is_refused = false;
    for host in 0..1_000 {
        let from = format!("192.0.{}.{}", host / 250, host % 250);
        is_refused |= ask(&jeff, &from).await.status() == StatusCode::TOO_MANY_REQUESTS;
        if is_refused {
            break;
        }
    }
    assert!(is_refused);
}

/// Comes again and again until it is refused.
async fn until_refused(ask: impl AsyncFn(u32) -> u16) -> u32 {
    for number in 0..1_000 {
        if ask(number).await == 429 {
            return number;
        }
    }
    panic!("never refused")
}

#[tokio::test]
async fn a_token_counts_however_it_is_shown() {
    let app = TestApp::start_with(limited(|rates| rates.token = per(1))).await;
    app.make_user("jeff", "user").await;
    let token = app.make_token("jeff", "log").await;
    let visitor = app.visitor();
    let from = |number: u32| format!("192.0.{}.{}", number / 250, number % 250);
    let in_a_body = async |number| {
        let body = json!({ "token": token, "activities": [{ "path": "/" }] });
        let request = visitor.request(Method::POST, "/logs/batch");
        let request = request.header("x-forwarded-for", from(number)).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let sent = until_refused(in_a_body).await;
    assert!(sent >= 10, "{sent}");
    for scheme in ["Bearer", "Token", "bearer "] {
        let jeff = visitor.clone().with_authorization(&format!("{scheme} {token}"));
        // One may have come back meanwhile.
        until_refused(async |number| ask(&jeff, &from(number)).await.status().as_u16()).await;
        assert_eq!(in_a_body(0).await, 429, "{scheme}");
    }
}

#[tokio::test]
async fn who_logs_many_at_once_counts_as_many() {
    let app = TestApp::start_with(limited(|rates| rates.client = per(1))).await;
    let visitor = app.visitor();
    let log = async |count: usize, from: &str| {
        let query = "mutation($input: LogActivitiesInput!) { logActivities(input: $input) {
            userErrors { code } } }";
        let variables = json!({ "input": { "activities": vec![json!({ "path": "/" }); count] } });
        let request = visitor.request(Method::POST, "/graphql").header("x-forwarded-for", from);
        let body = json!({ "query": query, "variables": variables });
        request.json(&body).send().await.unwrap()
    };
    // Five of ten, and five again; a few more may have come back meanwhile.
    let mut sent = 0;
    while log(500, "192.0.2.1").await.status() == StatusCode::OK {
        sent += 1;
        assert!(sent < 100);
    }
    let refused = log(500, "192.0.2.1").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    // Each has counted as five: who logs one at a time may do so more often.
    let mut single = 0;
    while log(1, "192.0.2.2").await.status() == StatusCode::OK {
        single += 1;
        assert!(single < 1_000);
    }
    assert!(single >= 10 && sent < single, "{sent} {single}");
}

#[tokio::test]
async fn a_client_may_open_so_many_sessions() {
    let app = TestApp::start_with(limited(|rates| rates.sessions = per(1))).await;
    let staff = app.staff().await;
    let known = app.visitor();
    known.log("/").await;
    let mut stored = 1;
    let mut refused = None;
    for _ in 0..100 {
        let fields = [("date", "2026-11-23T03:00:00"), ("path", "/")];
        let response = app.visitor().post_form("/logs", &fields).await;
        match response.status() {
            StatusCode::NO_CONTENT => stored += 1,
            _ => {
                refused = Some(response);
                break;
            }
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    // Those who have a session log on.
    known.log("/").await;
    assert_eq!(staff.activities().await.len(), stored + 1);
}

#[tokio::test]
async fn whom_a_page_of_another_site_knows_opens_no_session() {
    let mut config = limited(|rates| rates.sessions = per(1));
    config.tracker_origins = vec!["*".to_owned()];
    let app = TestApp::start_with(config.clone()).await;
    let send = async |url: &str, visitor: &Value| {
        let body = json!({ "activities": [{ "path": "/" }], "visitor": visitor });
        let request = Client::new(url).request(Method::POST, "/logs/batch");
        request.header("origin", "https://shop.example").json(&body).send().await.unwrap()
    };
    let answer: Value = send(&app.url, &Value::Null).await.json().await.unwrap();
    let known = &answer["visitor"];
    // It remembers nobody.
    let (_node, url) = app.another_node_with(config).await;
    until_refused(async |_| send(&url, &Value::Null).await.status().as_u16()).await;
    assert_eq!(send(&url, known).await.status(), StatusCode::OK);
    let invented = json!(format!("djv_{}", "A".repeat(22)));
    assert_eq!(send(&url, &invented).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn guesses_are_counted_and_aliases_do_not_multiply_them() {
    let app = TestApp::start_with(limited(|rates| rates.log_ins = per(3))).await;
    app.make_user("jeff", "user").await;
    let guess = |number: u32| {
        format!(
            "a{number}: logIn(input: {{ username: \"jeff\", password: \"{number}\" }}) {{ userErrors {{ code }} }}"
        )
    };
    let guesses: Vec<_> = (0..10).map(guess).collect();
    let attacker = app.visitor();
    let response =
        attacker.post_graphql(&format!("mutation {{ {} }}", guesses.join(" ")), json!({})).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{body}");
    // Not even with the right password; but its user is not kept out elsewhere.
    let log_in = "mutation($input: LogInInput!) { logIn(input: $input) { viewer { role } } }";
    let input = json!({ "input": { "username": "jeff", "password": PASSWORD } });
    let body = json!({ "query": log_in, "variables": input });
    let log_in = async |from: &str, body: &Value| {
        let request = app.visitor().request(Method::POST, "/graphql");
        request.header("x-forwarded-for", from).json(body).send().await.unwrap()
    };
    assert_eq!(log_in("127.0.0.1", &body).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(log_in("192.0.2.9", &body).await.status(), StatusCode::OK);
    // Guesses from ever more addresses come to an end too.
    let mut wrong = body.clone();
    wrong["variables"]["input"]["password"] = json!("a guess");
    let guess = async |number: u32| {
        let from = format!("10.0.{}.{}", number / 250, number % 250);
        log_in(&from, &wrong).await.status().as_u16()
    };
    let guessed = until_refused(guess).await;
    assert!((10..100).contains(&guessed), "{guessed}");
}

#[tokio::test]
async fn the_limits_are_on_unless_the_operator_says_otherwise() {
    let database = TestDatabase::create().await;
    let serve = ["--listen", "127.0.0.1:0", "--client-rate", "1"];
    for (switch, is_limited) in [("on", true), ("off", false)] {
        let program = Program::new(&database.url).env("DJAFFAR_RATE_LIMITS", switch);
        let server = program.serve(&serve).await;
        let client = Client::new(&server.url);
        let mut is_refused = false;
        for _ in 0..200 {
            is_refused |= client.get("/graphql?query={viewer{role}}").await.status() == 429;
        }
        assert_eq!(is_refused, is_limited, "{switch}");
        server.stop().await;
    }
}
