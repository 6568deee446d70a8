//! Tokens that a host application issues. The keys in `tests/keys` are for these tests alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use djaffar::{Config, JwtAlgorithm, JwtConfig, JwtKeys};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Program, TestApp, TestDatabase, development, serve};

const SECRET: &[u8] = b"a secret of the host's and of ours alone";
const RSA: &[u8] = include_bytes!("../keys/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../keys/rsa.pub.pem");
const EC: &[u8] = include_bytes!("../keys/ec.pem");
const EC_PUBLIC: &[u8] = include_bytes!("../keys/ec.pub.pem");
const ED: &[u8] = include_bytes!("../keys/ed.pem");
const ED_PUBLIC: &[u8] = include_bytes!("../keys/ed.pub.pem");

fn trusting(algorithm: JwtAlgorithm, keys: JwtKeys) -> Config {
    let mut config = development();
    let mut jwt = JwtConfig::new(algorithm, keys);
    jwt.issuer = Some("https://host.example".to_owned());
    jwt.audience = Some("djaffar".to_owned());
    config.jwt = Some(jwt);
    config
}

fn by_secret() -> Config {
    trusting(JwtAlgorithm::Hs256, JwtKeys::Bytes(SECRET.to_vec()))
}

/// What a good token says, with these changes; null takes a claim away.
fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "sub": "42", "name": "jeff", "iss": "https://host.example", "aud": "djaffar",
        "exp": Utc::now().timestamp() + 600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn signed(changes: Value) -> String {
    let key = EncodingKey::from_secret(SECRET);
    encode(&Header::new(Algorithm::HS256), &claims(changes), &key).unwrap()
}

/// Who the service thinks the bearer is.
async fn viewer(app: &TestApp, token: &str) -> Value {
    let bearer = app.visitor().with_bearer(token);
    let query = "{ viewer { user { username externalId } role } }";
    bearer.graphql(query).await["viewer"].take()
}

#[tokio::test]
async fn a_token_of_the_host_makes_its_user() {
    for (algorithm, keys, header, key) in [
        (JwtAlgorithm::Hs256, SECRET, Algorithm::HS256, EncodingKey::from_secret(SECRET)),
        (
            JwtAlgorithm::Rs256,
            RSA_PUBLIC,
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(RSA).unwrap(),
        ),
        (JwtAlgorithm::Es256, EC_PUBLIC, Algorithm::ES256, EncodingKey::from_ec_pem(EC).unwrap()),
        (JwtAlgorithm::EdDsa, ED_PUBLIC, Algorithm::EdDSA, EncodingKey::from_ed_pem(ED).unwrap()),
    ] {
        let app = TestApp::start_with(trusting(algorithm, JwtKeys::Bytes(keys.to_vec()))).await;
        let token = encode(&Header::new(header), &claims(json!({})), &key).unwrap();
        for _ in 0..2 {
            let expected =
                json!({ "user": { "username": "jeff", "externalId": "42" }, "role": "USER" });
            assert_eq!(viewer(&app, &token).await, expected, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_bearer_logs_as_the_user_in_one_session_a_day() {
    let app = TestApp::start_with(by_secret()).await;
    let staff = app.staff().await;
    let token = signed(json!({}));
    for path in ["/a", "/b"] {
        let response = app.visitor().with_bearer(&token).log(path).await;
        assert!(response.headers().get("set-cookie").is_none());
    }
    let activities = staff.activities().await;
    assert!(activities.iter().all(|it| it["user"]["username"] == "jeff"));
    assert_eq!(activities[0]["session"], activities[1]["session"]);
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_and_nobody_is_taken_for_anonymous() {
    let app = TestApp::start_with(by_secret()).await;
    let now = Utc::now().timestamp();
    let unsigned = {
        use base64::Engine;
        let part = |value: Value| {
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
        };
        let header = part(json!({ "alg": "none", "typ": "JWT" }));
        format!("{header}.{}.", part(claims(json!({}))))
    };
    let other_secret = EncodingKey::from_secret(b"another secret that is long enough, too");
    let forged = encode(&Header::default(), &claims(json!({})), &other_secret).unwrap();
    let longer = Header::new(Algorithm::HS512);
    let longer = encode(&longer, &claims(json!({})), &EncodingKey::from_secret(SECRET)).unwrap();
    let mut tampered = signed(json!({}));
    tampered.replace_range(40..41, if &tampered[40..41] == "A" { "B" } else { "A" });
    for (what, token) in [
        ("expired", signed(json!({ "exp": now - 3_600 }))),
        ("without an end", signed(json!({ "exp": null }))),
        ("not yet valid", signed(json!({ "nbf": now + 3_600 }))),
        ("for somebody else", signed(json!({ "aud": "other" }))),
        ("for nobody", signed(json!({ "aud": null }))),
        ("of another issuer", signed(json!({ "iss": "https://evil.example" }))),
        ("of no issuer", signed(json!({ "iss": null }))),
        ("of nobody", signed(json!({ "sub": null }))),
        ("of a strange subject", signed(json!({ "sub": {} }))),
        ("not signed", unsigned),
        ("signed by another", forged),
        ("signed another way", longer),
        ("tampered with", tampered),
        ("too long", signed(json!({ "filler": "x".repeat(10_000) }))),
        ("no token", "a.b.c".to_owned()),
    ] {
        let bearer = app.visitor().with_bearer(&token);
        let response = bearer.post_graphql("{ viewer { role } }", json!({})).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let fields = [("date", "2026-11-23T03:00:00"), ("path", "/")];
        assert_eq!(bearer.post_form("/logs", &fields).await.status(), 401, "{what}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    // The classic confusion: signed by HS256, with the RSA key that everybody knows.
    let config = trusting(JwtAlgorithm::Rs256, JwtKeys::Bytes(RSA_PUBLIC.to_vec()));
    let app = TestApp::start_with(config).await;
    let key = EncodingKey::from_secret(RSA_PUBLIC);
    let token = encode(&Header::new(Algorithm::HS256), &claims(json!({})), &key).unwrap();
    let bearer = app.visitor().with_bearer(&token);
    assert_eq!(bearer.post_graphql("{ viewer { role } }", json!({})).await.status(), 401);
}

#[tokio::test]
async fn roles_come_from_a_claim_or_stay_as_they_are() {
    let mut config = by_secret();
    if let Some(jwt) = &mut config.jwt {
        jwt.role_claim = Some("groups".to_owned());
    }
    let app = TestApp::start_with(config).await;
    for (groups, role) in [
        (json!(["editors", "staff"]), "STAFF"),
        (json!("admin"), "ADMIN"),
        (json!(["editors"]), "USER"),
        (Value::Null, "USER"),
    ] {
        assert_eq!(viewer(&app, &signed(json!({ "groups": groups }))).await["role"], role);
    }
    let app = TestApp::start_with(by_secret()).await;
    let token = signed(json!({ "groups": ["admin"] }));
    assert_eq!(viewer(&app, &token).await["role"], "USER");
    app.database.execute("UPDATE djaffar_user SET role = 'staff'").await;
    let renamed = signed(json!({ "name": "jeffrey" }));
    let (_, url) = app.another_node_with(by_secret()).await;
    let elsewhere = app.visitor().at(&url).with_bearer(&renamed);
    let seen = elsewhere.graphql("{ viewer { user { username } role } }").await;
    assert_eq!(seen["viewer"], json!({ "user": { "username": "jeffrey" }, "role": "STAFF" }));
}

/// A host that publishes its keys, and counts how often it is asked.
async fn host(sets: Vec<Value>) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let keys = get(async move || {
        let number = counter.fetch_add(1, Ordering::SeqCst).min(sets.len() - 1);
        axum::Json(sets[number].clone())
    });
    (format!("{}/keys", serve(Router::new().route("/keys", keys)).await), asked)
}

fn published(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    json!(jwk)
}

fn named(key: &EncodingKey, id: &str) -> String {
    let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::RS256) };
    encode(&header, &claims(json!({ "jti": id })), key).unwrap()
}

#[tokio::test]
async fn keys_are_fetched_and_fetched_again_for_a_new_one() {
    let key = EncodingKey::from_rsa_pem(RSA).unwrap();
    let old = published(&key, Algorithm::RS256, "old");
    let new = published(&key, Algorithm::RS256, "new");
    let (url, asked) = host(vec![json!({ "keys": [old, new] })]).await;
    let app = TestApp::start_with(trusting(JwtAlgorithm::Rs256, JwtKeys::Url(url))).await;
    for id in ["old", "new", "old"] {
        assert_eq!(viewer(&app, &named(&key, id)).await["user"]["username"], "jeff");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // Unknown ones make us ask, but not again and again.
    for number in 0..20 {
        let bearer = app.visitor().with_bearer(&named(&key, &format!("unknown {number}")));
        assert_eq!(bearer.post_graphql("{ viewer { role } }", json!({})).await.status(), 401);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "a moment ago is a moment ago");
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_do_not_make_us_ask_for_ever() {
    let key = EncodingKey::from_rsa_pem(RSA).unwrap();
    let [old, new] = ["old", "new"].map(|id| published(&key, Algorithm::RS256, id));
    let sets = vec![json!({ "keys": [old] }), json!({ "keys": [old, new] })];
    let (url, asked) = host(sets).await;
    let mut config = trusting(JwtAlgorithm::Rs256, JwtKeys::Url(url));
    let wait = Duration::from_millis(500);
    if let Some(jwt) = &mut config.jwt {
        jwt.look_at_most_every = wait;
    }
    let app = TestApp::start_with(config).await;
    let since = Instant::now();
    let status = async |id: &str| {
        let bearer = app.visitor().with_bearer(&named(&key, id));
        bearer.post_graphql("{ viewer { role } }", json!({})).await.status().as_u16()
    };
    assert_eq!(status("old").await, 200);
    // Published meanwhile: it is looked for again when that has not been done for a while.
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while status("new").await != 200 {
        tick.tick().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let mut number = 0;
    while asked.load(Ordering::SeqCst) < 4 {
        number += 1;
        assert_eq!(status(&format!("unknown {number}")).await, 401);
    }
    assert!(since.elapsed() >= 3 * wait, "asked more often than it may be");
}

#[tokio::test]
async fn a_host_that_is_slow_holds_nobody_up() {
    let key = EncodingKey::from_rsa_pem(RSA).unwrap();
    let set = json!({ "keys": [published(&key, Algorithm::RS256, "1")] });
    let (asked, is_asked) = tokio::sync::oneshot::channel();
    let (answer, may_answer) = tokio::sync::oneshot::channel::<()>();
    let once = Arc::new(std::sync::Mutex::new(Some((asked, may_answer))));
    let keys = get(async move || {
        let (asked, may_answer) = once.lock().unwrap().take().expect("asked once");
        asked.send(()).unwrap();
        may_answer.await.unwrap();
        axum::Json(set)
    });
    let url = format!("{}/keys", serve(Router::new().route("/keys", keys)).await);
    let app = TestApp::start_with(trusting(JwtAlgorithm::Rs256, JwtKeys::Url(url))).await;
    let ask = || {
        let bearer = app.visitor().with_bearer(&named(&key, "1"));
        async move { bearer.post_graphql("{ viewer { role } }", json!({})).await.status() }
    };
    let first = tokio::spawn(ask());
    is_asked.await.unwrap();
    for _ in 0..20 {
        assert_eq!(ask().await, StatusCode::SERVICE_UNAVAILABLE);
    }
    answer.send(()).unwrap();
    assert_eq!(first.await.unwrap(), StatusCode::OK);
    assert_eq!(ask().await, StatusCode::OK);
}

#[tokio::test]
async fn keys_that_anybody_could_put_there_are_not_taken() {
    let database = TestDatabase::create().await;
    let serve = async |arguments: &[&str]| {
        let secret = URL_SAFE_NO_PAD.encode("guess me");
        let set = json!({ "keys": [{ "kty": "oct", "kid": "1", "k": secret }] });
        let program = Program::new(&database.url).file("set", &set.to_string());
        program.run(&[&["serve"], arguments].concat()).await.failure()
    };
    for url in ["http://host.example/keys", "http://127.0.0.1.host.example/keys", "ftp://host/"] {
        let error = serve(&["--jwt-jwks-url", url]).await;
        assert!(error.contains("must be fetched by https"), "{url}: {error}");
    }
    let error = serve(&["--jwt-key-file", "set"]).await;
    assert!(error.contains("a secret has 32 bytes at least"), "{error}");
    let (url, _) = host(vec![
        json!({ "keys": [{ "kty": "oct", "kid": "1", "k": URL_SAFE_NO_PAD.encode("guess me") }] }),
    ])
    .await;
    let app = TestApp::start_with(trusting(JwtAlgorithm::Hs256, JwtKeys::Url(url))).await;
    let header = Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::HS256) };
    let guessed = EncodingKey::from_secret(b"guess me");
    let token = encode(&header, &claims(json!({})), &guessed).unwrap();
    let bearer = app.visitor().with_bearer(&token);
    let response = bearer.post_graphql("{ viewer { role } }", json!({})).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_users_are_called_can_be_shown() {
    let app = TestApp::start_with(by_secret()).await;
    let name = async |id: &str, name: &str| {
        let seen = viewer(&app, &signed(json!({ "sub": id, "name": name }))).await;
        assert_eq!(seen["user"]["externalId"], id);
        seen["user"]["username"].as_str().unwrap().to_owned()
    };
    assert_eq!(name("1", "jeff\u{1b}[2J\r\nroot").await, "jeff\u{fffd}[2J\u{fffd}\u{fffd}root");
    assert_eq!(name("2", &"å".repeat(151)).await, "å".repeat(150));
    // The same again, of somebody else.
    let second = name("3", &"å".repeat(1_000)).await;
    assert_eq!(second, format!("{} (3)", "å".repeat(146)));
    let long_id = "i".repeat(255);
    let third = name(&long_id, &"å".repeat(150)).await;
    assert!(third.chars().count() == 150 && third.ends_with(')'), "{third}");
    assert_eq!(name("a\nb", " \u{7} ").await, "\u{fffd}");
    for id in ["i".repeat(256), "å".repeat(128)] {
        let bearer = app.visitor().with_bearer(&signed(json!({ "sub": id })));
        let response = bearer.post_graphql("{ viewer { role } }", json!({})).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    // Nor do old names do anything to a terminal.
    app.database
        .execute(
            "UPDATE djaffar_user SET username = 'x' || char(27) || '[2J' WHERE external_id = '1'"
                .replace("char", if app.database.is_postgres() { "chr" } else { "char" })
                .as_str(),
        )
        .await;
    let list = app.program().run(&["user", "list"]).await.success();
    assert!(list.contains("x\u{fffd}[2J") && !list.contains('\u{1b}'), "{list}");
}

#[tokio::test]
async fn without_its_keys_a_token_is_neither_right_nor_wrong() {
    let nowhere = "http://127.0.0.1:9/keys".to_owned();
    let app = TestApp::start_with(trusting(JwtAlgorithm::Rs256, JwtKeys::Url(nowhere))).await;
    let key = EncodingKey::from_rsa_pem(RSA).unwrap();
    for _ in 0..2 {
        let bearer = app.visitor().with_bearer(&named(&key, "1"));
        let response = bearer.post_graphql("{ viewer { role } }", json!({})).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
    }
    app.visitor().log("/").await;
}

#[tokio::test]
async fn the_operator_gives_the_key() {
    let database = TestDatabase::create().await;
    let program = || {
        Program::new(&database.url)
            .file("secret", std::str::from_utf8(SECRET).unwrap())
            .file("weak", "guess me")
            .file("public", std::str::from_utf8(RSA_PUBLIC).unwrap())
    };
    let serve =
        ["--listen", "127.0.0.1:0", "--jwt-audience", "djaffar", "--jwt-key-file", "secret"];
    let server = program().serve(&serve).await;
    let bearer = crate::harness::Client::new(&server.url).with_bearer(&signed(json!({})));
    let data = bearer.graphql("{ viewer { user { username } } }").await;
    assert_eq!(data["viewer"]["user"]["username"], "jeff");
    server.stop().await;
    for (file, complaint) in [
        ("weak", "a secret has 32 bytes at least"),
        ("public", "this is a key for RS256, ES256 or EdDSA, not a secret"),
        ("missing", "missing: No such file"),
    ] {
        let error = program().run(&["serve", "--jwt-key-file", file]).await.failure();
        assert!(error.contains(complaint), "{error}");
        assert!(!error.contains("guess me"));
    }
}
