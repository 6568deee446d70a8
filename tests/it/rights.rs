//! Who may read what, by every way that leads there.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp};

const STAFF_ONLY: [&str; 5] = [
    "{ activities { nodes { id } } }",
    "{ activities { totalCount } }",
    "{ users { nodes { id } } }",
    "{ user(username: \"jeff\") { id } }",
    "{ sessions { nodes { id } } }",
];

#[tokio::test]
async fn lists_are_for_staff() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "user").await;
    let staff = app.staff().await;
    let admin = app.logged_in("ann", "admin").await;
    for query in STAFF_ONLY {
        assert_eq!(app.visitor().graphql_error(query).await, "UNAUTHENTICATED", "{query}");
        assert_eq!(jeff.graphql_error(query).await, "FORBIDDEN", "{query}");
        staff.graphql(query).await;
        admin.graphql(query).await;
    }
}

async fn node(client: &Client, id: &Value) -> Value {
    let query = "query($id: ID!) { node(id: $id) { __typename id } }";
    client.graphql_with(query, json!({ "id": id })).await["node"].take()
}

#[tokio::test]
async fn a_node_takes_the_same_rights_as_the_way_to_it() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    let ann = app.logged_in("ann", "user").await;
    jeff.log("/jeff").await;
    app.visitor().log("/nobody").await;
    let query = "{ activities(orderBy: { field: DATE, direction: ASC }) { nodes { id session { id } user { id } } } }";
    let data = staff.graphql(query).await;
    let activities = &data["activities"]["nodes"];
    let of_jeff =
        [&activities[0]["id"], &activities[0]["session"]["id"], &activities[0]["user"]["id"]];
    let of_nobody = [&activities[1]["id"], &activities[1]["session"]["id"]];
    for (id, name) in of_jeff.iter().zip(["Activity", "Session", "User"]) {
        let found = json!({ "__typename": name, "id": id });
        assert_eq!(node(&staff, id).await, found);
        assert_eq!(node(&jeff, id).await, found);
        assert_eq!(node(&ann, id).await, Value::Null);
    }
    for id in of_nobody {
        assert!(node(&staff, id).await.is_object());
        assert_eq!(node(&jeff, id).await, Value::Null);
    }
    let query = format!("{{ node(id: {}) {{ id }} }}", of_jeff[0]);
    assert_eq!(app.visitor().graphql_error(&query).await, "UNAUTHENTICATED");
    assert_eq!(staff.graphql_error("{ node(id: \"nonsense\") { id } }").await, "BAD_USER_INPUT");
    let unknown = json!(uuid::Uuid::new_v4());
    assert_eq!(node(&staff, &unknown).await, Value::Null);

    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Activity { path } ... on User { username } } }";
    let ids = json!({ "ids": [of_jeff[2], unknown, of_jeff[0], of_jeff[0]] });
    let nodes = staff.graphql_with(query, ids).await;
    assert_eq!(nodes["nodes"][3], nodes["nodes"][2]);
    assert_eq!(nodes["nodes"][0]["username"], "jeff");
    assert_eq!(nodes["nodes"][1], Value::Null);
    assert_eq!(nodes["nodes"][2]["path"], "/jeff");
}

#[tokio::test]
async fn an_activity_can_not_hide_a_user() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let data = staff.graphql("{ user(username: \"staff\") { id } }").await;
    let id = &data["user"]["id"];
    let log = format!(
        "mutation {{ logActivity(input: {{ id: {id}, path: \"/\" }}) {{ activity {{ id }} }} }}"
    );
    app.visitor().graphql(&log).await;
    assert_eq!(node(&staff, id).await["__typename"], "User");
}

#[tokio::test]
async fn users_read_what_is_held_on_them_and_nothing_else() {
    let app = TestApp::start().await;
    let jeff = app.logged_in("jeff", "user").await;
    let ann = app.logged_in("ann", "user").await;
    ann.log("/ann").await;
    jeff.log("/1").await;
    jeff.log("/2").await;
    let query = "{ viewer { activities { totalCount nodes { path user { username activities { nodes { path } } }
                   session { userAgent activities { nodes { path } } } } } } }";
    let data = jeff.graphql(query).await;
    let activities = &data["viewer"]["activities"];
    assert_eq!(activities["totalCount"], 2);
    let own = json!([{ "path": "/2" }, { "path": "/1" }]);
    for activity in activities["nodes"].as_array().unwrap() {
        assert_eq!(activity["user"]["activities"]["nodes"], own);
        assert_eq!(activity["session"]["activities"]["nodes"], own);
    }
    let filtered = "{ viewer { activities(where: { or: [{ path: { eq: \"/ann\" } }, { path: { eq: \"/2\" } }] }) { nodes { path } } } }";
    assert_eq!(
        jeff.graphql(filtered).await["viewer"]["activities"]["nodes"],
        json!([{ "path": "/2" }])
    );
    // What was done in the same session while nobody was logged in is held on them too.
    app.make_user("eve", "user").await;
    let eve = app.visitor();
    eve.log("/before").await;
    eve.log_in("eve", PASSWORD).await;
    for path in ["/a", "/b", "/c"] {
        eve.log(path).await;
    }
    let query = "query($first: Int, $after: String, $last: Int, $before: String) { viewer {
        activities(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { id path }
            pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } } }";
    let all = ["/c", "/b", "/a", "/before"];
    let page = async |bounds: Value| {
        let page = eve.graphql_with(query, bounds).await["viewer"]["activities"].clone();
        assert_eq!(page["totalCount"], 4);
        let nodes = page["nodes"].as_array().unwrap();
        let paths: Vec<_> =
            nodes.iter().map(|node| node["path"].as_str().unwrap().to_owned()).collect();
        (paths, page["pageInfo"].clone(), nodes[0]["id"].clone())
    };
    assert_eq!(page(json!({})).await.0, all);
    let (paths, info, _) = page(json!({ "first": 3 })).await;
    assert_eq!(paths, all[..3]);
    assert_eq!(info["hasNextPage"], true);
    let (paths, info, before) = page(json!({ "first": 3, "after": info["endCursor"] })).await;
    assert_eq!(paths, all[3..]);
    assert_eq!(info["hasNextPage"], false);
    let (paths, info, _) = page(json!({ "last": 2, "before": info["startCursor"] })).await;
    assert_eq!(paths, all[1..3]);
    assert_eq!(info["hasPreviousPage"], true);
    let session = "{ viewer { session { entryPath activityStats { activities } } } }";
    let told = json!({ "entryPath": "/before", "activityStats": { "activities": 4 } });
    assert_eq!(eve.graphql(session).await["viewer"]["session"], told);
    // By its id too, but not for others.
    let node = "query($id: ID!) { node(id: $id) { ... on Activity { path } } }";
    let data = eve.graphql_with(node, json!({ "id": before })).await;
    assert_eq!(data["node"]["path"], "/before");
    assert_eq!(jeff.graphql_with(node, json!({ "id": before })).await["node"], Value::Null);

    let query = "{ viewer { activities { nodes { id } } } }";
    assert_eq!(app.visitor().graphql_error(query).await, "UNAUTHENTICATED");
    let query = "{ viewer { user { sessions { nodes { id } } } } }";
    assert_eq!(jeff.graphql_error(query).await, "FORBIDDEN");
}

#[tokio::test]
async fn a_session_does_not_tell_others_whose_it_is() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.make_user("jeff", "user").await;
    let log = "mutation { logActivity(input: { path: \"/\" }) { activity { session { user { username } } } } }";
    let browser = app.logged_in("ann", "staff").await;
    browser.graphql(log).await;
    // Jeff's token in Ann's browser.
    let token = app.make_token("jeff", "log,read").await;
    let data = browser.with_bearer(&token).graphql(log).await;
    assert_eq!(data["logActivity"]["activity"]["session"]["user"]["username"], "jeff");
    let sessions = staff.graphql("{ sessions { nodes { user { username } } } }").await;
    assert_eq!(sessions["sessions"]["nodes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn nul_is_no_server_error() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let payload = app.visitor().try_log_in("\0", "\0").await;
    assert_eq!(payload["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    let query = "query($name: String!, $where: UserFilter) { user(username: $name) { id } users(where: $where) { totalCount } }";
    let variables = json!({ "name": "\0", "where": { "username": { "startsWith": "\0" } } });
    assert_eq!(
        staff.graphql_with(query, variables).await,
        json!({ "user": null, "users": { "totalCount": 0 } })
    );
    // "n", an id and NUL: a cursor of users.
    let query =
        "{ users(after: \"bjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwAA\") { nodes { id } } }";
    assert_eq!(staff.graphql_error(query).await, "BAD_USER_INPUT");
}

#[tokio::test]
async fn v4_3_2_in_production_the_schema_is_shown_to_staff_alone() {
    let app = TestApp::start_with(djaffar::Config::default()).await;
    let staff = app.staff().await;
    let query = "{ __schema { queryType { name } } }";
    assert_eq!(staff.graphql(query).await["__schema"]["queryType"]["name"], "Query");
    let response = app.visitor().post_graphql(query, json!({})).await;
    let body: Value = response.json().await.unwrap();
    assert!(body["data"]["__schema"].is_null(), "{body}");
}
