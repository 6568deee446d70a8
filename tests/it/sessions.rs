//! Browser sessions: told apart, kept, and never to be stolen.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Client, PASSWORD, TestApp, development, set_cookie};

async fn log_with_cookie(client: &Client, cookie: &str) -> reqwest::Response {
    let request =
        client.request(Method::POST, "/logs").header(COOKIE, format!("sessionid={cookie}"));
    let response =
        request.form(&[("date", "2026-11-23T03:00:00"), ("path", "/")]).send().await.unwrap();
    assert_eq!(response.status(), 204);
    response
}

/// Makes every session an hour older.
async fn an_hour_passes(app: &TestApp) {
    for column in [
        "djaffar_session SET last_seen_at = last_seen_at",
        "djaffar_session_key SET expires_at = expires_at",
    ] {
        app.database.execute(&format!("UPDATE {column} - 3600000000")).await;
    }
}

async fn viewer(client: &Client) -> Value {
    client
        .graphql("{ viewer { user { username } session { id user { username } } role scopes } }")
        .await["viewer"]
        .take()
}

#[tokio::test]
async fn two_tabs_may_log_before_they_have_a_cookie() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let browser = app.visitor();
    tokio::join!(browser.log("/tab1"), browser.log("/tab2"));
    browser.log("/later").await;
    let activities = staff.activities().await;
    assert_eq!(activities.len(), 3);
    assert!(activities.iter().all(|activity| activity["session"]["userAgent"] == "Test/1.0"));
    let later = activities.iter().find(|activity| activity["path"] == "/later").unwrap();
    assert!(
        activities.iter().filter(|activity| activity["session"] == later["session"]).count() >= 2
    );
}

#[tokio::test]
async fn a_stale_or_forged_cookie_gets_a_new_session() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let stranger = app.visitor();
    for cookie in ["AAAAAAAAAAAAAAAAAAAAAA", "nonsense", "", "%00", "' OR 1=1 --"] {
        let response = log_with_cookie(&app.visitor(), cookie).await;
        let new = set_cookie(&response).unwrap_or_else(|| panic!("no cookie for {cookie:?}"));
        assert_ne!(new, cookie);
    }
    assert_eq!(staff.activities().await.len(), 5);
    assert_eq!(viewer(&stranger).await["session"], Value::Null);
}

#[tokio::test]
async fn v7_2_3_the_cookie_is_128_bits_that_are_not_in_the_database() {
    let app = TestApp::start().await;
    let response = app.visitor().log("/").await;
    let cookie = set_cookie(&response).unwrap();
    let secret = URL_SAFE_NO_PAD.decode(cookie).unwrap();
    assert_eq!(secret.len(), 16);
    let rows = app.database.query("SELECT key_hash, session_id FROM djaffar_session_key").await;
    let hash: Vec<u8> = rows[0].try_get("", "key_hash").unwrap();
    assert_eq!(hash, Sha256::digest(&secret).to_vec());
    let id: uuid::Uuid = rows[0].try_get("", "session_id").unwrap();
    assert_ne!(id.as_bytes().to_vec(), secret);
}

#[tokio::test]
async fn log_in_changes_the_cookie_and_keeps_the_session() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.make_user("jeff", "user").await;
    let browser = app.visitor();
    let before = browser.log("/before").await;
    let planted = set_cookie(&before).unwrap();
    let session = viewer(&browser).await["session"]["id"].clone();

    assert_ne!(log_in(&browser, "jeff").await, planted);
    browser.log("/after").await;

    let activities = staff.activities().await;
    assert_eq!(activities[0]["user"]["username"], "jeff");
    assert_eq!(activities[1]["user"], Value::Null);
    for activity in &activities {
        assert_eq!(activity["session"]["id"], session);
        assert_eq!(activity["session"]["user"]["username"], "jeff");
    }
    assert_eq!(viewer(&browser).await["session"]["user"]["username"], "jeff");
    // Whoever planted the cookie is nobody.
    let response = log_with_cookie(&app.visitor(), planted).await;
    assert!(set_cookie(&response).is_some());
    assert_eq!(staff.activities().await[2]["user"], Value::Null);
}

/// Logs in, and returns the value of the new cookie.
async fn log_in(client: &Client, name: &str) -> String {
    let log_in = "mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "username": name, "password": PASSWORD } });
    let response = client.post_graphql(log_in, input).await;
    set_cookie(&response).expect("a log-in sets the cookie").to_owned()
}

#[tokio::test]
async fn v7_2_4_every_log_in_gets_a_key_of_its_own() {
    let app = TestApp::start().await;
    app.make_user("ann", "user").await;
    app.make_user("jeff", "user").await;
    let browser = app.visitor();
    let mut keys = vec![set_cookie(&browser.log("/").await).unwrap().to_owned()];
    for name in ["jeff", "jeff", "ann", "jeff"] {
        keys.push(log_in(&browser, name).await);
    }
    // Out and in again in one operation.
    let again = "mutation($input: LogInInput!, $log: LogActivityInput!) {
        a: logOut { viewer { role } } b: logActivity(input: $log) { userErrors { code } }
        c: logOut { viewer { role } } d: logIn(input: $input) { userErrors { code } } }";
    let input =
        json!({ "input": { "username": "ann", "password": PASSWORD }, "log": { "path": "/" } });
    let response = browser.post_graphql(again, input).await;
    keys.push(set_cookie(&response).unwrap().to_owned());
    let live = keys.last().unwrap().clone();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 6, "no key is ever used again");
    for key in keys {
        let request = app.visitor().request(Method::POST, "/graphql");
        let request = request.header(COOKIE, format!("sessionid={key}"));
        let query = json!({ "query": "{ viewer { user { username } } }" });
        let body: Value = request.json(&query).send().await.unwrap().json().await.unwrap();
        assert_eq!(body["data"]["viewer"]["user"].is_null(), key != live);
    }
}

#[tokio::test]
async fn what_follows_a_log_in_or_log_out_knows_of_it() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.make_user("ann", "user").await;
    let browser = app.visitor();
    let operation = "mutation($input: LogInInput!) {
        before: logActivity(input: { path: \"/before\" }) { activity { user { username } session { id } } }
        logIn(input: $input) { viewer { user { username } } }
        within: logActivity(input: { path: \"/within\" }) { activity { user { username } session { id } } }
        logOut { viewer { role } }
        after: logActivity(input: { path: \"/after\" }) { activity { user { username } session { id } } }
        again: logIn(input: $input) { viewer { user { username } } } }";
    let input = json!({ "input": { "username": "ann", "password": PASSWORD } });
    let data = browser.graphql_with(operation, input).await;
    assert_eq!(data["before"]["activity"]["user"], Value::Null);
    assert_eq!(data["within"]["activity"]["user"]["username"], "ann");
    assert_eq!(data["after"]["activity"]["user"], Value::Null);
    let sessions = [&data["before"], &data["within"], &data["after"]]
        .map(|payload| payload["activity"]["session"]["id"].clone());
    assert_eq!(sessions[0], sessions[1]);
    assert_ne!(sessions[1], sessions[2]);
    assert_eq!(viewer(&browser).await["user"]["username"], "ann");
    assert_eq!(staff.activities().await.len(), 3);
}

#[tokio::test]
async fn one_who_ends_a_session_again_and_again_harms_nobody() {
    let app = TestApp::start().await;
    let restless = app.visitor();
    let response = restless.log("/").await;
    let cookie = format!("sessionid={}", set_cookie(&response).unwrap());
    let out = json!({ "query": "mutation { logOut { viewer { role } } logActivity(input: { path: \"/\" }) { userErrors { code } } }" });
    let requests: Vec<_> = (0..36)
        .map(|number| {
            let (app_url, cookie, out) = (app.url.clone(), cookie.clone(), out.clone());
            tokio::spawn(async move {
                let client = Client::new(&app_url);
                if number % 3 == 0 {
                    let request = client.request(Method::POST, "/graphql").header(COOKIE, cookie);
                    request.json(&out).send().await.unwrap().status()
                } else {
                    client.log("/visitor").await.status()
                }
            })
        })
        .collect();
    for request in requests {
        assert!(request.await.unwrap().is_success());
    }
    assert_eq!(app.metric("djaffar_failed_commits_total").await, 0);
}

#[tokio::test]
async fn reading_counts_as_use() {
    let app = TestApp::start().await;
    let browser = app.visitor();
    app.make_user("ann", "staff").await;
    let cookie = log_in(&browser, "ann").await;
    an_hour_passes(&app).await;
    let times = "SELECT (SELECT last_seen_at FROM djaffar_session) + (SELECT expires_at FROM djaffar_session_key)";
    let aged = app.database.count(times).await;
    let (node, url) = app.another_node().await;
    let request = Client::new(&url)
        .request(Method::POST, "/graphql")
        .header(COOKIE, format!("sessionid={cookie}"));
    let query = json!({ "query": "{ activities { nodes { id } } }" });
    assert_eq!(request.json(&query).send().await.unwrap().status(), 200);
    node.shutdown().await;
    assert!(app.database.count(times).await - aged >= 2 * 3_600_000_000);
}

#[tokio::test]
async fn expired_keys_are_swept_in_chunks_whatever_happens() {
    let mut config = development();
    config.sweep_every = std::time::Duration::from_millis(20);
    let app = TestApp::start_with(config).await;
    app.visitor().log("/").await;
    // The sweep fails for a while.
    app.database.execute("ALTER TABLE djaffar_session_key RENAME TO elsewhere").await;
    let key =
        if app.database.is_postgres() { "decode(md5(i::text), 'hex')" } else { "cast(i AS blob)" };
    let rows = format!(
        "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 2500)
         INSERT INTO elsewhere SELECT {key}, (SELECT session_id FROM elsewhere LIMIT 1), NULL, 1, 1 FROM numbers"
    );
    app.database.execute(&rows).await;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
    for _ in 0..6 {
        tick.tick().await;
    }
    assert_eq!(app.database.count("SELECT count(*) FROM elsewhere").await, 2_501);
    app.database.execute("ALTER TABLE elsewhere RENAME TO djaffar_session_key").await;
    while app.database.count("SELECT count(*) FROM djaffar_session_key").await > 1 {
        tick.tick().await;
    }
}

#[tokio::test]
async fn somebody_else_gets_a_session_of_their_own() {
    let app = TestApp::start().await;
    app.make_user("ann", "user").await;
    let browser = app.logged_in("jeff", "user").await;
    let of_jeff = viewer(&browser).await["session"]["id"].clone();
    browser.log_in("jeff", PASSWORD).await;
    assert_eq!(viewer(&browser).await["session"]["id"], of_jeff);
    browser.log_in("ann", PASSWORD).await;
    let of_ann = viewer(&browser).await;
    assert_ne!(of_ann["session"]["id"], of_jeff);
    assert_eq!(of_ann["user"]["username"], "ann");
}

#[tokio::test]
async fn the_log_outlives_the_log_out() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let browser = app.logged_in("jeff", "user").await;
    let response = browser.post_graphql("{ viewer { session { id } } }", json!({})).await;
    assert!(set_cookie(&response).is_none());
    browser.log("/in").await;
    browser.log_out().await;
    let response = browser.log("/out").await;
    assert!(set_cookie(&response).is_some(), "after log-out a visitor is new");
    let activities = staff.activities().await;
    assert_eq!(activities[0]["user"], Value::Null);
    assert_eq!(activities[0]["session"]["user"], Value::Null);
    assert_eq!(activities[1]["user"]["username"], "jeff");
    assert_eq!(activities[1]["session"]["user"]["username"], "jeff");
    assert_ne!(activities[0]["session"]["id"], activities[1]["session"]["id"]);
}

#[tokio::test]
async fn v7_4_1_a_cookie_is_void_after_log_out_on_the_same_node_at_once() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.make_user("jeff", "user").await;
    let browser = app.visitor();
    let stolen = &log_in(&browser, "jeff").await;
    log_with_cookie(&app.visitor(), stolen).await;
    assert_eq!(staff.activities().await[0]["user"]["username"], "jeff");
    browser.log_out().await;
    assert!(set_cookie(&log_with_cookie(&app.visitor(), stolen).await).is_some());
    let of_jeff =
        staff.activities().await.iter().filter(|activity| !activity["user"].is_null()).count();
    assert_eq!(of_jeff, 1);
    assert_eq!(
        app.database
            .count("SELECT count(*) FROM djaffar_session_key WHERE user_id IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test]
async fn a_wrong_password_logs_nobody_in() {
    let app = TestApp::start().await;
    app.make_user("jeff", "user").await;
    let visitor = app.visitor();
    for (name, password) in [("jeff", "koons"), ("jeff", ""), ("nobody", PASSWORD), ("", "")] {
        let payload = visitor.try_log_in(name, password).await;
        assert_eq!(payload["viewer"], Value::Null);
        let message = "The name or the password is wrong.";
        let error = json!({ "code": "INVALID_CREDENTIALS", "field": null, "message": message });
        assert_eq!(payload["userErrors"], json!([error]));
    }
    assert_eq!(
        viewer(&visitor).await,
        json!({ "user": null, "session": null, "role": null, "scopes": ["LOG"] })
    );
    assert_eq!(app.database.count("SELECT count(*) FROM djaffar_session").await, 0);
}

#[tokio::test]
async fn a_persistent_session_expires_and_its_activities_stay() {
    let mut config = development();
    config.session_age = Some(std::time::Duration::from_secs(3_600));
    let app = TestApp::start_with(config).await;
    let staff = app.staff().await;
    let browser = app.visitor();
    let response = browser.log("/1").await;
    let header = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(header.contains("Max-Age=3600") || header.contains("Max-Age=3599"), "{header}");

    // It lives on while it is used.
    app.database
        .execute("UPDATE djaffar_session SET last_seen_at = last_seen_at - 3600000000")
        .await;
    let mut config = development();
    config.session_age = Some(std::time::Duration::from_secs(3_600));
    let (renewing, url) = app.another_node_with(config).await;
    let renewed = log_with_cookie(&Client::new(&url), set_cookie(&response).unwrap()).await;
    assert!(renewed.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=3"));
    // Writes down what it has noted.
    renewing.shutdown().await;

    let expired = set_cookie(&response).unwrap();
    app.database.execute("UPDATE djaffar_session_key SET expires_at = 1").await;
    let (_node, url) = app.another_node().await;
    let response = log_with_cookie(&Client::new(&url), expired).await;
    assert_ne!(set_cookie(&response).unwrap(), expired);
    let mut activities = staff.activities().await;
    activities.sort_by_key(|activity| activity["receivedAt"].to_string());
    let sessions: Vec<_> = activities.iter().map(|activity| &activity["session"]["id"]).collect();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions[0], sessions[1]);
    assert_ne!(sessions[1], sessions[2]);
    // A node sweeps when it starts, a thousand keys at a time.
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
    while app.database.count("SELECT count(*) FROM djaffar_session_key WHERE expires_at = 1").await
        > 0
    {
        tick.tick().await;
    }
    assert_eq!(staff.activities().await.len(), 3);
    assert_eq!(app.database.count("SELECT count(*) FROM djaffar_session").await, 2);
}

#[tokio::test]
async fn times_of_last_use_move_once_a_minute_and_renew_the_session() {
    let app = TestApp::start().await;
    let response = app.visitor().log("/").await;
    let cookie = set_cookie(&response).unwrap();
    an_hour_passes(&app).await;
    let times = "SELECT (SELECT last_seen_at FROM djaffar_session) + (SELECT expires_at FROM djaffar_session_key)";
    let aged = app.database.count(times).await;
    let (_node, url) = app.another_node().await;
    let visitor = Client::new(&url);
    for _ in 0..3 {
        let response = log_with_cookie(&visitor, cookie).await;
        assert!(set_cookie(&response).is_none(), "there is nothing to renew in the browser");
    }
    let renewed = app.database.count(times).await;
    assert!(renewed - aged >= 2 * 3_600_000_000, "{}", renewed - aged);
    log_with_cookie(&visitor, cookie).await;
    assert_eq!(app.database.count(times).await, renewed);
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_does_not_come_back() {
    let app = TestApp::start().await;
    let browser = app.visitor();
    let response = browser.log("/").await;
    let cookie = set_cookie(&response).unwrap();
    app.database
        .execute("UPDATE djaffar_session SET last_seen_at = last_seen_at - 3600000000")
        .await;
    let (_node, url) = app.another_node().await;
    let elsewhere = Client::new(&url);
    // The other node knows the session now, and is due to write down that it was used.
    let request =
        elsewhere.request(Method::POST, "/graphql").header(COOKIE, format!("sessionid={cookie}"));
    request.json(&json!({ "query": "{ viewer { session { id } } }" })).send().await.unwrap();
    browser.log_out().await;
    log_with_cookie(&elsewhere, cookie).await;
    elsewhere.log("/").await;
    let keys = format!(
        "SELECT count(*) FROM djaffar_session_key WHERE key_hash = {}",
        blob(&app, &Sha256::digest(URL_SAFE_NO_PAD.decode(cookie).unwrap()))
    );
    assert_eq!(app.database.count(&keys).await, 0);
}

fn blob(app: &TestApp, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if app.database.is_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
}

#[tokio::test]
async fn a_token_without_a_cookie_leaves_one_session_a_day() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.make_user("jeff", "user").await;
    let token = app.make_token("jeff", "log").await;
    for _ in 0..5 {
        let response = app.visitor().with_bearer(&token).log("/").await;
        assert!(set_cookie(&response).is_none());
    }
    let activities = staff.activities().await;
    // Two, if this runs at midnight.
    let sessions: std::collections::HashSet<_> =
        activities.iter().map(|activity| activity["session"]["id"].as_str().unwrap()).collect();
    assert!((1..=2).contains(&sessions.len()));
    assert_eq!(activities[0]["session"]["user"]["username"], "jeff");
}
