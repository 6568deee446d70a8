//! Many visitors within minutes, of whom nothing is counted yet.

use super::ledger::Ledger;
use super::load::Load;
use super::rollups::check_rollups;
use super::{is_long, program, report, serve, until};
use crate::harness::{Program, TestDatabase};

/// Midnight, as the tables know it.
const START: i64 = 1_793_491_200_000_000;

/// Stores activities of one period, each of a session of its own, as a process that was killed before
/// it counted them would have left them.
async fn fill(database: &TestDatabase, visitors: u64) {
    let (numbers, id) = if database.is_postgres() {
        (
            format!("SELECT n FROM generate_series(1, {visitors}) AS numbers (n)"),
            "('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n < {visitors}) SELECT n FROM numbers"
            ),
            "unhex(printf('00000000000070008000%012x', n))",
        )
    };
    let activities = format!(
        "INSERT INTO djaffar_activity (id, date, received_at, path, name, truncated, session_id, ip_address) \
         SELECT {id}, {START} + n, {START} + n, '/products/' || (n % 10), 'view', false, {id}, '192.0.2.1' \
         FROM ({numbers}) AS numbers"
    );
    let stale = format!(
        "INSERT INTO djaffar_rollup_stale (id, level, start, held_at) \
         SELECT {id}, 300000000, {START}, {START} FROM (SELECT 1 AS n) AS numbers"
    );
    database.execute(&activities).await;
    database.execute(&stale).await;
}

#[tokio::test]
async fn nobody_waits_until_all_visitors_are_counted() {
    let database = TestDatabase::create().await;
    let (visitors, rate) = if is_long() { (500_000, 300) } else { (5_000, 30) };
    Program::new(&database.url).run(&["migrate"]).await.success();
    fill(&database, visitors).await;
    let server = serve(program(&database)).await;
    let ledger = Ledger::default();
    let counted = format!(
        "SELECT count(*) FROM djaffar_rollup WHERE level = 86400000000 AND activities = {visitors}"
    );
    let all_counted = until("all are counted", async || database.count(&counted).await == 1);
    let (mut tally, ()) = Load::new(&server.url, rate, &ledger).during(all_counted).await;
    tally.assert_unhindered();
    let stored = "SELECT count(*) FROM djaffar_activity WHERE path = '/'";
    assert_eq!(database.count(stored).await, ledger.acknowledged() as i64);
    check_rollups(&database).await.unwrap();
    report(
        "many visitors counted at once",
        format!(
            "{visitors} visitors; {tally}; p99 {:.0?}, {} MiB",
            tally.p99(),
            server.peak_memory() >> 20
        ),
    );
}
