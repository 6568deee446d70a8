//! What staff ask.

use std::fmt;

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
    pub bar: Option<Bar>,
    /// Whether it is asked again while activities come in.
    pub under_load: bool,
}

/// How long the slowest of a hundred answers may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    Millis(u32),
    /// And so many times what the plain SQL takes.
    Beside(u32, f64),
    /// No index helps: it is given up after the statement time.
    Cut,
}

impl Bar {
    pub fn verdict(self, p99: std::time::Duration, ratio: Option<f64>) -> &'static str {
        let in_time = |millis: u32| p99.as_secs_f64() * 1_000.0 <= f64::from(millis);
        match self {
            Self::Millis(millis) | Self::Beside(millis, _) if !in_time(millis) => "MISSED",
            Self::Beside(_, times) if ratio.is_some_and(|ratio| ratio > times) => "MISSED",
            _ => "ok",
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Millis(millis) => format!("{millis} ms"),
            Self::Beside(millis, times) => format!("{millis} ms, {times} x"),
            Self::Cut => String::new(),
        };
        formatter.pad(&text)
    }
}

const PAGE_BAR: Bar = Bar::Beside(5, 3.0);
const NARROW_BAR: Bar = Bar::Millis(50);

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

const REPORT: &str =
    "query($user: ID) { personReport(user: $user) { activities sessions tokens } }";
const ACTIVE: &str = "query($since: DateTime!) {
    users(first: 50, where: { lastSeenAt: { gte: $since } }, orderBy: { field: LAST_SEEN_AT, direction: DESC }) {
        nodes { username lastSeenAt } }
    sessions(first: 50, where: { lastSeenAt: { gte: $since } }, orderBy: { field: LAST_SEEN_AT, direction: DESC }) {
        nodes { id userAgent lastSeenAt user { username } } } }";
/// Of a hundred items before which a page begins.
const DEPTHS: [i64; 3] = [25, 50, 99];
/// Things of a kind whose pages are asked for at each depth.
const DEEP: usize = 20;

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

/// The plain SQL of a page of fifty: with the users and sessions, as in the answer.
fn fifty(condition: &str) -> String {
    format!(
        "SELECT page.*, djaffar_user.username, djaffar_session.user_agent
         FROM (SELECT * FROM djaffar_activity WHERE {condition}
               ORDER BY date DESC, id DESC LIMIT 51) AS page
         LEFT JOIN djaffar_user ON djaffar_user.id = page.user_id
         LEFT JOIN djaffar_session ON djaffar_session.id = page.session_id
         ORDER BY page.date DESC, page.id DESC"
    )
}

/// A page of fifty by a filter and the SQL of its condition.
fn page(title: &str, bar: Bar, filters: Vec<(Value, String)>) -> Question {
    Question {
        title: format!("page of 50, {title}"),
        query: PAGE.to_owned(),
        sql: filters.iter().map(|(_, condition)| vec![fifty(condition)]).collect(),
        variables: filters.into_iter().map(|(filter, _)| json!({ "where": filter })).collect(),
        bar: Some(bar),
        under_load: false,
    }
}

/// The same from the depths of each list.
async fn deep(client: &Client, sql: &Sql, title: &str, filters: &[(Value, String)]) -> Question {
    let mut question = page(&format!("{title}, after 25, 50, 99 %"), PAGE_BAR, Vec::new());
    let many = filters.len().max(1);
    for (filter, condition) in filters.iter().step_by(many.div_ceil(DEEP)) {
        let from = format!("FROM djaffar_activity WHERE {condition}");
        let count = sql.number(&format!("SELECT count(*) {from}")).await.unwrap_or_default();
        for depth in DEPTHS {
            let skipped = count * depth / 100;
            let nth =
                format!("SELECT date {from} ORDER BY date DESC, id DESC LIMIT 1 OFFSET {skipped}");
            let Some(date) = sql.number(&nth).await else { continue };
            let date = DateTime::from_timestamp_micros(date).unwrap();
            let at = json!({ "and": [filter, { "date": { "lte": date } }] });
            let (after, bound) = position(client, sql, &at).await;
            question.variables.push(json!({ "where": filter, "after": after }));
            question.sql.push(vec![fifty(&format!("{condition} AND {bound}"))]);
        }
    }
    question
}

/// The cursor of the first activity of a list, and the condition for those after it.
async fn position(client: &Client, sql: &Sql, filter: &Value) -> (Value, String) {
    let query = "query($where: ActivityFilter) { activities(first: 1, where: $where) {
        nodes { id date } pageInfo { endCursor } } }";
    let data = client.ask(query, &json!({ "where": filter })).await;
    let node = &data["activities"]["nodes"][0];
    let micros = micros(node["date"].as_str().unwrap().parse().unwrap());
    let id = sql.uuid(node["id"].as_str().unwrap());
    let cursor = data["activities"]["pageInfo"]["endCursor"].clone();
    (cursor, format!("(date, id) < ({micros}, {id})"))
}

async fn pages(client: &Client, subjects: &Subjects, sql: &Sql) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut unfiltered = page("unfiltered, at any depth", PAGE_BAR, Vec::new());
    unfiltered.under_load = true;
    for date in &subjects.dates {
        let (after, bound) = position(client, sql, &json!({ "date": { "lte": date } })).await;
        unfiltered.variables.push(json!({ "after": after }));
        unfiltered.sql.push(vec![fifty(&bound)]);
    }
    questions.push(unfiltered);
    let days = subjects.dates.iter().map(|date| {
        let end = *date + Duration::days(1);
        let condition = format!("date >= {} AND date < {}", micros(*date), micros(end));
        (json!({ "date": { "gte": date, "lt": end } }), condition)
    });
    let days: Vec<_> = days.collect();
    questions.push(deep(client, sql, "of one day", &days).await);
    questions.push(Question { under_load: false, ..page("of one day", PAGE_BAR, days) });
    let users = subjects
        .users
        .iter()
        .map(|(id, _)| (json!({ "user": { "eq": id } }), format!("user_id = {}", sql.uuid(id))));
    let users: Vec<_> = users.collect();
    questions.push(deep(client, sql, "of a user", &users).await);
    questions.push(Question { under_load: true, ..page("of a user", PAGE_BAR, users) });
    let sessions = subjects
        .sessions
        .iter()
        .map(|id| (json!({ "session": { "eq": id } }), format!("session_id = {}", sql.uuid(id))));
    let sessions: Vec<_> = sessions.collect();
    questions.push(deep(client, sql, "of a session", &sessions).await);
    questions.push(Question { under_load: false, ..page("of a session", PAGE_BAR, sessions) });
    let paths = subjects
        .paths
        .iter()
        .map(|path| (json!({ "path": { "eq": path } }), format!("path = '{path}'")));
    let paths: Vec<_> = paths.collect();
    questions.push(deep(client, sql, "of a path", &paths).await);
    questions.push(Question { under_load: false, ..page("of a path", PAGE_BAR, paths) });
    let prefix = |prefix: &str| {
        let filter = json!({ "path": { "startsWith": prefix } });
        (filter, format!("path >= '{prefix}' AND path < '{prefix}~'"))
    };
    let prefixes = ["/products/", "/categories/fern", "/blog/", "/account", "/checkout/p", "/none"];
    questions.push(page("by path prefix", NARROW_BAR, prefixes.map(prefix).to_vec()));
    let names = ["view", "click", "search", "purchase", "none"];
    let names = names.map(|name| (json!({ "name": { "eq": name } }), format!("name = '{name}'")));
    questions.push(page("by event name", NARROW_BAR, names.to_vec()));
    let addresses = ["192.0.2.17", "203.0.113.200", "10.0.0.1"].map(|address| {
        (json!({ "ipAddress": { "eq": address } }), format!("ip_address = '{address}'"))
    });
    questions.push(page("by address", NARROW_BAR, addresses.to_vec()));
    let anonymous = (json!({ "anonymous": true }), "user_id IS NULL".to_owned());
    questions.push(page("of anonymous visitors", NARROW_BAR, vec![anonymous]));
    let both = subjects.users.iter().map(|(id, _)| {
        let filter = json!({ "user": { "eq": id }, "path": { "startsWith": "/products/" } });
        let user = sql.uuid(id);
        (filter, format!("user_id = {user} AND path >= '/products/' AND path < '/products/~'"))
    });
    questions.push(page("of a user, by path prefix", NARROW_BAR, both.collect()));
    let contains = json!({ "path": { "contains": "no such thing" } });
    let condition = "path LIKE '%no such thing%'".to_owned();
    questions.push(page("where no index helps (contains)", Bar::Cut, vec![(contains, condition)]));
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
            bar: Some(NARROW_BAR),
            under_load: zone == "UTC",
        });
    }
    questions.push(Question {
        title: "everything: daily timeline, top 10, people; UTC".to_owned(),
        query: DASHBOARD.to_owned(),
        variables: vec![json!({ "zone": "UTC" })],
        sql: Vec::new(),
        bar: None,
        under_load: false,
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
        bar: None,
        under_load: false,
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
        bar: Some(Bar::Millis(20)),
        under_load: true,
    });
    questions.push(Question {
        title: "what is held on a person (personReport)".to_owned(),
        query: REPORT.to_owned(),
        variables: subjects.users.iter().map(|(id, _)| json!({ "user": id })).collect(),
        sql: subjects
            .users
            .iter()
            .map(|(id, _)| {
                let user = sql.uuid(id);
                let of_user = format!("SELECT id FROM djaffar_session WHERE user_id = {user}");
                vec![
                    format!("SELECT count(*) FROM djaffar_activity WHERE user_id = {user}"),
                    // Worded so that SQLite does not read all anonymous activities.
                    format!("SELECT count(*) FROM djaffar_activity WHERE session_id IN ({of_user}) AND COALESCE(user_id IS NULL, FALSE)"),
                ]
            })
            .collect(),
        bar: None,
        under_load: false,
    });
    let minutes = [5, 30, 120].map(|minutes| subjects.last - Duration::minutes(minutes));
    questions.push(Question {
        title: "who was active in the last 5, 30, 120 minutes".to_owned(),
        query: ACTIVE.to_owned(),
        variables: minutes.iter().map(|since| json!({ "since": since })).collect(),
        sql: minutes
            .iter()
            .map(|since| {
                let select = |table: &str| {
                    let since = micros(*since);
                    format!("SELECT * FROM {table} WHERE last_seen_at >= {since} ORDER BY last_seen_at DESC, id DESC LIMIT 51")
                };
                vec![select("djaffar_user"), select("djaffar_session")]
            })
            .collect(),
        bar: Some(NARROW_BAR),
        under_load: true,
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
        bar: Some(Bar::Millis(20)),
        under_load: false,
    });
    questions
}

fn micros(date: DateTime<Utc>) -> i64 {
    date.timestamp_micros()
}
