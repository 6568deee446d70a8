//! Many visitors within minutes, of whom nothing is counted yet.

use serde_json::{Value, json};

use super::ledger::Ledger;
use super::load::Load;
use super::rollups::check_rollups;
use super::{is_long, program, report, serve, until};
use crate::harness::{TestApp, TestDatabase};

/// 2026-11-01T00:00:00Z, as the tables know it.
const START: i64 = 1_793_491_200_000_000;
const PATHS: u64 = 10;

/// Stores two activities of each visitor, the second ones after all the first ones and all within
/// five minutes, as a process that was killed before it counted them would have left them.
async fn fill(database: &TestDatabase, visitors: u64) {
    let last = 2 * visitors;
    let numbers = if database.is_postgres() {
        format!("SELECT n FROM generate_series(1, {last}) AS numbers (n)")
    } else {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < {last}) SELECT n FROM numbers"
        )
    };
    let id = |number: &str| {
        if database.is_postgres() {
            format!("('00000000-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid")
        } else {
            format!("unhex(printf('00000000000070008000%012x', {number}))")
        }
    };
    let (activity, session) = (id("n"), id(&format!("n % {visitors}")));
    let activities = format!(
        "INSERT INTO djaffar_activity \
         (id, date, received_at, path, name, truncated, session_id, ip_address) \
         SELECT {activity}, {START} + n, {START} + n, '/products/' || (n % {PATHS}), 'view', false, \
         {session}, '192.0.2.1' FROM ({numbers}) AS numbers"
    );
    let stale = format!(
        "INSERT INTO djaffar_rollup_stale (id, level, start, held_at) \
         SELECT {activity}, 300000000, {START}, {START} FROM (SELECT 1 AS n) AS numbers"
    );
    database.execute(&activities).await;
    database.execute(&stale).await;
}

#[tokio::test]
async fn nobody_waits_until_all_visitors_are_counted() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let database = &app.database;
    let (visitors, rate) = if is_long() { (500_000, 300) } else { (55_000, 30) };
    fill(database, visitors).await;
    let server = serve(program(database)).await;
    let ledger = Ledger::default();
    let counted = format!(
        "SELECT count(*) FROM djaffar_rollup WHERE level = 86400000000 AND start = {START}"
    );
    let all_counted = until("all are counted", async || database.count(&counted).await == 1);
    let (mut tally, ()) = Load::new(&server.url, rate, &ledger).during(all_counted).await;
    tally.assert_unhindered();
    let stored = "SELECT count(*) FROM djaffar_activity WHERE path = '/'";
    assert_eq!(database.count(stored).await, ledger.acknowledged() as i64);

    let stats = "{ activityStats(where: { date: { lt: \"2026-11-02T00:00:00Z\" } }) {
        activities sessions top(by: PATH, first: 100) { value activities sessions } } }";
    let answer = staff.at(&server.url).graphql(stats).await;
    let item = |path| {
        let value = format!("/products/{path}");
        json!({ "value": value, "activities": 2 * visitors / PATHS, "sessions": visitors / PATHS })
    };
    let top: Vec<Value> = (0..PATHS).map(item).collect();
    let stats = json!({ "activities": 2 * visitors, "sessions": visitors, "top": top });
    assert_eq!(answer, json!({ "activityStats": stats }));
    check_rollups(database).await.unwrap();
    report(
        "many visitors counted at once",
        format!(
            "{visitors} visitors; {tally}; p99 {:.0?}; {} MiB",
            tally.p99(),
            server.peak_memory() >> 20
        ),
    );
}
