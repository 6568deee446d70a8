//! Whether what is counted in advance is right.

use std::collections::HashMap;

use sea_orm::QueryResult;

use super::program;
use crate::harness::TestDatabase;

/// Of what can be relied on: which period, and everything that is counted of it.
const RELIABLE: [&str; 2] = [
    "SELECT level, start, CAST(-1 AS BIGINT) AS dimension, activities, first, last, users, sessions, user_sessions
     FROM djaffar_rollup AS rolled",
    "SELECT level, start, dimension, CAST(0 AS BIGINT) AS activities, CAST(0 AS BIGINT) AS first,
     CAST(0 AS BIGINT) AS last, users, sessions, counts AS user_sessions FROM djaffar_rollup_item AS rolled",
];
const STALE: &str = "EXISTS (SELECT 1 FROM djaffar_rollup_stale AS stale \
    WHERE stale.level <= rolled.level \
    AND stale.start >= rolled.start AND stale.start < rolled.start + rolled.level)";

type Key = (i64, i64, i64);
/// Without the numbers of the terms: those that nothing is counted of any more are forgotten, also
/// while everything is counted anew, and come back with other numbers.
type Counts = (i64, i64, i64, Vec<[u64; 3]>);

/// What can be relied on equals a recount: one by plain SQL, and one by the service itself.
pub async fn check_rollups(database: &TestDatabase) -> Result<(), String> {
    let wrong = format!(
        "SELECT count(*) FROM djaffar_rollup AS rolled \
         WHERE activities <> (SELECT count(*) FROM djaffar_activity \
             WHERE date >= rolled.start AND date < rolled.start + rolled.level) AND NOT {STALE}"
    );
    let wrong = database.count(&wrong).await;
    if wrong > 0 {
        return Err(format!("{wrong} periods are counted wrong"));
    }
    let forgotten = "SELECT count(*) FROM djaffar_activity AS activity \
        WHERE NOT EXISTS (SELECT 1 FROM djaffar_rollup AS rolled WHERE level = 300000000 \
            AND rolled.start <= activity.date AND rolled.start > activity.date - 300000000) \
        AND NOT EXISTS (SELECT 1 FROM djaffar_rollup_stale AS stale WHERE level = 300000000 \
            AND stale.start <= activity.date AND stale.start > activity.date - 300000000)";
    let forgotten = database.count(forgotten).await;
    if forgotten > 0 {
        return Err(format!("{forgotten} activities are in no count"));
    }
    let before = reliable(database).await;
    program(database).run(&["stats", "rebuild"]).await.success();
    let after = reliable(database).await;
    let differs = |(key, counts): &(&Key, &Counts)| after.get(*key).is_some_and(|is| is != *counts);
    match before.iter().find(differs) {
        None => Ok(()),
        Some((key, counts)) => Err(format!("{key:?} was {counts:?}, and is {:?}", after[key])),
    }
}

async fn reliable(database: &TestDatabase) -> HashMap<Key, Counts> {
    let mut reliable = HashMap::new();
    for select in RELIABLE {
        let rows = database.query(&format!("{select} WHERE NOT {STALE}")).await;
        reliable.extend(rows.iter().map(counted));
    }
    reliable
}

fn counted(row: &QueryResult) -> (Key, Counts) {
    let number = |name: &str| row.try_get::<i64>("", name).unwrap();
    let numbers = |name: &str| unpacked(&row.try_get::<Vec<u8>>("", name).unwrap());
    let key = (number("level"), number("start"), number("dimension"));
    let sizes = if key.2 < 0 {
        vec![["users", "sessions", "user_sessions"].map(|name| numbers(name).len() as u64)]
    } else {
        // Of each term its number, how often it came, and how many bytes its users and sessions take.
        let bytes = |name: &str| row.try_get::<Vec<u8>>("", name).unwrap();
        let (counts, users, sessions) =
            (numbers("user_sessions"), bytes("users"), bytes("sessions"));
        let (mut users, mut sessions) = (users.as_slice(), sessions.as_slice());
        let mut take = |term: &[u64]| {
            let of = |set: &mut &[u8], many: u64| {
                unpacked(set.split_off(..many as usize).unwrap()).len() as u64
            };
            [term[1], of(&mut users, term[2]), of(&mut sessions, term[3])]
        };
        let mut terms: Vec<_> = counts.chunks(4).map(&mut take).collect();
        assert!(users.is_empty() && sessions.is_empty());
        terms.sort();
        terms
    };
    (key, (number("activities"), number("first"), number("last"), sizes))
}

/// The numbers that lie one after the other, each with seven bits to the byte.
fn unpacked(bytes: &[u8]) -> Vec<u64> {
    let is_last = |byte: &u8| byte & 0x80 == 0;
    let number = |bytes: &[u8]| {
        bytes.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
    };
    bytes.split_inclusive(is_last).map(number).collect()
}
