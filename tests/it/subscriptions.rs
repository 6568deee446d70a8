//! Watching live, over WebSocket.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::harness::{Client, PASSWORD, Socket, TestApp, TestDatabase};
use crate::limits::many_activities;

const WATCH: &str = "subscription($where: ActivityFilter) {
    activityLogged(where: $where) { path user { username } session { userAgent } } }";

async fn staff_token(app: &TestApp) -> String {
    app.make_user("staff", "staff").await;
    app.make_token("staff", "read").await
}

#[tokio::test]
async fn staff_see_activities_as_they_are_stored() {
    let app = TestApp::start().await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    socket.subscribe("all", WATCH, json!({})).await;
    let jeff = app.logged_in("jeff", "user").await;
    jeff.log("/hello").await;
    assert_eq!(
        socket.hear().await,
        json!({ "type": "next", "id": "all", "payload": { "data": { "activityLogged": {
            "path": "/hello", "user": { "username": "jeff" }, "session": { "userAgent": "Test/1.0" }
        } } } })
    );
    socket.say(json!({ "type": "complete", "id": "all" })).await;
    socket.subscribe("again", WATCH, json!({})).await;
    jeff.log("/bye").await;
    let next = socket.hear().await;
    assert_eq!(
        (&next["id"], &next["payload"]["data"]["activityLogged"]["path"]),
        (&"again".into(), &"/bye".into())
    );
}

#[tokio::test]
async fn who_hangs_up_is_seen_all_the_same() {
    let app = TestApp::start().await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    socket.subscribe("all", WATCH, json!({})).await;
    let (server, prefix) = app.url["http://".len()..].split_once('/').unwrap();
    let query = "mutation { logActivity(input: { path: \"/gone\" }) { activity { id } } }";
    for (path, content_type, body) in [
        (
            "logs",
            "application/x-www-form-urlencoded",
            "date=2026-11-23T03:00Z&path=/gone".to_owned(),
        ),
        (
            "logs/batch",
            "application/json",
            json!({ "activities": [{ "path": "/gone" }] }).to_string(),
        ),
        ("graphql", "application/json", json!({ "query": query }).to_string()),
    ] {
        let lock = app.database.lock().await;
        let mut client = TcpStream::connect(server).await.unwrap();
        let request = format!(
            "POST /{prefix}/{path} HTTP/1.1\r\nHost: {server}\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        // Whoever comes later is answered later: then it waits for the disk.
        app.visitor().get("/healthz").await;
        drop(client);
        app.visitor().get("/healthz").await;
        lock.release().await;
        let seen = socket.hear().await;
        assert_eq!(seen["payload"]["data"]["activityLogged"]["path"], "/gone", "{path}");
    }
}

#[tokio::test]
async fn what_is_watched_is_what_the_same_filter_lists() {
    let app = TestApp::start().await;
    let token = staff_token(&app).await;
    let staff = app.visitor().with_bearer(&token);
    let jeff = app.logged_in("jeff", "user").await;
    let id = jeff.graphql("{ viewer { user { id } } }").await["viewer"]["user"]["id"].clone();
    let filters = [
        json!({}),
        json!({ "path": { "startsWith": "/a" } }),
        json!({ "path": { "in": ["/b", "/c"] } }),
        json!({ "path": { "contains": "" }, "anonymous": true }),
        json!({ "not": { "path": { "eq": "/a" } } }),
        json!({ "not": { "referer": { "contains": "x" } } }),
        json!({ "or": [{ "path": { "eq": "/b" } }, { "user": { "eq": id } }] }),
        json!({ "or": [] }),
        json!({ "userAgent": { "startsWith": "Test" }, "ipAddress": { "eq": "127.0.0.1" } }),
        json!({ "userAgent": { "contains": "test" } }),
        json!({ "date": { "gte": "2026-01-02T00:00:00Z", "lt": "2026-01-03T00:00:00Z" } }),
        json!({ "and": [{ "name": { "eq": "view" } }, { "user": { "in": [id] } }] }),
    ];
    let mut socket = Socket::known(&app, &token).await;
    for (number, filter) in filters.iter().enumerate() {
        socket.subscribe(&number.to_string(), WATCH, json!({ "where": filter })).await;
    }
    let anybody = app.visitor();
    for (client, path, day) in
        [(&jeff, "/a", 1), (&jeff, "/ab", 2), (&anybody, "/b", 2), (&anybody, "/c", 3)]
    {
        let date = format!("2026-01-0{day}T00:00:00Z");
        let fields = [("date", date.as_str()), ("path", path), ("referer", path)];
        assert_eq!(client.post_form("/logs", &fields).await.status(), 204);
    }
    let list = "query($where: ActivityFilter) { activities(where: $where) { nodes { path } } }";
    let mut expected = 0;
    let mut listed = Vec::new();
    for filter in &filters {
        let data = staff.graphql_with(list, json!({ "where": filter })).await;
        let nodes = data["activities"]["nodes"].as_array().unwrap();
        let mut paths: Vec<_> =
            nodes.iter().map(|it| it["path"].as_str().unwrap().to_owned()).collect();
        paths.sort();
        expected += paths.len();
        listed.push(paths);
    }
    let mut watched = vec![Vec::new(); filters.len()];
    for _ in 0..expected {
        let next = socket.hear().await;
        let number: usize = next["id"].as_str().unwrap().parse().unwrap();
        let path = next["payload"]["data"]["activityLogged"]["path"].as_str().unwrap();
        watched[number].push(path.to_owned());
    }
    watched.iter_mut().for_each(|paths| paths.sort());
    assert_eq!(watched, listed);
}

/// Logs at a node until it is seen at the other one, and until all of that is seen.
async fn knock(node: &Client, socket: &mut Socket) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = socket.hear() => break,
            _ = tick.tick() => { node.log("/knock").await; }
        }
    }
    node.log("/come-in").await;
    while path(&socket.hear().await) != "/come-in" {}
}

fn path(next: &Value) -> &str {
    next["payload"]["data"]["activityLogged"]["path"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn what_other_nodes_store_is_seen_too() {
    if !TestDatabase::is_on_postgres() {
        return;
    }
    let app = TestApp::start().await;
    let (_node, url) = app.another_node().await;
    let jeff = app.logged_in("jeff", "user").await.at(&url);
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    let filter = json!({ "userAgent": { "startsWith": "Test" } });
    socket.subscribe("all", WATCH, json!({ "where": filter })).await;
    knock(&jeff, &mut socket).await;
    for number in 0..20 {
        jeff.log(&format!("/{number}")).await;
    }
    for number in 0..20 {
        let next = socket.hear().await;
        assert_eq!(path(&next), format!("/{number}"));
        assert_eq!(next["payload"]["data"]["activityLogged"]["user"]["username"], "jeff");
    }

    // Who listens was thrown out, and says that something may have been missed.
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(app.database.count(others).await, 2);
    let next = socket.hear().await;
    assert_eq!(next["payload"]["errors"][0]["extensions"]["code"], "LAGGED");
    knock(&jeff, &mut socket).await;
}

#[tokio::test]
async fn a_retry_is_not_shown_again() {
    let app = TestApp::start().await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    socket.subscribe("all", WATCH, json!({})).await;
    let visitor = app.visitor();
    let (first, second) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    visitor.log_id(first).await;
    visitor.log_id(first).await;
    let both = "mutation($a: UUID!, $b: UUID!) { logActivities(input: { activities: [
        { id: $a, path: \"/\" }, { id: $b, path: \"/new\" }, { id: $b, path: \"/new\" } ] }) {
        results { activity { id } } } }";
    visitor.graphql_with(both, json!({ "a": first, "b": second })).await;
    visitor.log("/last").await;
    for path in ["/", "/new", "/last"] {
        assert_eq!(socket.hear().await["payload"]["data"]["activityLogged"]["path"], path);
    }
}

#[tokio::test]
async fn only_staff_may_watch() {
    let app = TestApp::start().await;
    app.make_user("jeff", "user").await;
    let token = app.make_token("jeff", "read").await;
    let mut socket = Socket::known(&app, &token).await;
    let payload = json!({ "query": WATCH });
    socket.say(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    let refusal = socket.hear().await;
    let errors = match refusal["type"].as_str() {
        Some("next") => &refusal["payload"]["errors"],
        _ => &refusal["payload"],
    };
    assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{refusal}");
}

#[tokio::test]
async fn who_loses_their_rights_is_hung_up_on() {
    let app = TestApp::start().await;
    let token = staff_token(&app).await;
    let mut socket = Socket::known(&app, &token).await;
    socket.subscribe("all", WATCH, json!({})).await;
    app.program().run(&["user", "disable", "staff"]).await.success();
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn the_protocol_is_kept() {
    let app = TestApp::start().await;
    let token = staff_token(&app).await;
    let mut early = Socket::open(&app).await;
    early.say(json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ viewer { role } }" } })).await;
    assert_eq!(early.closed().await, 4401);
    let mut twice = Socket::known(&app, &token).await;
    twice.say(json!({ "type": "connection_init" })).await;
    assert_eq!(twice.closed().await, 4429);
    let mut same = Socket::known(&app, &token).await;
    same.subscribe("1", WATCH, json!({})).await;
    same.say(json!({ "type": "subscribe", "id": "1", "payload": { "query": WATCH } })).await;
    assert_eq!(same.closed().await, 4409);
    for nonsense in [json!({ "type": "start" }), json!([]), json!({ "type": "subscribe" })] {
        let mut socket = Socket::known(&app, &token).await;
        socket.say(nonsense).await;
        assert_eq!(socket.closed().await, 4400);
    }
    let mut forged = Socket::open(&app).await;
    forged
        .say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer djf_no" } }))
        .await;
    assert_eq!(forged.closed().await, 4403);
    let silent = Socket::open(&app).await;
    assert_eq!(silent.closed().await, 4408);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_waited_for() {
    let app = TestApp::start().await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    // The head of a text of a megabyte, masked with zeros, of which nothing follows.
    let mut head = vec![0x81, 0x80 | 127];
    head.extend((1_u64 << 20).to_be_bytes());
    head.extend([0; 4]);
    socket.0.get_mut().write_all(&head).await.unwrap();
    let mut pings = 0;
    while let Some(Ok(message)) = socket.0.next().await {
        // One at once, the next one after ten seconds.
        pings += usize::from(matches!(message, Message::Ping(_)));
        assert!(pings < 2, "the server waits for the rest");
    }
}

#[tokio::test]
async fn a_socket_has_so_many_operations_and_no_more() {
    let app = TestApp::start().await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    for id in 0..20 {
        socket.subscribe(&id.to_string(), WATCH, json!({})).await;
    }
    socket
        .say(json!({ "type": "subscribe", "id": "one more", "payload": { "query": WATCH } }))
        .await;
    let refusal = socket.hear().await;
    assert_eq!(refusal["type"], "error");
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "RATE_LIMITED");
}

/// Behind a proxy, with these limits.
fn limited(change: impl FnOnce(&mut djaffar::Rates)) -> djaffar::Config {
    let mut config = crate::harness::development();
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let mut rates = djaffar::Rates::default();
    change(&mut rates);
    config.rates = Some(rates);
    config
}

fn per(number: u32) -> std::num::NonZeroU32 {
    std::num::NonZeroU32::new(number).unwrap()
}

#[tokio::test]
async fn a_client_has_so_many_sockets_and_no_more() {
    let app = TestApp::start_with(limited(|rates| rates.sockets = per(2))).await;
    let open = async |from: &str| Socket::try_open(&app.url, from).await;
    let (first, second) = (open("192.0.2.1").await.unwrap(), open("192.0.2.1").await.unwrap());
    assert_eq!(open("192.0.2.1").await.err(), Some(429));
    let _other = open("192.0.2.2").await.unwrap();
    drop(first);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while open("192.0.2.1").await.is_err() {
        tick.tick().await;
    }
    drop(second);
}

#[tokio::test]
async fn what_is_asked_over_a_socket_counts() {
    let app = TestApp::start_with(limited(|rates| rates.client = per(1))).await;
    let token = staff_token(&app).await;
    let mut socket = Socket::known(&app, &token).await;
    let payload = json!({ "query": "{ viewer { role } }" });
    let mut refused = None;
    for id in 0..1_000 {
        let id = id.to_string();
        socket.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
        let heard = socket.hear().await;
        if heard["type"] == "error" {
            refused = Some(heard);
            break;
        }
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": id }));
    }
    assert_eq!(refused.unwrap()["payload"][0]["extensions"]["code"], "RATE_LIMITED");

    // Nor may a token be shown too often.
    let app = TestApp::start_with(limited(|rates| rates.token = per(1))).await;
    let token = staff_token(&app).await;
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    let mut code = None;
    for host in 0..200 {
        let mut socket = Socket::try_open(&app.url, &format!("192.0.2.{host}")).await.unwrap();
        socket.say(init.clone()).await;
        match socket.next().await {
            Message::Close(frame) => {
                code = frame.map(|frame| u16::from(frame.code));
                break;
            }
            heard => assert!(heard.to_text().unwrap().contains("connection_ack"), "{heard}"),
        }
    }
    assert_eq!(code, Some(1013), "try again later");
}

#[tokio::test]
async fn a_query_over_a_socket_may_take_so_long() {
    let mut config = crate::harness::development();
    config.limits.time = Duration::from_millis(1);
    let app = TestApp::start_with(config).await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    app.database.execute(&many_activities(app.database.is_postgres())).await;
    let search = "{ activities(where: { path: { contains: \"none\" } }) { nodes { id } } }";
    let payload = json!({ "query": search });
    socket.say(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    let refusal = socket.hear().await;
    assert_eq!(refusal["type"], "error", "{refusal}");
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "TIMEOUT");
}

#[tokio::test]
async fn queries_are_answered_and_mutations_are_sent_elsewhere() {
    let app = TestApp::start().await;
    let mut socket = Socket::known(&app, &staff_token(&app).await).await;
    let ask =
        |query: &str| json!({ "type": "subscribe", "id": "1", "payload": { "query": query } });
    socket.say(ask("{ viewer { user { username } } }")).await;
    assert_eq!(
        socket.hear().await["payload"]["data"],
        json!({ "viewer": { "user": { "username": "staff" } } })
    );
    assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
    for (query, code) in [
        ("mutation { logOut { viewer { role } } }", "BAD_REQUEST"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
    ] {
        socket.say(ask(query)).await;
        let refusal = socket.hear().await;
        assert_eq!(refusal["type"], "error", "{query}: {refusal}");
        assert_eq!(refusal["payload"][0]["extensions"]["code"], code);
    }
}

#[tokio::test]
async fn the_cookie_of_a_signed_in_page_does() {
    let app = TestApp::start().await;
    app.make_user("staff", "staff").await;
    let client = app.visitor();
    let log_in = "mutation($input: LogInInput!) { logIn(input: $input) { viewer { role } } }";
    let input = json!({ "input": { "username": "staff", "password": PASSWORD } });
    let response = client.post_graphql(log_in, input).await;
    let cookie = crate::harness::set_cookie(&response).unwrap().to_owned();
    let url = format!("{}/graphql/ws", app.url.replacen("http", "ws", 1));
    let open = async |origin: Option<&str>| {
        let mut request = url.clone().into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        headers.insert("cookie", format!("sessionid={cookie}").parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        connect_async(request).await
    };
    let mut socket = Socket(open(None).await.unwrap().0);
    socket.say(json!({ "type": "connection_init" })).await;
    socket.hear().await;
    socket.subscribe("all", WATCH, json!({})).await;
    app.visitor().log("/").await;
    assert_eq!(socket.hear().await["payload"]["data"]["activityLogged"]["path"], "/");
    assert!(open(Some("https://evil.example")).await.is_err(), "not for a page of another site");
    client.log_out().await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_them_too_slowly_is_told_and_holds_nobody_up() {
    const BATCHES: usize = 80;
    let app = TestApp::start().await;
    let token = staff_token(&app).await;
    let mut slow = Socket::open_narrow(&app).await;
    slow.init(&token).await;
    slow.subscribe("all", "subscription { activityLogged { path referer } }", json!({})).await;
    let mut quick = Socket::known(&app, &token).await;
    let last = json!({ "where": { "path": { "eq": "/last" } } });
    quick.subscribe("last", WATCH, last).await;

    // It hears nothing of that, and more than a thousand wait for it.
    let visitor = app.visitor();
    let long = "/x".repeat(1_000);
    let activities = vec![json!({ "path": long, "referer": long }); 50];
    let log = "mutation($input: LogActivitiesInput!) { logActivities(input: $input) { results { userErrors { code } } userErrors { code } } }";
    for _ in 0..BATCHES {
        let input = json!({ "input": { "activities": activities } });
        let results = visitor.graphql_with(log, input).await["logActivities"]["results"].take();
        assert_eq!(results.as_array().unwrap().len(), 50);
    }
    visitor.log("/last").await;
    assert_eq!(quick.hear().await["payload"]["data"]["activityLogged"]["path"], "/last");

    let (mut shown, mut missed) = (0, 0);
    loop {
        let payload = slow.hear().await["payload"].take();
        if let Some(error) = payload["errors"].get(0) {
            assert_eq!(error["extensions"]["code"], "LAGGED");
            let message = error["message"].as_str().unwrap();
            missed += message.split(' ').next().unwrap().parse::<usize>().unwrap();
            continue;
        }
        shown += 1;
        if payload["data"]["activityLogged"]["path"] == "/last" {
            break;
        }
    }
    assert!(missed > 0 && shown > 1_000, "{shown} {missed}");
    assert_eq!(shown + missed, BATCHES * 50 + 1, "none is missed without a word");
}
