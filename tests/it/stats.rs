//! What activities come to, beside what is found by counting them one by one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::harness::{Client, TestApp};

const STATS: &str = "query($where: ActivityFilter) { activityStats(where: $where) {
    activities users sessions visitors isExact firstDate lastDate
    hours: timeline(bucket: HOUR, timeZone: \"Australia/Lord_Howe\") { ...bucket }
    days: timeline(bucket: DAY, timeZone: \"Asia/Kathmandu\") { ...bucket }
    utc: timeline(bucket: DAY) { ...bucket }
    berlin: timeline(bucket: DAY, timeZone: \"Europe/Berlin\") { ...bucket }
    weeks: timeline(bucket: WEEK, timeZone: \"America/New_York\") { ...bucket }
    months: timeline(bucket: MONTH, timeZone: \"Europe/Berlin\") { ...bucket }
    path: top(by: PATH, first: 200) { ...item }
    referer: top(by: REFERER, first: 200) { ...item }
    host: top(by: REFERER_HOST, first: 200) { ...item }
    name: top(by: NAME, first: 200) { ...item }
    user: top(by: USER, first: 200) { user { username } ...item }
    agent: top(by: USER_AGENT, first: 200) { ...item }
    utcAlone: timeline(bucket: DAY) { start activities }
    pathAlone: top(by: PATH, first: 200) { value activities }
} }
fragment bucket on TimelineBucket { start end activities users sessions }
fragment item on TopItem { value activities users sessions }";

/// What happened on the days around a change of clocks, by two users and three visitors.
async fn seed(app: &TestApp) -> Client {
    let staff = app.staff().await;
    let people = [
        app.logged_in("jeff", "user").await,
        app.logged_in("ann", "user").await,
        app.visitor(),
        app.visitor(),
        app.visitor(),
    ];
    let mut random = StdRng::seed_from_u64(20_261_123);
    for round in 0..4 {
        for person in &people {
            let activities: Vec<_> = (0..30).map(|_| activity(&mut random)).collect();
            log(person, &activities).await;
        }
        if round == 1 {
            // Whoever logs in has been here before.
            app.make_user("late", "user").await;
            people[4].log_in("late", crate::harness::PASSWORD).await;
        }
    }
    staff
}

fn activity(random: &mut StdRng) -> Value {
    activity_since("2026-10-22T00:00:00Z", random)
}

fn activity_since(start: &str, random: &mut StdRng) -> Value {
    let start: DateTime<Utc> = start.parse().unwrap();
    let seconds = random.random_range(0..6 * 86_400);
    // Often on the very edge of five minutes.
    let seconds = if random.random_bool(0.2) { seconds / 300 * 300 } else { seconds };
    let date = start + chrono::Duration::seconds(seconds);
    let referer = [
        Value::Null,
        json!("/relative"),
        json!("https://a.example/x"),
        json!("https://a.example:8443/y?q=1"),
        json!("http://b.example"),
    ];
    json!({
        "id": uuid::Uuid::from_u128(random.random()),
        "date": date,
        "path": format!("/{}", random.random_range(0..12)),
        "referer": referer[random.random_range(0..referer.len())],
        "name": if random.random_bool(0.7) { "view" } else { "click" },
    })
}

pub async fn log(client: &Client, activities: &[Value]) {
    let query = "mutation($activities: [LogActivityInput!]!) {
        logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
    client.graphql_with(query, json!({ "activities": activities })).await;
}

/// An activity as staff see it.
struct Seen {
    date: DateTime<Utc>,
    path: String,
    referer: Option<String>,
    name: String,
    user: Option<String>,
    session: String,
    agent: String,
}

/// All activities that a filter lets through, page by page.
async fn all(staff: &Client, filter: &Value) -> Vec<Seen> {
    let query = "query($where: ActivityFilter, $after: String) {
        activities(where: $where, first: 200, after: $after) {
            nodes { date path referer name user { username } session { id userAgent } }
            pageInfo { hasNextPage endCursor } } }";
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let data = staff.graphql_with(query, json!({ "where": filter, "after": after })).await;
        let page = &data["activities"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| Seen {
            date: node["date"].as_str().unwrap().parse().unwrap(),
            path: text(&node["path"]).unwrap(),
            referer: text(&node["referer"]),
            name: text(&node["name"]).unwrap(),
            user: text(&node["user"]["username"]),
            session: text(&node["session"]["id"]).unwrap(),
            agent: text(&node["session"]["userAgent"]).unwrap(),
        }));
        if page["pageInfo"]["hasNextPage"] == false {
            return seen;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

fn counts<'a>(seen: impl Iterator<Item = &'a Seen>) -> Value {
    let (mut activities, mut users, mut sessions) = (0, BTreeSet::new(), BTreeSet::new());
    for one in seen {
        activities += 1;
        users.extend(one.user.as_ref());
        sessions.insert(&one.session);
    }
    json!({ "activities": activities, "users": users.len(), "sessions": sessions.len() })
}

/// The part of an answer that `counts` makes.
fn counted(answer: &Value) -> Value {
    let [activities, users, sessions] =
        ["activities", "users", "sessions"].map(|name| answer[name].clone());
    json!({ "activities": activities, "users": users, "sessions": sessions })
}

/// Compares the statistics of a filter with a count of what it lets through; returns how many.
async fn compare(staff: &Client, filter: &Value) -> usize {
    let seen = all(staff, filter).await;
    let stats = staff.graphql_with(STATS, json!({ "where": filter })).await["activityStats"].take();
    assert_eq!(counted(&stats), counts(seen.iter()), "{filter}");
    let users: BTreeSet<_> = seen.iter().filter_map(|one| one.user.as_ref()).collect();
    let sessions: BTreeSet<_> = seen.iter().map(|one| &one.session).collect();
    let of_users: BTreeSet<_> =
        seen.iter().filter(|one| one.user.is_some()).map(|one| &one.session).collect();
    assert_eq!(stats["visitors"], users.len() + sessions.difference(&of_users).count());
    assert_eq!(stats["isExact"], true);
    let date = |value: &Value| value.as_str().map(|date| date.parse::<DateTime<Utc>>().unwrap());
    assert_eq!(date(&stats["firstDate"]), seen.iter().map(|one| one.date).min());
    assert_eq!(date(&stats["lastDate"]), seen.iter().map(|one| one.date).max());

    for timeline in ["hours", "days", "utc", "berlin", "weeks", "months"] {
        let buckets = stats[timeline].as_array().unwrap();
        let mut end = None;
        for bucket in buckets {
            let (from, to) = (date(&bucket["start"]), date(&bucket["end"]));
            assert!(end.is_none() || end == from, "{timeline} has a gap");
            end = to;
            let within = seen.iter().filter(|one| from <= Some(one.date) && Some(one.date) < to);
            assert_eq!(counted(bucket), counts(within), "{timeline} {bucket} {filter}");
        }
        let sum: u64 = buckets.iter().map(|bucket| bucket["activities"].as_u64().unwrap()).sum();
        assert_eq!(sum as usize, seen.len(), "{timeline} {filter}");
    }

    // Without people it is counted in another way.
    for (alone, key, with_people) in [("utcAlone", "start", "utc"), ("pathAlone", "value", "path")]
    {
        let pick = |item: &Value| (item[key].clone(), item["activities"].clone());
        let list =
            |name: &str| -> Vec<_> { stats[name].as_array().unwrap().iter().map(pick).collect() };
        assert_eq!(list(alone), list(with_people), "{filter}");
    }

    let host = |one: &Seen| {
        let (_, rest) = one.referer.as_ref()?.split_once("://")?;
        rest.split(['/', ':']).next().map(str::to_owned)
    };
    let value = |dimension: &str, one: &Seen| match dimension {
        "path" => Some(one.path.clone()),
        "referer" => one.referer.clone(),
        "host" => host(one),
        "name" => Some(one.name.clone()),
        "user" => one.user.clone(),
        _ => Some(one.agent.clone()),
    };
    for dimension in ["path", "referer", "host", "name", "user", "agent"] {
        let mut groups: BTreeMap<String, Vec<&Seen>> = BTreeMap::new();
        for one in &seen {
            if let Some(value) = value(dimension, one) {
                groups.entry(value).or_default().push(one);
            }
        }
        let mut expected: Vec<_> = groups
            .into_iter()
            .map(|(value, group)| (group.len(), value, counts(group.into_iter())))
            .collect();
        expected.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let items = stats[dimension].as_array().unwrap();
        let found: Vec<_> =
            items.iter().map(|item| (item["value"].as_str().unwrap(), counted(item))).collect();
        let expected: Vec<_> =
            expected.iter().map(|(_, value, counts)| (value.as_str(), counts.clone())).collect();
        assert_eq!(found, expected, "{dimension} {filter}");
        if dimension == "user" {
            assert!(items.iter().all(|item| item["user"]["username"] == item["value"]));
        }
    }
    seen.len()
}

/// Ranges of time, which rollups answer, and other filters, which the log does.
fn filters() -> Vec<Value> {
    vec![
        json!(null),
        json!({}),
        json!({ "date": { "gte": "2026-10-23T00:00:00Z", "lt": "2026-10-27T00:00:00Z" } }),
        json!({ "date": { "gt": "2026-10-23T11:17:03.25Z", "lte": "2026-10-26T09:30:00Z" } }),
        json!({ "and": [{ "date": { "gte": "2026-10-24T18:00:00Z" } }, { "date": { "lt": "2026-10-25T02:45:00Z" } }] }),
        json!({ "date": { "lt": "2026-10-24T12:00:00Z" } }),
        json!({ "date": { "gte": "2026-10-24T12:00:00Z", "lt": "2026-10-24T12:00:00Z" } }),
        json!({ "date": { "gte": "2026-10-25T12:00:00Z" }, "name": { "eq": "click" } }),
        json!({ "path": { "in": ["/1", "/2"] } }),
        json!({ "anonymous": true }),
        json!({ "userAgent": { "startsWith": "Test" } }),
        json!({ "or": [{ "date": { "lt": "2026-10-23T00:00:00Z" } }, { "path": { "eq": "/3" } }] }),
        json!({ "not": { "name": { "eq": "view" } } }),
        json!({ "path": { "eq": "/nowhere" } }),
    ]
}

#[tokio::test]
async fn statistics_agree_with_a_count_before_and_after_they_are_rolled_up() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    for filter in filters() {
        compare(&staff, &filter).await;
    }

    app.djaffar.shutdown().await;
    app.program().run(&["stats", "rebuild"]).await.success();
    assert_eq!(app.database.count("SELECT count(*) FROM djaffar_rollup_stale").await, 0);
    assert!(app.database.count("SELECT count(*) FROM djaffar_rollup").await > 100);
    let (_node, url) = app.another_node().await;
    let staff = staff.at(&url);
    let mut before = Vec::new();
    for filter in filters() {
        before.push(compare(&staff, &filter).await);
    }
    assert_eq!(before[0], 600);

    // Late ones correct what was counted; those that were there already do not.
    let late = app.visitor().at(&url);
    let mut random = StdRng::seed_from_u64(7);
    let activities: Vec<_> = (0..20).map(|_| activity(&mut random)).collect();
    for _ in 0..2 {
        log(&late, &activities).await;
    }
    let query =
        "{ activities(first: 200, where: { name: { eq: \"view\" } }) { nodes { id date path } } }";
    let again = staff.graphql(query).await["activities"]["nodes"].take();
    log(&late, again.as_array().unwrap()).await;
    for filter in filters() {
        compare(&staff, &filter).await;
    }
    assert_eq!(compare(&staff, &json!(null)).await, 620);
}

#[tokio::test]
async fn what_an_older_version_has_counted_is_counted_anew() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    app.djaffar.shutdown().await;
    app.program().run(&["stats", "rebuild"]).await.success();
    // It counted by quarters of an hour.
    for table in ["djaffar_rollup", "djaffar_rollup_item"] {
        let older = format!("UPDATE {table} SET level = 900000000 WHERE level = 300000000");
        app.database.execute(&older).await;
    }
    let migration = "DELETE FROM djaffar_migration WHERE version LIKE '%_count_five_minutes'";
    app.database.execute(migration).await;

    let (_node, url) = app.another_node().await;
    let staff = staff.at(&url);
    for filter in filters() {
        compare(&staff, &filter).await;
    }
    let older = "SELECT count(*) FROM djaffar_rollup WHERE level = 900000000";
    assert_eq!(app.database.count(older).await, 0);
}

#[tokio::test]
async fn days_of_23_and_25_hours_are_counted_whole() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let mut random = StdRng::seed_from_u64(25);
    // Europe/Berlin puts its clocks forward on March 29 and back on October 25.
    let switches = [("2026-03-27", "2026-03-31", 23), ("2026-10-23", "2026-10-27", 25)];
    for (from, _, _) in switches {
        let start = format!("{from}T12:00:00Z");
        let activities: Vec<_> = (0..400).map(|_| activity_since(&start, &mut random)).collect();
        log(&visitor, &activities).await;
    }
    let agree = async |staff: &Client| {
        for (from, to, hours) in switches {
            let range =
                json!({ "gte": format!("{from}T23:00:00Z"), "lt": format!("{to}T22:00:00Z") });
            let filter = json!({ "date": range });
            assert!(compare(staff, &filter).await > 100);
            let stats = staff.graphql_with(STATS, json!({ "where": filter })).await;
            let days = stats["activityStats"]["berlin"].as_array().unwrap().clone();
            let at = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
            let long = |day: &Value| (at(&day["end"]) - at(&day["start"])).num_hours();
            assert!(
                days.iter().any(|day| long(day) == hours && day["activities"] != 0),
                "{days:?}"
            );
        }
    };
    agree(&staff).await;
    app.djaffar.shutdown().await;
    app.program().run(&["stats", "rebuild"]).await.success();
    let (_node, url) = app.another_node().await;
    agree(&staff.at(&url)).await;
}

#[tokio::test]
async fn what_is_gone_from_the_log_is_counted_and_known_no_more() {
    let app = TestApp::start().await;
    let staff = seed(&app).await;
    app.djaffar.shutdown().await;
    app.program().run(&["stats", "rebuild"]).await.success();
    // As only somebody can who changes tables by hand.
    app.database.execute("DELETE FROM djaffar_activity WHERE path IN ('/1', '/2')").await;
    let terms = "SELECT count(*) FROM djaffar_rollup_term WHERE kind = 0";
    assert_eq!(app.database.count(terms).await, 12);
    app.program().run(&["stats", "rebuild"]).await.success();
    assert_eq!(app.database.count(terms).await, 10);
    let (_node, url) = app.another_node().await;
    for filter in filters() {
        compare(&staff.clone().at(&url), &filter).await;
    }
}

#[tokio::test]
async fn an_empty_log_comes_to_nothing() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for filter in filters() {
        assert_eq!(compare(&staff, &filter).await, 0);
    }
    // Empty buckets are there all the same where the range says which.
    let query = "{ activityStats(where: { date: { gte: \"2026-01-01T00:00:00Z\", lt: \"2026-01-04T00:00:00Z\" } })
        { activities firstDate timeline(bucket: DAY) { start activities } top(by: PATH) { value } } }";
    let stats = staff.graphql(query).await["activityStats"].take();
    assert_eq!(stats["firstDate"], Value::Null);
    assert_eq!(stats["top"], json!([]));
    let starts: Vec<_> =
        stats["timeline"].as_array().unwrap().iter().map(|bucket| &bucket["start"]).collect();
    assert_eq!(
        json!(starts),
        json!([
            "2026-01-01T00:00:00+00:00",
            "2026-01-02T00:00:00+00:00",
            "2026-01-03T00:00:00+00:00"
        ])
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    app.visitor().log("/").await;
    for field in [
        "timeline(bucket: DAY, timeZone: \"Atlantis\") { start }",
        "top(by: PATH, first: -1) { value }",
        "top(by: PATH, first: 201) { value }",
    ] {
        let query = format!("{{ activityStats {{ {field} }} }}");
        assert_eq!(staff.graphql_error(&query).await, "BAD_USER_INPUT", "{field}");
    }
    let many = "{ activityStats(where: { date: { gte: \"0001-01-01T00:00:00Z\" } }) { timeline(bucket: DAY) { start } } }";
    assert_eq!(staff.graphql_error(many).await, "BAD_USER_INPUT");
}

/// The longest timelines make the longest statements.
#[tokio::test]
async fn a_timeline_of_a_filter_may_have_two_thousand_buckets() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let activity =
        |minute: &str| json!({ "path": "/", "date": format!("2026-03-01T{minute}:30Z") });
    log(&app.visitor(), &[activity("00:00"), activity("10:17"), activity("10:17")]).await;
    let query = "query($where: ActivityFilter) { activityStats(where: $where) {
        timeline(bucket: MINUTE) { start activities sessions } } }";
    for minutes in [1, 3, 4, 618, 1_999, 2_000] {
        let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let range = json!({ "gte": start, "lt": start + chrono::Duration::minutes(minutes) });
        let filter = json!({ "path": { "eq": "/" }, "date": range });
        let data = staff.graphql_with(query, json!({ "where": filter })).await;
        let buckets = data["activityStats"]["timeline"].as_array().unwrap().clone();
        assert_eq!(buckets.len() as i64, minutes);
        for (minute, bucket) in buckets.iter().enumerate() {
            let expected = match minute {
                0 => (1, 1),
                617 => (2, 1),
                _ => (0, 0),
            };
            let counted = (&bucket["activities"], &bucket["sessions"]);
            assert_eq!(counted, (&json!(expected.0), &json!(expected.1)), "{minute} of {minutes}");
        }
    }
}

#[tokio::test]
async fn statistics_are_for_staff_and_for_the_user_they_are_of() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    let ann = app.logged_in("ann", "user").await;
    for client in [&jeff, &jeff, &ann] {
        client.log("/").await;
    }
    let query = "{ activityStats { activities } }";
    assert_eq!(staff.graphql(query).await["activityStats"]["activities"], 3);
    assert_eq!(jeff.graphql_error(query).await, "FORBIDDEN");
    assert_eq!(app.visitor().graphql_error(query).await, "UNAUTHENTICATED");

    let own =
        "{ viewer { user { activityStats { activities users top(by: PATH) { value sessions } } }
        session { duration entryPath exitPath activityStats { activities } } } }";
    let viewer = jeff.graphql(own).await["viewer"].take();
    let stats = json!({ "activities": 2, "users": 1, "top": [{ "value": "/", "sessions": 1 }] });
    assert_eq!(viewer["user"]["activityStats"], stats);
    assert_eq!(viewer["session"]["activityStats"]["activities"], 2);

    let id = staff.graphql("{ user(username: \"ann\") { id } }").await["user"]["id"].clone();
    let of_ann =
        format!("{{ node(id: {id}) {{ ... on User {{ activityStats {{ activities }} }} }} }}");
    assert_eq!(staff.graphql(&of_ann).await["node"]["activityStats"]["activities"], 1);
    assert_eq!(jeff.graphql(&of_ann).await["node"], Value::Null);
}

#[tokio::test]
async fn a_session_tells_how_it_went() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    let at = |date: &str, path: &str| json!({ "date": date, "path": path });
    let course = [
        at("2026-01-01T10:00:30Z", "/between"),
        at("2026-01-01T10:00:00Z", "/in"),
        at("2026-01-01T10:01:30.5Z", "/out"),
    ];
    log(&visitor, &course).await;
    app.visitor().log("/alone").await;
    let query =
        "{ sessions { nodes { duration entryPath exitPath activityStats { activities } } } }";
    let data = staff.graphql(query).await;
    assert_eq!(
        data["sessions"]["nodes"],
        json!([
            { "duration": 0.0, "entryPath": "/alone", "exitPath": "/alone", "activityStats": { "activities": 1 } },
            { "duration": 90.5, "entryPath": "/in", "exitPath": "/out", "activityStats": { "activities": 3 } },
        ])
    );
}
