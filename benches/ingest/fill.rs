//! A log that has been kept for ninety days.

use sea_orm::{ConnectionTrait, Database, DatabaseBackend, Statement};

/// Fills the database with so many activities of 50,000 users in 400,000 sessions on 20,000 paths.
///
/// The indexes are dropped and made anew, which is faster; the file grows by half a gigabyte for
/// each million.
pub async fn fill(url: &str, rows: u64) {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await.unwrap();
    let backend = connection.get_database_backend();
    let is_postgres = backend == DatabaseBackend::Postgres;
    let definitions = match backend {
        DatabaseBackend::Postgres => {
            connection
                .execute_unprepared(
                    "SET synchronous_commit = off; SET maintenance_work_mem = '1GB'",
                )
                .await
                .unwrap();
            "SELECT indexname AS name, indexdef AS definition FROM pg_indexes \
             WHERE tablename = 'djaffar_activity' AND indexname NOT LIKE '%pkey'"
        }
        _ => {
            connection
                .execute_unprepared("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000")
                .await
                .unwrap();
            "SELECT name, sql AS definition FROM sqlite_master \
             WHERE type = 'index' AND tbl_name = 'djaffar_activity' AND sql IS NOT NULL"
        }
    };
    let statement = Statement::from_string(backend, definitions);
    let indexes: Vec<(String, String)> = connection
        .query_all_raw(statement)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.try_get("", "name").unwrap(), row.try_get("", "definition").unwrap()))
        .collect();
    for (name, _) in &indexes {
        connection.execute_unprepared(&format!("DROP INDEX {name}")).await.unwrap();
    }
    const STEP: u64 = 1_000_000;
    for start in (0..rows).step_by(STEP as usize) {
        let end = (start + STEP).min(rows);
        let sql = insert(is_postgres, start, end, rows);
        connection.execute_unprepared(&sql).await.unwrap();
    }
    for (_, definition) in indexes {
        connection.execute_unprepared(&definition).await.unwrap();
    }
    let end = if is_postgres {
        "VACUUM ANALYZE djaffar_activity; CHECKPOINT"
    } else {
        "ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)"
    };
    for statement in end.split("; ") {
        connection.execute_unprepared(statement).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// Rows `start..end` of `rows`, the oldest first; ids in the layout of UUIDv7.
fn insert(is_postgres: bool, start: u64, end: u64, rows: u64) -> String {
    let numbers = if is_postgres {
        format!("SELECT n FROM generate_series({start}::bigint, {end} - 1) AS numbers (n)")
    } else {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}) SELECT n FROM numbers"
        )
    };
    let date = format!("1788000000000000 + n * (90 * 86400000000 / {rows})");
    // A multiplicative hash spreads the numbers.
    let hashed = |factor: u64, many: u64| format!("((n * {factor}) % 2147483647) % {many}");
    let (id, session, user) = if is_postgres {
        (
            format!(
                "(lpad(to_hex(({date}) / 1000), 12, '0') || '7' || '000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid"
            ),
            format!(
                "('00000000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid",
                hashed(48_271, 400_000)
            ),
            format!(
                "('00000000-0000-7000-8001-' || lpad(to_hex({}), 12, '0'))::uuid",
                hashed(69_621, 50_000)
            ),
        )
    } else {
        (
            format!("unhex(printf('%012x70008000%012x', ({date}) / 1000, n))"),
            format!("unhex(printf('00000000000070008000%012x', {}))", hashed(48_271, 400_000)),
            format!("unhex(printf('00000000000070008001%012x', {}))", hashed(69_621, 50_000)),
        )
    };
    let path = format!("'/products/' || ({})", hashed(16_807, 20_000));
    format!(
        "INSERT INTO djaffar_activity (id, date, received_at, path, referer, name, truncated, user_id, session_id, ip_address) \
         SELECT {id}, {date}, {date}, {path}, 'https://shop.example/', 'view', {}, \
         CASE WHEN n % 4 = 0 THEN NULL ELSE {user} END, {session}, '192.0.2.' || (n % 256) FROM ({numbers}) AS numbers",
        if is_postgres { "false" } else { "0" },
    )
}
