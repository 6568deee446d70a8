//! Requests that mean harm: each is refused at once, with a code.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, PASSWORD, Server, Socket, TestApp};

/// The query by which tools read the schema.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name }
    types { ...FullType } directives { name description locations args { ...InputValue } } } }
    fragment FullType on __Type { kind name description
        fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
        inputFields { ...InputValue } interfaces { ...TypeRef }
        enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";

/// Fragments that spread each other twice: each level doubles.
fn bomb(levels: usize) -> String {
    let mut document = "{ viewer { ...F0 } }".to_owned();
    for level in 0..levels {
        let next = level + 1;
        document += &format!(" fragment F{level} on Viewer {{ ...F{next} ...F{next} }}");
    }
    document + &format!(" fragment F{levels} on Viewer {{ role }}")
}

/// A plain field, thousands of times, of each row of a page.
fn again_and_again() -> String {
    let mut document = "{ viewer { activities(first: 200) { nodes { ...F0 } } } }".to_owned();
    for level in 0..8 {
        let next = level + 1;
        document += &format!(" fragment F{level} on Activity {{ ...F{next} ...F{next} }}");
    }
    document + &format!(" fragment F8 on Activity {{ {} }}", "path ".repeat(30))
}

/// An introspection that goes in circles, and doubles with each round.
fn types_of_interfaces() -> String {
    let mut document =
        "{ __type(name: \"Node\") { ...F6 } } fragment F0 on __Type { name }".to_owned();
    for round in 1..=6 {
        let within = round - 1;
        document += &format!(
            " fragment F{round} on __Type {{ possibleTypes {{ interfaces {{ ...F{within} ...F{within} }} }} }}"
        );
    }
    document
}

/// Documents that cost too much, each by a name.
fn documents() -> Vec<(&'static str, String)> {
    let repeat = |text: &str, count: usize| text.repeat(count);
    let aliases: String = (0..10_000).map(|number| format!("a{number}:__typename ")).collect();
    let few_aliases: String = (0..31).map(|number| format!("a{number}:__typename ")).collect();
    vec![
        ("fragments doubled 24 times", bomb(24)),
        ("fragments doubled 30 times", bomb(30)),
        (
            "nested lists",
            format!("{{ nodes(ids: {}{}) {{ id }} }}", repeat("[", 100_000), repeat("]", 100_000)),
        ),
        (
            "fewer nested lists",
            format!("{{ nodes(ids: {}{}) {{ id }} }}", repeat("[", 60), repeat("]", 60)),
        ),
        ("nested selections", format!("{}{}", repeat("{ a ", 8_000), repeat("}", 8_000))),
        ("aliases", format!("{{ {aliases} }}")),
        ("a few aliases too many", format!("{{ {few_aliases} }}")),
        (
            "log-ins by alias",
            format!(
                "mutation {{ {} }}",
                (0..31)
                    .map(|n| format!("a{n}: logOut {{ viewer {{ role }} }} "))
                    .collect::<String>()
            ),
        ),
        ("directives", format!("{{ __typename {} }}", repeat("@skip(if: false) ", 10_000))),
        ("a few directives too many", format!("{{ __typename {} }}", repeat("@a ", 51))),
        ("comments", format!("{{ __typename }} {}", repeat("#\n", 100_000))),
        ("nested lists behind a comment that ends by a return", format!("#\r{{a(y:{}1{})}}", repeat("[", 350), repeat("]", 350))),
        ("nested lists behind a block text", format!("{{ a(x: \"\"\" \" \"\"\", y: {}1{}) }}", repeat("[", 400), repeat("]", 400))),
        ("nested lists behind an escape in a block text", format!("{{ a(x: \"\"\" \\\"\"\" \" \"\"\", y: {}1{}) }}", repeat("[", 400), repeat("]", 400))),
        ("nested lists behind a text without an end", format!("{{ a(x: \" \n y: {}1{}) }}", repeat("[", 400), repeat("]", 400))),
        ("nested objects", format!("{{ a(x: {}1{}) }}", repeat("{a:", 300), repeat("}", 300))),
        ("nested types", format!("query($a: {}Int{}) {{ viewer {{ role }} }}", repeat("[", 5_000), repeat("]", 5_000))),
        ("pages within pages", "{ activities(first: 200) { nodes { session { activities(first: 200) { nodes { session { activities(first: 200) { nodes { id } } } } } } } } }".to_owned()),
        ("pages of the usual size within pages", "{ activities { nodes { session { activities { nodes { session { activities { nodes { id } } } } } } } } }".to_owned()),
        ("pages within pages by variables", "query($n: Int = 200) { activities(first: $n) { nodes { session { activities(last: $n) { nodes { user { activities(first: $n) { nodes { id } } } } } } } } }".to_owned()),
        (
            "activities of what may have been logged",
            "mutation($i: LogActivitiesInput = { activities: [] }) { logActivities(input: $i) { results { activity { session { activities(first: 200) { nodes { id } } } } } } }".to_owned(),
        ),
        (
            "statistics of many",
            "{ users(first: 150) { nodes { activityStats { activities } } } }".to_owned(),
        ),
        ("counts of many", "{ sessions(first: 200) { nodes { a: activities(first: 1) { totalCount } b: activities(first: 0) { totalCount totalCountCapped } } } }".to_owned()),
        ("deep fields", format!("{{ user(username: \"staff\") {} {{ id }} {} }}", repeat("{ sessions(first: 1) { nodes { user ", 5), repeat("}", 15))),
        (
            "types of types",
            format!("{{ __schema {{ types {}name{} }} }}", repeat("{ fields { type ", 7), repeat("}", 14)),
        ),
        ("interfaces of types of interfaces", types_of_interfaces()),
        ("the same field of many rows, over and over", again_and_again()),
        ("root fields", format!("{{ {} }}", repeat("viewer { role } ", 21))),
        (
            "root fields in a fragment",
            format!("{{ ...F }} fragment F on Query {{ {} }}", repeat("viewer { role } ", 21)),
        ),
        (
            "a fragment that spreads itself",
            "{ viewer { ...F } } fragment F on Viewer { ...F }".to_owned(),
        ),
        (
            "fragments in a ring",
            "{ viewer { ...F } } fragment F on Viewer { ...G } fragment G on Viewer { ...F }"
                .to_owned(),
        ),
    ]
}

#[tokio::test]
async fn v4_3_1_documents_that_cost_too_much_are_refused_before_they_are_validated() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    for (name, document) in documents() {
        let since = Instant::now();
        let response = visitor.post_graphql(&document, json!({})).await;
        let status = response.status();
        let took = since.elapsed();
        let body: Value = response.json().await.unwrap();
        let code = &body["errors"][0]["extensions"]["code"];
        assert!(code == "COST_LIMIT_EXCEEDED" || status == 413, "{name}: {status} {body}");
        assert!(body.get("data").is_none(), "{name}");
        // Not a measurement: the doubled fragments would take hours, and the machine may stall.
        assert!(took < Duration::from_secs(30), "{name} took {took:?}");
    }
}

/// Bodies that are no request at all, and the status of the answer.
fn bodies() -> Vec<(&'static str, String, u16)> {
    let query = "query($p: JSON) { viewer { role } }";
    vec![
        ("a text of 5 MB", format!("\"{}\"", "x".repeat(5 << 20)), 413),
        (
            "a megabyte of comments",
            format!("{{\"query\":\"{{ __typename }} {}\"}}", "#\\n".repeat(350_000)),
            413,
        ),
        (
            "deep variables",
            format!(
                "{{\"query\":\"{query}\",\"variables\":{{\"p\":{}{}}}}}",
                "[".repeat(50_000),
                "]".repeat(50_000)
            ),
            400,
        ),
        (
            "a batch",
            "[{\"query\":\"{ __typename }\"},{\"query\":\"{ __typename }\"}]".to_owned(),
            400,
        ),
    ]
}

#[tokio::test]
async fn bodies_that_are_nothing_are_refused() {
    let app = TestApp::start().await;
    let post = |body: String| {
        let request = app.visitor().request(Method::POST, "/graphql");
        request.header(CONTENT_TYPE, "application/json").body(body).send()
    };
    for (name, body, status) in bodies() {
        // A server may close the connection on a body that it does not want.
        let Ok(response) = post(body).await else {
            assert_eq!(status, 413, "{name}");
            continue;
        };
        assert_eq!(response.status().as_u16(), status, "{name}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{name}");
    }
    assert_eq!(app.visitor().get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn arguments_that_lie_are_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for path in ["/1", "/2"] {
        app.visitor().log(path).await;
    }
    let page = staff.graphql("{ activities(first: 1) { pageInfo { endCursor } } }").await;
    let cursor = page["activities"]["pageInfo"]["endCursor"].as_str().unwrap();
    let wrong_end = format!("{}!", &cursor[..cursor.len() - 1]);
    let wrong_order = format!("Y{}", &cursor[1..]);
    let after =
        |list: &str, cursor: &str| format!("{{ {list}(after: \"{cursor}\") {{ totalCount }} }}");
    for query in [
        "{ activities(first: 201) { nodes { id } } }".to_owned(),
        "{ activities(first: 2147483647) { nodes { id } } }".to_owned(),
        "{ activities(first: 99999999999) { nodes { id } } }".to_owned(),
        "{ activities(first: -1) { nodes { id } } }".to_owned(),
        after("activities", "nonsense"),
        after("activities", ""),
        after("activities", &wrong_end),
        after("activities", &wrong_order),
        after("activities", &cursor[..cursor.len() / 2]),
        after("activities", &cursor.repeat(50)),
        // Of another list.
        after("users", cursor),
        "{ node(id: \"nonsense\") { id } }".to_owned(),
        "{ node(id: 1) { id } }".to_owned(),
        "{ nodes(ids: [\"VXNlcjox\"]) { id } }".to_owned(),
        "mutation { logActivity(input: { id: \"nonsense\", path: \"/\" }) { activity { id } } }"
            .to_owned(),
    ] {
        let code = staff.graphql_error(&query).await;
        let is_order = query.starts_with("mutation");
        assert!(code == "BAD_USER_INPUT" || is_order && code == "FORBIDDEN", "{query}: {code}");
    }
}

#[tokio::test]
async fn what_people_send_is_not_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let data = staff.graphql(INTROSPECTION).await;
    assert!(data["__schema"]["types"].as_array().unwrap().len() > 20);
    let pages = "{ activities(first: 200) { nodes { session { activities(first: 200) { nodes { id } } } } } }";
    staff.graphql(pages).await;
    let texts = "{ user(username: \"\\\"{[(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\") { id } }";
    assert_eq!(staff.graphql(texts).await["user"], Value::Null);
}

/// What a request costs the server: work, and memory at its worst. The cheapest of three times, as others
/// work too.
async fn cost(server: &Server, ask: impl AsyncFn()) -> (Duration, u64) {
    let mut least = (Duration::MAX, u64::MAX);
    for _ in 0..3 {
        server.forget_peak();
        let (worked, memory) = (server.worked(), server.memory());
        ask().await;
        least.0 = least.0.min(server.worked().saturating_sub(worked));
        least.1 = least.1.min(server.peak_memory().saturating_sub(memory));
    }
    least
}

/// Memory that no request may take more of: some times the largest body.
const MEMORY: u64 = 8 << 20;

#[tokio::test]
async fn harm_costs_those_who_mean_it_more_than_the_server() {
    let app = TestApp::start().await;
    app.make_user("staff", "staff").await;
    let token = app.make_token("staff", "read").await;
    let server = app.program().serve(&["--listen", "127.0.0.1:0"]).await;
    let client = Client::new(&server.url).with_bearer(&token);
    let post = async |body: String| {
        let request = client.request(Method::POST, "/graphql");
        // It may hang up on a body that is too large.
        let _ = request.header(CONTENT_TYPE, "application/json").body(body).send().await;
    };
    let document = |text: &str| json!({ "query": text }).to_string();
    let plain = cost(&server, async || post(document("{ viewer { role } }")).await).await;
    // What every tool asks for, and is given.
    let usual = cost(&server, async || post(document(INTROSPECTION)).await).await;
    println!("plain: {plain:?}, introspection: {usual:?}");
    let mut asked: Vec<_> =
        documents().into_iter().map(|(name, text)| (name, document(&text))).collect();
    asked.extend(bodies().into_iter().map(|(name, body, _)| (name, body)));
    for (name, body) in asked {
        let (worked, memory) = cost(&server, async || post(body.clone()).await).await;
        println!("{name}: {worked:?}, {memory} bytes");
        assert!(memory <= MEMORY, "{name}: {memory}");
        assert!(worked <= usual.0, "{name}: {worked:?}, where {usual:?} is usual");
    }
    server.stop().await;
}

#[tokio::test]
async fn harm_over_a_socket_costs_as_little() {
    let app = TestApp::start().await;
    app.make_user("staff", "staff").await;
    let token = app.make_token("staff", "read").await;
    let server = app.program().serve(&["--listen", "127.0.0.1:0"]).await;
    let open = async || {
        let mut socket = Socket::try_open(&server.url, "").await.unwrap();
        socket.init(&token).await;
        socket
    };
    let subscribe = |query: &str| {
        let payload = json!({ "query": query });
        json!({ "type": "subscribe", "id": "1", "payload": payload }).to_string()
    };
    let socket = tokio::sync::Mutex::new(open().await);
    let ask = async |message: &str| {
        let mut socket = socket.lock().await;
        socket.send(Message::text(message)).await;
        socket.hear().await
    };
    let usual = cost(&server, async || {
        assert_eq!(ask(&subscribe(INTROSPECTION)).await["type"], "next");
        assert_eq!(socket.lock().await.hear().await["type"], "complete");
    })
    .await;
    let mut refused = 0;
    for (name, document) in documents() {
        let message = subscribe(&document);
        if message.len() > 64 << 10 {
            continue;
        }
        refused += 1;
        let (worked, memory) = cost(&server, async || {
            let answer = ask(&message).await;
            let code = &answer["payload"][0]["extensions"]["code"];
            assert_eq!(
                (&answer["type"], code),
                (&json!("error"), &json!("COST_LIMIT_EXCEEDED")),
                "{name}"
            );
        })
        .await;
        assert!(memory <= MEMORY, "{name}: {memory}");
        assert!(worked <= usual.0, "{name}: {worked:?}, where {usual:?} is usual");
    }
    assert!(refused > 20, "{refused}");

    let deep = "[".repeat(30_000) + &"]".repeat(30_000);
    let variables = format!("{{\"query\":\"{{ __typename }}\",\"variables\":{{\"a\":{deep}}}}}");
    for (name, message) in [
        ("nested lists", Message::text(deep.clone())),
        (
            "deep variables",
            Message::text(format!(
                "{{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{variables}}}"
            )),
        ),
        ("half a message", Message::text("{\"type\":\"subscribe\",\"id\":\"")),
        ("no type", Message::text("{}")),
        ("a number for an id", Message::text("{\"type\":\"complete\",\"id\":1}")),
        (
            "an array of operations",
            Message::text(format!(
                "{{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":[{variables}]}}"
            )),
        ),
        ("bytes", Message::binary(vec![0; 1_000])),
    ] {
        let mut socket = open().await;
        socket.send(message).await;
        assert_eq!(socket.closed().await, 4400, "{name}");
    }
    // A pong comes for each ping that is read, and for no more.
    let mut socket = open().await;
    for _ in 0..1_000 {
        socket.send(Message::text("{\"type\":\"ping\"}")).await;
    }
    for _ in 0..1_000 {
        assert_eq!(socket.hear().await["type"], "pong");
    }
    server.stop().await;
}

/// A request that a client of HTTP would not send.
async fn send_raw(url: &str, head: &[u8]) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn nothing_that_is_sent_gets_into_the_log_as_a_line_or_an_order() {
    let app = TestApp::start().await;
    app.make_user("ann", "admin").await;
    for format in ["text", "json"] {
        let server = app
            .program()
            .env("DJAFFAR_LOG_FORMAT", format)
            .env("DJAFFAR_LOG", "trace")
            .env("DJAFFAR_MODE", "development")
            .env("DJAFFAR_TRUSTED_PROXIES", "127.0.0.1")
            .env("DJAFFAR_IP_STORAGE", "truncated")
            .serve(&["--listen", "127.0.0.1:0"])
            .await;
        // Orders to a terminal of eight bits, ends of lines beyond ASCII, and in hexadecimal.
        for evil in ["\u{9b}31m", "\u{85}forged", "\u{2028}forged", "%0d%0aforged", "%1b[31m"] {
            let head = format!(
                "GET /evil{evil}?{evil} HTTP/1.1\r\nhost: x\r\nuser-agent: evil\t{evil}\r\nreferer: {evil}\r\n\
                 x-request-id: evil{evil}\r\nx-forwarded-for: 192.0.2.77\r\nconnection: close\r\n\r\n"
            );
            let answer = send_raw(&server.url, head.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
        }
        for line in ["\u{1b}[2J", "\nforged", "\rforged"] {
            let head =
                format!("GET /evil{line} HTTP/1.1\r\nhost: x\r\nx-request-id: a{line}\r\n\r\n");
            let answer = send_raw(&server.url, head.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        }
        let client = Client::new(&server.url);
        let from_there = async |query: &str, variables: Value| {
            let request = client.request(Method::POST, "/graphql");
            let request = request.header("x-forwarded-for", "192.0.2.77");
            let body = json!({ "query": query, "variables": variables });
            assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
        };
        let evil = "/\u{1b}[2J\r\nforged\u{9b}";
        let log = "mutation($p: String!) { logActivity(input: { path: $p, referer: $p, name: $p }) { userErrors { code } } }";
        from_there(log, json!({ "p": evil })).await;
        let log_in = "mutation($u: String!, $p: String!) { logIn(input: { username: $u, password: $p }) { userErrors { code } } }";
        from_there(log_in, json!({ "u": evil, "p": evil })).await;
        from_there(log_in, json!({ "u": "ann", "p": "wrong" })).await;
        from_there(log_in, json!({ "u": "ann", "p": PASSWORD })).await;
        let is_noted = "SELECT count(*) FROM djaffar_audit WHERE action LIKE 'logIn%'";
        let expected = if format == "text" { 2 } else { 4 };
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while app.database.count(is_noted).await < expected {
            tick.tick().await;
        }
        // The last thing that is logged is the last thing that was asked.
        client.get("/graphql?the=end").await;
        client.get("/the-end").await;
        while !server.log().iter().any(|line| line.contains("/the-end")) {
            tick.tick().await;
        }
        let log = server.log();
        assert!(log.iter().any(|line| line.contains("/evil")), "{log:#?}");
        for line in log {
            assert!(!line.contains(char::is_control), "{line:?}");
            assert!(!line.contains("192.0.2.77"), "{line}");
            assert!(!line.trim_start().starts_with("forged"), "{line}");
            assert!(!line.contains(PASSWORD), "{line}");
            if format == "json" {
                assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
            }
        }
        server.stop().await;
    }
    let rows =
        app.database.query("SELECT ip_address FROM djaffar_audit WHERE action LIKE 'logIn%'").await;
    for row in rows {
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "192.0.2.0");
    }
}

#[tokio::test]
async fn a_spreadsheet_gets_no_formula_whoever_has_named_what() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let evil = "=cmd|'/c calc'!A1";
    app.make_user(evil, "user").await;
    let token = app.make_token(evil, "log").await;
    let request = app.visitor().with_bearer(&token).request(Method::POST, "/graphql");
    let log = "mutation($t: String!) { logActivity(input: { path: $t, referer: $t, name: $t }) { userErrors { code } } }";
    let body = json!({ "query": log, "variables": { "t": evil } });
    let logged = request.header("user-agent", evil).json(&body).send().await.unwrap();
    assert_eq!(
        logged.json::<Value>().await.unwrap()["data"]["logActivity"]["userErrors"],
        json!([])
    );
    let file = staff.get("/export/activities.csv").await.text().await.unwrap();
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[header.iter().position(|it| it == name).unwrap()];
    for name in ["path", "referer", "name", "username", "userAgent"] {
        assert_eq!(cell(name), format!("'{evil}"), "{name}");
    }
}
