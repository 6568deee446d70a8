//! Requests that mean harm: each is refused at once, with a code.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::harness::TestApp;

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

#[tokio::test]
async fn v4_3_1_documents_that_cost_too_much_are_refused_before_they_are_validated() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let repeat = |text: &str, count: usize| text.repeat(count);
    let aliases: String = (0..10_000).map(|number| format!("a{number}:__typename ")).collect();
    let few_aliases: String = (0..31).map(|number| format!("a{number}:__typename ")).collect();
    for (name, document) in [
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
    ] {
        let since = Instant::now();
        let response = visitor.post_graphql(&document, json!({})).await;
        let status = response.status();
        let took = since.elapsed();
        let body: Value = response.json().await.unwrap();
        let code = &body["errors"][0]["extensions"]["code"];
        assert!(code == "COST_LIMIT_EXCEEDED" || status == 413, "{name}: {status} {body}");
        assert!(body.get("data").is_none(), "{name}");
        // Not a measurement: the doubled fragments would take seconds to hours.
        assert!(took < Duration::from_secs(2), "{name} took {took:?}");
    }
}

#[tokio::test]
async fn bodies_that_are_nothing_are_refused() {
    let app = TestApp::start().await;
    let post = |body: String| {
        let request = app.visitor().request(Method::POST, "/graphql");
        request.header(CONTENT_TYPE, "application/json").body(body).send()
    };
    let query = "query($p: JSON) { viewer { role } }";
    for (name, body, status) in [
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
    ] {
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
    // The query by which tools read the schema.
    let introspection = "query IntrospectionQuery { __schema { queryType { name } mutationType { name }
        types { ...FullType } directives { name description locations args { ...InputValue } } } }
        fragment FullType on __Type { kind name description
            fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
            inputFields { ...InputValue } interfaces { ...TypeRef }
            enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
        fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
        fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name
            ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";
    let data = staff.graphql(introspection).await;
    assert!(data["__schema"]["types"].as_array().unwrap().len() > 20);
    let pages = "{ activities(first: 200) { nodes { session { activities(first: 200) { nodes { id } } } } } }";
    staff.graphql(pages).await;
    let texts = "{ user(username: \"\\\"{[(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\") { id } }";
    assert_eq!(staff.graphql(texts).await["user"], Value::Null);
}
