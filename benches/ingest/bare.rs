//! What the figures are compared with: the least that could do the job.

use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, Database, DatabaseBackend, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};
use uuid::Uuid;

const ROWS_PER_COMMIT: usize = 1_000;
const ROWS_PER_STATEMENT: usize = 100;

/// Serves 204 and nothing else, and returns the URL.
pub fn handler() -> String {
    let (address, addresses) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let handler = axum::routing::post(async || axum::http::StatusCode::NO_CONTENT);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, axum::Router::new().route("/logs", handler)).await.unwrap();
        });
    });
    format!("http://{}/logs", addresses.recv().unwrap())
}

/// Inserts rows like those of `logActivities` into the same table with the same indexes, a thousand
/// in a durable transaction, without any HTTP. Returns rows per second.
pub async fn insert_loop(url: &str, lasts: Duration) -> f64 {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(|sqlite| {
        // As durable as the program's. The log is merged less often, which suits commits of this size.
        sqlite
            .synchronous(sea_orm::sqlx::sqlite::SqliteSynchronous::Full)
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", "2500")
    });
    let connection = Database::connect(options).await.unwrap();
    let backend = connection.get_database_backend();
    let (session, user) = (Uuid::now_v7(), Uuid::now_v7());
    let start = Instant::now();
    let mut rows = 0;
    while start.elapsed() < lasts {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = connection.begin_with_options(options).await.unwrap();
        for _ in 0..ROWS_PER_COMMIT / ROWS_PER_STATEMENT {
            let mut values: Vec<Value> = Vec::new();
            for _ in 0..ROWS_PER_STATEMENT {
                let now = chrono::Utc::now().timestamp_micros();
                let path = format!("/products/{}", rows / ROWS_PER_STATEMENT);
                values.extend([Uuid::now_v7().into(), now.into(), now.into(), path.into()]);
                values.extend(["https://shop.example/".into(), "view".into(), false.into()]);
                values.extend([user.into(), session.into(), "127.0.0.1".into()]);
                rows += 1;
            }
            let statement = Statement::from_sql_and_values(backend, insert(backend), values);
            transaction.execute_raw(statement).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
    rows as f64 / start.elapsed().as_secs_f64()
}

fn insert(backend: DatabaseBackend) -> String {
    let mut number = 0;
    let mut place = || match backend {
        DatabaseBackend::Postgres => {
            number += 1;
            format!("${number}")
        }
        _ => "?".to_owned(),
    };
    let mut row = || format!("({})", (0..10).map(|_| place()).collect::<Vec<_>>().join(", "));
    let rows = (0..ROWS_PER_STATEMENT).map(|_| row()).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO djaffar_activity (id, date, received_at, path, referer, name, truncated, \
         user_id, session_id, ip_address) VALUES {rows} ON CONFLICT (id) DO NOTHING"
    )
}
