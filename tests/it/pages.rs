//! Connections: every row once, in order, whatever happens meanwhile.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, TestApp};

const PAGE: &str = "query($where: ActivityFilter, $orderBy: ActivityOrder, $first: Int, $after: String, $last: Int, $before: String) {
    activities(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }";

/// A walk through one visitor's activities, with a model of what there is.
#[derive(Debug, Clone)]
struct Walk {
    /// Dates of the rows at the beginning: few different ones, so that many are equal.
    old: Vec<u8>,
    /// Before each page: how many rows it is to have, and the dates of rows added before it.
    pages: Vec<(usize, Vec<u8>)>,
    is_backward: bool,
    is_descending: bool,
}

fn walks() -> impl Strategy<Value = Walk> {
    let page = (1..6_usize, prop::collection::vec(0..5_u8, 0..3));
    let pages = prop::collection::vec(page, 0..20);
    (prop::collection::vec(0..5_u8, 0..25), pages, any::<bool>(), any::<bool>()).prop_map(
        |(old, pages, is_backward, is_descending)| Walk { old, pages, is_backward, is_descending },
    )
}

/// Logs activities at these dates, and returns their sort keys.
async fn log(visitor: &Client, dates: &[u8]) -> Vec<(u8, Uuid)> {
    let rows: Vec<_> = dates.iter().map(|date| (*date, Uuid::new_v4())).collect();
    if !rows.is_empty() {
        let inputs: Vec<_> = rows
            .iter()
            .map(|(date, id)| json!({ "id": id, "path": "/", "date": format!("2026-01-01T00:00:0{date}Z") }))
            .collect();
        let query = "mutation($activities: [LogActivityInput!]!) {
            logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
        visitor.graphql_with(query, json!({ "activities": inputs })).await;
    }
    rows
}

async fn walk(app: &TestApp, staff: &Client, walk: Walk) {
    let visitor = app.visitor();
    visitor.log("/opens-the-session").await;
    let session =
        visitor.graphql("{ viewer { session { id } } }").await["viewer"]["session"]["id"].clone();
    let filter = json!({ "session": { "eq": session }, "path": { "eq": "/" } });
    let direction = if walk.is_descending { "DESC" } else { "ASC" };

    let old = log(&visitor, &walk.old).await;
    let mut all = old.clone();
    let mut seen = Vec::new();
    let mut cursor: Option<(String, (u8, Uuid))> = None;
    // At last no rows are added any more, so that every walk comes to its end.
    let rest = std::iter::repeat((7, Vec::new()));
    for (size, new) in walk.pages.into_iter().chain(rest) {
        all.extend(log(&visitor, &new).await);
        all.sort();
        if walk.is_descending {
            all.reverse();
        }
        let (size_name, cursor_name) =
            if walk.is_backward { ("last", "before") } else { ("first", "after") };
        let variables = json!({
            "where": filter,
            "orderBy": { "field": "DATE", "direction": direction },
            size_name: size,
            cursor_name: cursor.as_ref().map(|(cursor, _)| cursor),
        });
        let data = staff.graphql_with(PAGE, variables).await;
        let page = &data["activities"];

        // The same page of the model.
        let at = cursor.as_ref().map(|(_, key)| all.iter().position(|row| row == key).unwrap());
        let range = if walk.is_backward {
            let end = at.unwrap_or(all.len());
            end.saturating_sub(size)..end
        } else {
            let start = at.map_or(0, |at| at + 1);
            start..(start + size).min(all.len())
        };
        let edges = page["edges"].as_array().unwrap();
        let ids: Vec<Uuid> = edges
            .iter()
            .map(|edge| edge["node"]["id"].as_str().unwrap().parse().unwrap())
            .collect();
        let expected: Vec<Uuid> = all[range.clone()].iter().map(|row| row.1).collect();
        assert_eq!(ids, expected);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], range.start > 0, "{range:?}");
        assert_eq!(page["pageInfo"]["hasNextPage"], range.end < all.len(), "{range:?}");
        let cursor_of =
            |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
        assert_eq!(page["pageInfo"]["startCursor"], cursor_of(edges.first()));
        assert_eq!(page["pageInfo"]["endCursor"], cursor_of(edges.last()));

        seen.extend(expected);
        let (more, edge, row) = if walk.is_backward {
            (range.start > 0, edges.first(), all.get(range.start))
        } else {
            (range.end < all.len(), edges.last(), all.get(range.end.wrapping_sub(1)))
        };
        match (edge, row) {
            (Some(edge), Some(row)) if more => {
                cursor = Some((edge["cursor"].as_str().unwrap().to_owned(), *row));
            }
            _ => {
                let missed: Vec<_> = old.iter().filter(|row| !seen.contains(&row.1)).collect();
                assert!(missed.is_empty(), "{missed:?}");
                break;
            }
        }
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "no row twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_sees_every_old_row_once_while_rows_are_added() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let mut runner =
            TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() });
        let case = |case: Walk| {
            runtime.block_on(walk(&app, &staff, case));
            Ok(())
        };
        runner.run(&walks(), case).unwrap();
    });
}

#[tokio::test]
async fn bounds_on_both_sides_are_honoured() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    for path in ["/1", "/2", "/3", "/4", "/5"] {
        visitor.log(path).await;
    }
    let order = json!({ "field": "DATE", "direction": "ASC" });
    let all = staff.graphql_with(PAGE, json!({ "orderBy": order })).await;
    let edges = all["activities"]["edges"].as_array().unwrap();
    let cursor = |number: usize| edges[number - 1]["cursor"].clone();
    let id = |number: usize| edges[number - 1]["node"]["id"].clone();
    for (size, after, before, expected, has_previous, has_next) in [
        (json!({ "first": 9 }), Some(1), Some(5), 2..5, true, true),
        (json!({ "first": 2 }), Some(1), Some(5), 2..4, true, true),
        (json!({ "last": 2 }), Some(1), Some(5), 3..5, true, true),
        (json!({ "last": 9 }), Some(1), None, 2..6, true, false),
        (json!({ "first": 9 }), None, Some(3), 1..3, false, true),
        (json!({ "first": 9 }), Some(5), None, 6..6, true, false),
        (json!({ "last": 9 }), None, Some(1), 1..1, false, true),
        (json!({ "first": 0 }), None, None, 1..1, false, true),
        (json!({ "last": 0 }), None, None, 1..1, true, false),
    ] {
        let mut variables =
            json!({ "orderBy": order, "after": after.map(cursor), "before": before.map(cursor) });
        for (name, value) in size.as_object().unwrap() {
            variables[name] = value.clone();
        }
        let data = staff.graphql_with(PAGE, variables.clone()).await;
        let page = &data["activities"];
        let ids: Vec<_> = page["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| edge["node"]["id"].clone())
            .collect();
        assert_eq!(ids, expected.map(id).collect::<Vec<_>>(), "{variables}");
        assert_eq!(page["pageInfo"]["hasPreviousPage"], has_previous, "{variables}");
        assert_eq!(page["pageInfo"]["hasNextPage"], has_next, "{variables}");
    }
}

/// So many paths, and so many activities on them, that a page is made neither of all of them nor on a
/// short walk through the log: others lie on top, and in their midst.
#[tokio::test]
async fn a_page_of_many_paths_far_behind_others_is_whole() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let is_postgres = app.database.is_postgres();
    let id = if is_postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    // From the oldest on 26,000 old ones, 11,000 new ones, and the same again; forty at each second.
    app.database
        .execute(&format!(
            "INSERT INTO djaffar_activity (id, date, received_at, path, name, truncated)
             WITH RECURSIVE numbers(n) AS
                 (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 73999)
             SELECT {id}, n / 40 * 1000000, 0,
                 CASE WHEN n % 37000 < 26000 THEN '/old/' ELSE '/new/' END || (n % 130), 'view', false
             FROM numbers"
        ))
        .await;
    let text = if is_postgres { "CAST(id AS text)" } else { "hex(id)" };
    let sql = format!(
        "SELECT {text} FROM djaffar_activity WHERE path LIKE '/old/%' ORDER BY date DESC, id DESC"
    );
    let all = app.database.query(&sql).await;
    let id = |text: &str| text.parse::<Uuid>().unwrap();
    let all: Vec<_> =
        all.iter().map(|row| id(&row.try_get_by_index::<String>(0).unwrap())).collect();
    let page = async |filter: Value, mut arguments: Value| {
        arguments["where"] = json!({ "and": [{ "path": { "startsWith": "/old/" } }, filter] });
        let page = staff.graphql_with(PAGE, arguments).await["activities"].take();
        let edges = page["edges"].as_array().unwrap();
        let ids = edges.iter().map(|edge| id(edge["node"]["id"].as_str().unwrap()));
        (ids.collect::<Vec<_>>(), page["pageInfo"].clone())
    };

    // Behind all others, and across those in the midst; there and back.
    let until_gap = json!({ "date": { "lte": "1970-01-01T00:15:26Z" } });
    let (first, info) = page(until_gap, json!({ "first": 1 })).await;
    assert_eq!(first, [all[25_920]]);
    for (mut start, mut cursor) in [(0, Value::Null), (25_921, info["endCursor"].clone())] {
        for _ in 0..2 {
            let (ids, info) = page(json!({}), json!({ "first": 90, "after": cursor })).await;
            assert_eq!(ids, all[start..start + 90]);
            assert_eq!(info["hasPreviousPage"], start > 0);
            assert_eq!(info["hasNextPage"], true);
            cursor = info["endCursor"].clone();
            let (back, info) = page(json!({}), json!({ "last": 60, "before": cursor })).await;
            assert_eq!(back, all[start + 29..start + 89]);
            assert_eq!(
                (&info["hasPreviousPage"], &info["hasNextPage"]),
                (&json!(true), &json!(true))
            );
            start += 90;
        }
    }
    // From bounds that are none of them: the newest of all, and one in the midst.
    for (date, start) in [("2000-01-01T00:00:00Z", 0), ("1970-01-01T00:15:00Z", 26_000)] {
        let of_other = json!({ "first": 1, "where": { "path": { "startsWith": "/new/" }, "date": { "lte": date } } });
        let other = staff.graphql_with(PAGE, of_other).await;
        let cursor = &other["activities"]["pageInfo"]["endCursor"];
        let (ids, info) = page(json!({}), json!({ "first": 60, "after": cursor })).await;
        assert_eq!(ids, all[start..start + 60]);
        assert_eq!(
            (&info["hasPreviousPage"], &info["hasNextPage"]),
            (&json!(start > 0), &json!(true))
        );
        let (ids, info) = page(json!({}), json!({ "last": 60, "before": cursor })).await;
        assert_eq!(ids, all[start.saturating_sub(60)..start]);
        assert_eq!(
            (&info["hasPreviousPage"], &info["hasNextPage"]),
            (&json!(start > 0), &json!(true))
        );
    }
    // Within dates in which there are others alone.
    let in_gap = json!({ "date": { "gte": "1970-01-01T00:10:50Z", "lt": "1970-01-01T00:15:25Z" } });
    assert!(page(in_gap, json!({ "first": 9 })).await.0.is_empty());
    // The same from the other end, within dates.
    let since_gap = json!({ "date": { "gte": "1970-01-01T00:10:49Z" } });
    let ascending = json!({ "field": "DATE", "direction": "ASC" });
    let (ids, info) = page(since_gap, json!({ "first": 100, "orderBy": ascending })).await;
    let mut expected = all[26_000 - 60..26_040].to_vec();
    expected.reverse();
    assert_eq!(ids, expected);
    assert_eq!((&info["hasPreviousPage"], &info["hasNextPage"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn a_page_of_several_paths_has_each_row_once() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    for number in 1..=60 {
        visitor.log(["/often", "/often", "/seldom"][number % 3]).await;
    }
    let all = staff.graphql_with(PAGE, json!({ "first": 200 })).await;
    let all: Vec<_> = all["activities"]["edges"].as_array().unwrap().to_vec();
    let page = async |paths: &[&str], size: usize, after: usize| {
        let filter = json!({ "path": { "in": paths } });
        let cursor = after.checked_sub(1).map(|last| all[last]["cursor"].clone());
        let variables = json!({ "where": filter, "first": size, "after": cursor });
        staff.graphql_with(PAGE, variables).await["activities"].take()
    };
    for paths in [
        &["/never", "/seldom", "/often"][..],
        &["/often", "/seldom", "/often"],
        &["/a", "/b", "/often", "/c", "/seldom"],
    ] {
        for (size, after) in [(50, 0), (60, 0), (20, 13), (20, 40), (50, 59)] {
            let page = page(paths, size, after).await;
            let expected = &all[after..(after + size).min(60)];
            assert_eq!(page["edges"].as_array().unwrap(), expected, "{paths:?} {after}");
            assert_eq!(page["pageInfo"]["hasPreviousPage"], after > 0);
            assert_eq!(page["pageInfo"]["hasNextPage"], after + size < 60);
        }
    }
    // The newest is on another path, and so is the third one.
    for (after, has_previous) in [(1, false), (3, true)] {
        let page = page(&["/never", "/seldom"], 1, after).await;
        assert_eq!(page["pageInfo"]["hasPreviousPage"], has_previous);
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
    }
}

#[tokio::test]
async fn pages_of_users_and_sessions_go_both_ways() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for name in ["ann", "bob", "cleo"] {
        app.logged_in(name, "user").await;
    }
    app.make_user("never", "user").await;
    // Nobody is noted twice within a minute.
    let seen = "SELECT COUNT(*) FROM djaffar_user WHERE last_seen_at IS NOT NULL";
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
    staff.graphql("{ viewer { role } }").await;
    while app.database.count(seen).await < 4 {
        tick.tick().await;
    }
    let query = "{ users(orderBy: { field: LAST_SEEN_AT, direction: DESC }) { totalCount nodes { username lastSeenAt } } }";
    let users = staff.graphql(query).await["users"].take();
    let nodes = users["nodes"].as_array().unwrap();
    assert_eq!(
        (nodes.len(), &users["totalCount"]),
        (4, &json!(4)),
        "who was never seen is not there"
    );
    assert!(nodes.is_sorted_by_key(|node| std::cmp::Reverse(node["lastSeenAt"].as_str().unwrap())));
    for (field, order) in [
        ("users", "USERNAME"),
        ("users", "CREATED_AT"),
        ("users", "LAST_SEEN_AT"),
        ("sessions", "FIRST_SEEN_AT"),
        ("sessions", "LAST_SEEN_AT"),
    ] {
        let ids = async |arguments: String| {
            let query = format!(
                "{{ {field}({arguments} orderBy: {{ field: {order}, direction: ASC }}) {{
                    nodes {{ id }} pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }}"
            );
            staff.graphql(&query).await[field].take()
        };
        let all = ids("first: 200".to_owned()).await["nodes"].as_array().unwrap().clone();
        assert!(all.len() >= 3);
        let mut forward = Vec::new();
        let mut arguments = "first: 1".to_owned();
        loop {
            let page = ids(arguments).await;
            forward.extend(page["nodes"].as_array().unwrap().clone());
            arguments = format!("first: 1, after: {}", page["pageInfo"]["endCursor"]);
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(forward, all, "{field} by {order}");
        let mut backward = Vec::new();
        let mut arguments = "last: 1".to_owned();
        loop {
            let page = ids(arguments).await;
            backward.extend(page["nodes"].as_array().unwrap().clone());
            arguments = format!("last: 1, before: {}", page["pageInfo"]["startCursor"]);
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        backward.reverse();
        assert_eq!(backward, all, "{field} by {order}");
    }
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.visitor().log("/").await;
    let data = staff.graphql("{ users { pageInfo { endCursor } } }").await;
    let of_users = data["users"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let data = staff.graphql("{ activities { pageInfo { endCursor } } }").await;
    let tampered = data["activities"]["pageInfo"]["endCursor"].as_str().unwrap().replace('Z', "Y");
    for arguments in [
        "first: 1, last: 1".to_owned(),
        "first: -1".to_owned(),
        "last: -1".to_owned(),
        "first: 201".to_owned(),
        "first: 2147483647".to_owned(),
        "after: \"\"".to_owned(),
        "after: \"nonsense\"".to_owned(),
        "before: \"8J-mgA\"".to_owned(),
        format!("after: \"{of_users}\""),
        format!("after: \"{tampered}\""),
    ] {
        let query = format!("{{ activities({arguments}) {{ nodes {{ id }} }} }}");
        assert_eq!(staff.graphql_error(&query).await, "BAD_USER_INPUT", "{arguments}");
    }
}

#[tokio::test]
async fn the_default_page_has_fifty_rows_and_the_count_is_capped() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let count = async || {
        let data =
            staff.graphql("{ activities { totalCount totalCountCapped nodes { id } } }").await;
        assert!(data["activities"]["nodes"].as_array().unwrap().len() <= 50);
        (
            data["activities"]["totalCount"].as_u64().unwrap(),
            data["activities"]["totalCountCapped"].clone(),
        )
    };
    for batch in 1..=21 {
        log(&visitor, &[1; 500]).await;
        let expected = match batch {
            1 => (500, json!(false)),
            20 => (10_000, json!(false)),
            21 => (10_000, json!(true)),
            _ => continue,
        };
        assert_eq!(count().await, expected);
    }
}

#[tokio::test]
async fn a_page_with_users_and_sessions_takes_three_statements() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let mut clients = vec![app.visitor()];
    for name in ["ann", "bob", "cleo", "dora"] {
        clients.push(app.logged_in(name, "user").await);
    }
    for client in &clients {
        log(client, &[1; 60]).await;
    }
    let query = "query($first: Int, $after: String, $last: Int, $before: String) {
        activities(first: $first, after: $after, last: $last, before: $before) {
            edges { cursor node { id user { username } session { userAgent user { username } } } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let statements = "djaffar_database_statements_total{pool=\"read\"}";
    let page = async |variables: Value, rows: usize| {
        // A token that is not remembered any more would be read as well.
        staff.graphql("{ viewer { role } }").await;
        let before = app.metric(statements).await;
        let mut data = staff.graphql_with(query, variables.clone()).await;
        let taken = app.metric(statements).await - before;
        assert!(taken <= 3, "{taken} statements for {variables}");
        assert_eq!(data["activities"]["edges"].as_array().unwrap().len(), rows);
        data["activities"]["pageInfo"].take()
    };
    let first = page(json!({ "first": 200 }), 200).await;
    let second = page(json!({ "first": 200, "after": first["endCursor"] }), 100).await;
    assert_eq!((&second["hasPreviousPage"], &second["hasNextPage"]), (&json!(true), &json!(false)));
    let back = page(json!({ "last": 200, "before": second["startCursor"] }), 200).await;
    assert_eq!((&back["hasPreviousPage"], &back["hasNextPage"]), (&json!(false), &json!(true)));
}
