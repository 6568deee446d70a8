//! What staff ask.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::client::Client;
use crate::sql::Sql;

/// A question, about one thing after the other.
pub struct Question {
    pub title: String,
    pub query: String,
    pub variables: Vec<Value>,
    /// The statements of each answer; none: there are no plain ones.
    pub sql: Vec<Vec<String>>,
}

const PAGE: &str = "query($where: ActivityFilter, $after: String) {
    activities(first: 50, where: $where, after: $after) {
        nodes { id date path referer name user { username } session { userAgent } }
        pageInfo { hasNextPage endCursor } } }";
const DASHBOARD: &str = "query($where: ActivityFilter, $zone: String!) {
    activityStats(where: $where) { activities users sessions visitors
        timeline(bucket: DAY, timeZone: $zone) { start activities users sessions }
        top(by: PATH) { value activities } } }";
const TOP_WITH_PEOPLE: &str = "query($where: ActivityFilter) {
    activityStats(where: $where) { top(by: PATH) { value activities users sessions } } }";
const PERSON: &str = "query($name: String!) { user(username: $name) {
    lastSeenAt
    activityStats { activities sessions firstDate lastDate
        timeline(bucket: DAY) { start activities }
        paths: top(by: PATH) { value activities } devices: top(by: USER_AGENT) { value activities } }
    sessions(first: 20) { nodes { userAgent firstSeenAt duration entryPath exitPath } }
    activities(first: 50) { nodes { date path name } } } }";
const COUNT: &str =
    "query($where: ActivityFilter) { activities(where: $where, first: 0) { totalCount } }";

/// Things to ask about.
struct Subjects {
    dates: Vec<DateTime<Utc>>,
    users: Vec<(String, String)>,
    sessions: Vec<String>,
    paths: Vec<String>,
    last: DateTime<Utc>,
}

impl Subjects {
    async fn of(client: &Client) -> Self {
        let none = json!({});
        let data = client
            .ask(
                "{ users(first: 200) { nodes { id username } } sessions(first: 200) { nodes { id } }
                   activityStats { firstDate lastDate top(by: PATH, first: 200) { value } } }",
                &none,
            )
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let stats = &data["activityStats"];
        let first: DateTime<Utc> = text(&stats["firstDate"]).parse().unwrap();
        let last: DateTime<Utc> = text(&stats["lastDate"]).parse().unwrap();
        let nodes = |name: &str| data[name]["nodes"].as_array().unwrap().clone();
        Self {
            dates: (1..200).map(|part| last - (last - first) * part / 200).collect(),
            users: nodes("users")
                .iter()
                .map(|user| (text(&user["id"]), text(&user["username"])))
                .filter(|(_, name)| !name.starts_with("bench"))
                .collect(),
            sessions: nodes("sessions").iter().map(|session| text(&session["id"])).collect(),
            paths: stats["top"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| text(&item["value"]))
                .collect(),
            last,
        }
    }
}

pub async fn all(client: &Client, sql: &Sql) -> Vec<Question> {
    let subjects = Subjects::of(client).await;
    let mut questions = pages(client, &subjects, sql).await;
    questions.extend(statistics(&subjects, sql));
    questions
}

/// A page of fifty by a filter and the SQL of its condition.
fn page(title: &str, filters: Vec<(Value, String)>) -> Question {
    let statement = |condition: &str| {
        format!(
            "SELECT * FROM djaffar_activity WHERE {condition} ORDER BY date DESC, id DESC LIMIT 51"
        )
    };
    Question {
        title: format!("page of 50, {title}"),
        query: PAGE.to_owned(),
        sql: filters.iter().map(|(_, condition)| vec![statement(condition)]).collect(),
        variables: filters.into_iter().map(|(filter, _)| json!({ "where": filter })).collect(),
    }
}

async fn pages(client: &Client, subjects: &Subjects, sql: &Sql) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut deep = page("unfiltered, at any depth", Vec::new());
    for date in &subjects.dates {
        let at = json!({ "where": { "date": { "lte": date } } });
        let query = "query($where: ActivityFilter) { activities(first: 1, where: $where) { nodes { id date } pageInfo { endCursor } } }";
        let data = client.ask(query, &at).await;
        let node = &data["activities"]["nodes"][0];
        let micros = micros(node["date"].as_str().unwrap().parse().unwrap());
        let id = sql.uuid(node["id"].as_str().unwrap());
        deep.variables.push(json!({ "after": data["activities"]["pageInfo"]["endCursor"] }));
        deep.sql.push(vec![format!(
            "SELECT * FROM djaffar_activity WHERE (date, id) < ({micros}, {id}) ORDER BY date DESC, id DESC LIMIT 51"
        )]);
    }
    questions.push(deep);
    let days = subjects.dates.iter().map(|date| {
        let end = *date + Duration::days(1);
        let condition = format!("date >= {} AND date < {}", micros(*date), micros(end));
        (json!({ "date": { "gte": date, "lt": end } }), condition)
    });
    questions.push(page("of one day", days.collect()));
    let users = subjects
        .users
        .iter()
        .map(|(id, _)| (json!({ "user": { "eq": id } }), format!("user_id = {}", sql.uuid(id))));
    questions.push(page("of a user", users.collect()));
    let sessions = subjects
        .sessions
        .iter()
        .map(|id| (json!({ "session": { "eq": id } }), format!("session_id = {}", sql.uuid(id))));
    questions.push(page("of a session", sessions.collect()));
    let paths = subjects
        .paths
        .iter()
        .map(|path| (json!({ "path": { "eq": path } }), format!("path = '{path}'")));
    questions.push(page("of a path", paths.collect()));
    let prefix = |prefix: &str| {
        let filter = json!({ "path": { "startsWith": prefix } });
        (filter, format!("path >= '{prefix}' AND path < '{prefix}~'"))
    };
    let prefixes = ["/products/", "/categories/fern", "/blog/", "/account", "/checkout/p", "/none"];
    questions.push(page("by path prefix", prefixes.map(prefix).to_vec()));
    let names = ["view", "click", "search", "purchase", "none"];
    let names = names.map(|name| (json!({ "name": { "eq": name } }), format!("name = '{name}'")));
    questions.push(page("by event name", names.to_vec()));
    let addresses = ["192.0.2.17", "203.0.113.200", "10.0.0.1"].map(|address| {
        (json!({ "ipAddress": { "eq": address } }), format!("ip_address = '{address}'"))
    });
    questions.push(page("by address", addresses.to_vec()));
    let anonymous = (json!({ "anonymous": true }), "user_id IS NULL".to_owned());
    questions.push(page("of anonymous visitors", vec![anonymous]));
    let both = subjects.users.iter().map(|(id, _)| {
        let filter = json!({ "user": { "eq": id }, "path": { "startsWith": "/products/" } });
        let user = sql.uuid(id);
        (filter, format!("user_id = {user} AND path >= '/products/' AND path < '/products/~'"))
    });
    questions.push(page("of a user, by path prefix", both.collect()));
    questions
}

fn statistics(subjects: &Subjects, sql: &Sql) -> Vec<Question> {
    let mut questions = Vec::new();
    // Thirty days until a moment, as a dashboard asks for them.
    let ranges: Vec<_> = (0..50_i32)
        .map(|step| subjects.last - Duration::minutes(97) * step)
        .map(|end| (end - Duration::days(30), end))
        .collect();
    let filter =
        |(from, to): &(DateTime<Utc>, DateTime<Utc>)| json!({ "date": { "gte": from, "lt": to } });
    let within = |(from, to): &(DateTime<Utc>, DateTime<Utc>)| {
        format!("date >= {} AND date < {}", micros(*from), micros(*to))
    };
    let plain: Vec<_> = ranges
        .iter()
        .map(|range| {
            let within = within(range);
            vec![
                format!("SELECT date / 86400000000, count(*) FROM djaffar_activity WHERE {within} GROUP BY 1"),
                format!("SELECT path, count(*) FROM djaffar_activity WHERE {within} GROUP BY 1 ORDER BY 2 DESC LIMIT 10"),
                format!("SELECT count(DISTINCT user_id), count(DISTINCT session_id) FROM djaffar_activity WHERE {within}"),
            ]
        })
        .collect();
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu"] {
        let variables = ranges.iter().map(|range| json!({ "where": filter(range), "zone": zone }));
        questions.push(Question {
            title: format!("30 days: daily timeline, top 10, people; {zone}"),
            query: DASHBOARD.to_owned(),
            variables: variables.collect(),
            sql: if zone == "UTC" { plain.clone() } else { Vec::new() },
        });
    }
    questions.push(Question {
        title: "everything: daily timeline, top 10, people; UTC".to_owned(),
        query: DASHBOARD.to_owned(),
        variables: vec![json!({ "zone": "UTC" })],
        sql: Vec::new(),
    });
    questions.push(Question {
        title: "30 days: top 10 paths with users and sessions".to_owned(),
        query: TOP_WITH_PEOPLE.to_owned(),
        variables: ranges.iter().map(|range| json!({ "where": filter(range) })).collect(),
        sql: ranges
            .iter()
            .map(|range| {
                vec![format!(
                    "SELECT path, count(*), count(DISTINCT user_id), count(DISTINCT session_id) \
                     FROM djaffar_activity WHERE {} GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
                    within(range)
                )]
            })
            .collect(),
    });
    questions.push(Question {
        title: "a person's page".to_owned(),
        query: PERSON.to_owned(),
        variables: subjects.users.iter().map(|(_, name)| json!({ "name": name })).collect(),
        sql: subjects
            .users
            .iter()
            .map(|(id, _)| {
                let user = sql.uuid(id);
                let of = format!("FROM djaffar_activity WHERE user_id = {user}");
                vec![
                    format!("SELECT count(*), count(DISTINCT session_id), min(date), max(date) {of}"),
                    format!("SELECT date / 86400000000, count(*) {of} GROUP BY 1"),
                    format!("SELECT path, count(*) {of} GROUP BY 1 ORDER BY 2 DESC LIMIT 10"),
                    format!("SELECT * FROM djaffar_session WHERE user_id = {user} ORDER BY first_seen_at DESC LIMIT 20"),
                    format!("SELECT date, path, name {of} ORDER BY date DESC, id DESC LIMIT 50"),
                ]
            })
            .collect(),
    });
    let day = ranges.iter().map(|range| json!({ "where": filter(range) }));
    questions.push(Question {
        title: "capped totalCount of 30 days".to_owned(),
        query: COUNT.to_owned(),
        variables: day.collect(),
        sql: ranges
            .iter()
            .map(|range| {
                vec![format!(
                    "SELECT count(*) FROM (SELECT 1 FROM djaffar_activity WHERE {} LIMIT 10001) AS limited",
                    within(range)
                )]
            })
            .collect(),
    });
    questions
}

fn micros(date: DateTime<Utc>) -> i64 {
    date.timestamp_micros()
}
