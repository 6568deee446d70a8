//! Every filter and every order.

use serde_json::{Value, json};

use crate::harness::{Client, TestApp, TestDatabase};

/// Logs five activities: /1 by an anonymous phone, /2 and /3 by jeff, /4/% and /5 by ann's token.
async fn seed(app: &TestApp) -> Client {
    let staff = app.staff().await;
    let log = async |client: &Client, input: Value| {
        let query = "mutation($input: LogActivityInput!) { logActivity(input: $input) { userErrors { code } } }";
        client.graphql_with(query, json!({ "input": input })).await;
    };
    let jeff = app.logged_in("jeff", "user").await;
    app.make_user("ann", "admin").await;
    let ann = app.visitor().with_bearer(&app.make_token("ann", "log").await);
    log(
        &app.visitor(),
        json!({ "path": "/1", "date": "2026-01-01T00:00:00Z", "referer": "https://a.example/" }),
    )
    .await;
    log(&jeff, json!({ "path": "/2", "date": "2026-01-02T00:00:00Z", "name": "click" })).await;
    log(&jeff, json!({ "path": "/3", "date": "2026-01-03T00:00:00Z" })).await;
    log(
        &ann,
        json!({ "path": "/4/%", "date": "2026-01-04T00:00:00Z", "referer": "https://b.example/" }),
    )
    .await;
    log(&ann, json!({ "path": "/5\u{D7FF}_", "date": "2026-01-05T00:00:00Z", "name": "click" }))
        .await;
    staff
}

/// The numbers of the paths that a filter lets through, the oldest first.
async fn numbers(staff: &Client, filter: Value) -> String {
    let query = "query($where: ActivityFilter) {
        activities(where: $where, orderBy: { field: DATE, direction: ASC }) { totalCount nodes { path } } }";
    let data = staff.graphql_with(query, json!({ "where": filter })).await;
    let nodes = data["activities"]["nodes"].as_array().unwrap();
    assert_eq!(data["activities"]["totalCount"], nodes.len());
    nodes.iter().map(|node| &node["path"].as_str().unwrap()[1..2]).collect()
}

#[tokio::test]
async fn every_condition_lets_the_right_ones_through() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    let id = async |name: &str| {
        let query =
            format!("{{ user(username: \"{name}\") {{ id sessions {{ nodes {{ id }} }} }} }}");
        staff.graphql(&query).await["user"].take()
    };
    let (jeff, ann) = (id("jeff").await, id("ann").await);
    let of_jeff = &jeff["sessions"]["nodes"][0]["id"];
    for (filter, expected) in [
        (json!(null), "12345"),
        (json!({}), "12345"),
        (json!({ "date": { "eq": "2026-01-02T00:00:00Z" } }), "2"),
        (
            json!({ "date": { "gte": "2026-01-02T00:00:00Z", "lt": "2026-01-04T01:00:00+01:00" } }),
            "23",
        ),
        (json!({ "date": { "gt": "2026-01-02T00:00:00Z", "lte": "2026-01-04T00:00:00Z" } }), "34"),
        (json!({ "path": { "eq": "/2" } }), "2"),
        (json!({ "path": { "in": ["/2", "/3", "/x"] } }), "23"),
        (json!({ "path": { "in": [] } }), ""),
        (json!({ "path": { "startsWith": "/4/%" } }), "4"),
        (json!({ "path": { "startsWith": "/%" } }), ""),
        (json!({ "path": { "startsWith": "/5\u{D7FF}" } }), "5"),
        (json!({ "path": { "startsWith": "" } }), "12345"),
        (json!({ "path": { "contains": "%" } }), "4"),
        (json!({ "path": { "contains": "_" } }), "5"),
        (json!({ "path": { "startsWith": "/", "contains": "3" } }), "3"),
        (json!({ "referer": { "startsWith": "https://b" } }), "4"),
        (json!({ "referer": { "contains": "EXAMPLE" } }), ""),
        (json!({ "not": { "referer": { "startsWith": "https://b" } } }), "1235"),
        (json!({ "name": { "eq": "click" } }), "25"),
        (json!({ "name": { "in": ["view", "click"] } }), "12345"),
        (json!({ "user": { "eq": jeff["id"] } }), "23"),
        (json!({ "user": { "in": [jeff["id"], ann["id"]] } }), "2345"),
        (json!({ "not": { "user": { "eq": jeff["id"] } } }), "145"),
        (json!({ "path": { "contains": "\0" } }), ""),
        (json!({ "path": { "startsWith": "/1\0" } }), ""),
        (json!({ "session": { "eq": of_jeff } }), "23"),
        (json!({ "session": { "in": [of_jeff, jeff["id"]] } }), "23"),
        (json!({ "ipAddress": { "eq": "127.0.0.1" } }), "12345"),
        (json!({ "ipAddress": { "startsWith": "10." } }), ""),
        (json!({ "userAgent": { "eq": "Test/1.0" } }), "12345"),
        (json!({ "userAgent": { "contains": "Firefox" } }), ""),
        (json!({ "anonymous": true }), "1"),
        (json!({ "anonymous": false }), "2345"),
        (json!({ "or": [{ "path": { "eq": "/1" } }, { "name": { "eq": "click" } }] }), "125"),
        (json!({ "or": [] }), ""),
        (
            json!({ "and": [{ "name": { "eq": "click" } }, { "anonymous": false }], "path": { "eq": "/2" } }),
            "2",
        ),
        (json!({ "and": [] }), "12345"),
        (
            json!({ "not": { "or": [{ "path": { "eq": "/1" } }, { "not": { "name": { "eq": "click" } } }] } }),
            "25",
        ),
    ] {
        assert_eq!(numbers(&staff, filter.clone()).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for filter in [
        "{ user: { eq: \"jeff\" } }".to_owned(),
        format!("{{ path: {{ in: [{}] }} }}", "\"x\" ".repeat(201)),
        format!("{{ or: [{}] }}", "{ anonymous: true } ".repeat(201)),
    ] {
        let query = format!("{{ activities(where: {filter}) {{ nodes {{ id }} }} }}");
        assert_eq!(staff.graphql_error(&query).await, "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn activities_are_sorted_by_date_both_ways() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    let paths = async |order: &str| {
        let query = format!("{{ activities{order} {{ nodes {{ path }} }} }}");
        let data = staff.graphql(&query).await;
        let nodes = data["activities"]["nodes"].as_array().unwrap().clone();
        nodes.iter().map(|node| node["path"].as_str().unwrap()[1..2].to_owned()).collect::<String>()
    };
    assert_eq!(paths("").await, "54321");
    assert_eq!(paths("(orderBy: { field: DATE, direction: DESC })").await, "54321");
    assert_eq!(paths("(orderBy: { field: DATE, direction: ASC })").await, "12345");
}

#[tokio::test]
async fn users_are_found_by_name_role_state_and_last_use() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    app.make_user("Zoë", "user").await;
    app.program().run(&["user", "disable", "Zoë"]).await.success();
    let names = async |arguments: &str| {
        let data = staff
            .graphql(&format!("{{ users{arguments} {{ totalCount nodes {{ username }} }} }}"))
            .await;
        let nodes = data["users"]["nodes"].as_array().unwrap().clone();
        assert_eq!(data["users"]["totalCount"], nodes.len());
        nodes
            .iter()
            .map(|node| node["username"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (arguments, expected) in [
        ("", "Zoë ann jeff staff"),
        ("(orderBy: { field: USERNAME, direction: DESC })", "staff jeff ann Zoë"),
        ("(orderBy: { field: CREATED_AT, direction: ASC })", "staff jeff ann Zoë"),
        ("(orderBy: { field: CREATED_AT, direction: DESC })", "Zoë ann jeff staff"),
        ("(where: { username: { startsWith: \"Zo\" } })", "Zoë"),
        ("(where: { username: { contains: \"ff\" } })", "jeff staff"),
        ("(where: { username: { in: [\"ann\", \"bob\"] } })", "ann"),
        ("(where: { role: { eq: ADMIN } })", "ann"),
        ("(where: { role: { in: [ADMIN, STAFF] } })", "ann staff"),
        ("(where: { role: { eq: USER, in: [ADMIN] } })", ""),
        ("(where: { active: false })", "Zoë"),
        ("(where: { active: true })", "ann jeff staff"),
        ("(where: { lastSeenAt: { gte: \"2026-01-01T00:00:00Z\" } })", "ann jeff staff"),
        ("(where: { lastSeenAt: { lt: \"2026-01-01T00:00:00Z\" } })", ""),
    ] {
        assert_eq!(names(arguments).await, expected, "{arguments}");
    }
    let data = staff.graphql("{ user(username: \"nobody\") { id } }").await;
    assert_eq!(data["user"], Value::Null);
}

#[tokio::test]
async fn sessions_are_found_by_user_agent_user_and_time() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    let jeff = staff.graphql("{ user(username: \"jeff\") { id } }").await["user"]["id"].clone();
    let count = async |filter: Value| {
        let query =
            "query($where: SessionFilter) { sessions(where: $where) { totalCount nodes { id } } }";
        let data = staff.graphql_with(query, json!({ "where": filter })).await;
        assert_eq!(
            data["sessions"]["totalCount"],
            data["sessions"]["nodes"].as_array().unwrap().len()
        );
        data["sessions"]["totalCount"].as_u64().unwrap()
    };
    for (filter, expected) in [
        (json!({}), 3),
        (json!({ "user": { "eq": jeff } }), 1),
        (json!({ "anonymous": true }), 1),
        (json!({ "anonymous": false }), 2),
        (json!({ "userAgent": { "startsWith": "Test/" } }), 3),
        (json!({ "userAgent": { "contains": "Firefox" } }), 0),
        (json!({ "firstSeenAt": { "gte": "2026-01-01T00:00:00Z" } }), 3),
        (json!({ "lastSeenAt": { "lt": "2026-01-01T00:00:00Z" } }), 0),
    ] {
        assert_eq!(count(filter.clone()).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn few_and_many_of_several_paths_are_found_in_order() {
    const PAGE: &str = "query($where: ActivityFilter, $first: Int!, $after: String) {
        activities(where: $where, first: $first, after: $after) {
            nodes { id date path } pageInfo { hasNextPage endCursor } } }";
    let app = TestApp::start().await;
    let id = if TestDatabase::is_on_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    let rows = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 25000)
         INSERT INTO djaffar_activity (id, date, received_at, path, name, truncated)
         SELECT {id}, n * 1000, 0, CASE n % 50 WHEN 0 THEN '/rare/' ELSE '/often/' END || n % 7,
         'view', FALSE FROM n"
    );
    app.database.execute(&rows).await;
    let staff = app.staff().await;
    let page = async |filter: &Value, first: u32, after: &Value| {
        let variables = json!({ "where": filter, "first": first, "after": after });
        staff.graphql_with(PAGE, variables).await["activities"].take()
    };
    let newest = page(&Value::Null, 200, &Value::Null).await["nodes"].take();
    let newest = newest.as_array().unwrap();
    let since = newest.last().unwrap()["date"].clone();
    for prefix in ["/", "/often/", "/rare/", "/none"] {
        let is_meant = |node: &&Value| node["path"].as_str().unwrap().starts_with(prefix);
        let expected: Vec<_> = newest.iter().filter(is_meant).cloned().collect();
        for dates in [json!({}), json!({ "gte": since })] {
            let filter = json!({ "path": { "startsWith": prefix }, "date": dates });
            let mut found = Vec::new();
            let mut after = Value::Null;
            while found.len() < expected.len() {
                let mut next = page(&filter, 40, &after).await;
                after = next["pageInfo"]["endCursor"].take();
                let nodes = next["nodes"].as_array().unwrap();
                assert!(!nodes.is_empty(), "{filter}");
                found.extend(nodes.clone());
            }
            found.truncate(expected.len());
            assert_eq!(found, expected, "{filter}");
        }
    }
}
