//! A fresh database for each test, gone at its end.

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement, TransactionTrait};

/// As long as a log-in takes that goes on.
const LOGGING_IN: Duration = Duration::from_millis(500);

pub struct TestDatabase {
    pub url: String,
    // Removes the directory when dropped.
    directory: Option<tempfile::TempDir>,
}

impl TestDatabase {
    pub async fn create() -> Self {
        // A test may hold both ends of a thousand connections.
        rlimit::increase_nofile_limit(u64::MAX).unwrap();
        match std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
            Ok(server) => Self::on(&server).await,
            Err(_) => {
                let directory = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}/test.db", directory.path().display());
                Self { url, directory: Some(directory) }
            }
        }
    }

    /// On this server of PostgreSQL.
    pub async fn on(server: &str) -> Self {
        let name = format!("djaffar_test_{}", uuid::Uuid::new_v4().simple());
        execute_on(server, &format!("CREATE DATABASE {name}")).await;
        Self { url: with_database(server, &name), directory: None }
    }

    /// Whether the tests run on PostgreSQL.
    pub fn is_on_postgres() -> bool {
        std::env::var("DJAFFAR_TEST_POSTGRES_URL").is_ok()
    }

    /// SQLite: the file.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("sqlite://").unwrap())
    }

    /// SQLite: the write-ahead log.
    pub fn wal(&self) -> PathBuf {
        PathBuf::from(format!("{}-wal", self.file().display()))
    }

    /// SQLite: no page and no index is broken.
    pub async fn check_integrity(&self) {
        if !self.is_postgres() {
            let check = self.query("PRAGMA integrity_check").await;
            assert_eq!(check[0].try_get_by_index::<String>(0).unwrap(), "ok");
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.directory.is_none()
    }

    /// For what no door shows, such as whether a secret lies in a table.
    pub async fn query(&self, sql: &str) -> Vec<QueryResult> {
        let connection = self.connect().await;
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.unwrap();
        connection.close().await.unwrap();
        rows
    }

    /// For what only time could do, such as letting a session expire.
    pub async fn execute(&self, sql: &str) {
        let connection = self.connect().await;
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    /// A number that a statement selects.
    pub async fn count(&self, sql: &str) -> i64 {
        self.query(sql).await[0].try_get_by_index(0).unwrap()
    }

    /// Keeps everybody from writing activities.
    pub async fn lock(&self) -> Lock {
        let connection = self.connect().await;
        let options = sea_orm::TransactionOptions {
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Exclusive),
            ..Default::default()
        };
        let transaction = connection.begin_with_options(options).await.unwrap();
        if self.is_postgres() {
            let lock = "LOCK TABLE djaffar_activity IN ACCESS EXCLUSIVE MODE";
            transaction.execute_unprepared(lock).await.unwrap();
        }
        Lock { transaction }
    }

    /// PostgreSQL: throws everybody out, and lets nobody in.
    pub async fn close_to_all(&self) {
        let (server, name) = (self.server(), self.name());
        execute_on(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname =";
        execute_on(&server, &format!("{others} '{name}'")).await;
    }

    /// PostgreSQL: lets everybody in again.
    pub async fn open_again(&self) {
        let (server, name) = (self.server(), self.name());
        execute_on(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    }

    /// PostgreSQL: the name of the database.
    pub fn name(&self) -> &str {
        let url = self.url.split('?').next().unwrap();
        url.rsplit('/').next().unwrap()
    }

    /// PostgreSQL: the URL of the server.
    fn server(&self) -> String {
        with_database(&self.url, "postgres")
    }

    async fn connect(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }
}

pub struct Lock {
    transaction: sea_orm::DatabaseTransaction,
}

impl Lock {
    pub async fn release(self) {
        self.transaction.rollback().await.unwrap();
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.directory.is_some() {
            return;
        }
        let (server, name) = (self.server(), self.name());
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        let (done, is_done) = std::sync::mpsc::channel();
        // A test's runtime can't be blocked on from within.
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute_on(&server, &drop));
            let _ = done.send(());
        });
        // PostgreSQL waits, up to a minute, for whoever is about to log in. If that is the service of
        // this very test, it can't go on before the test has ended, and then the database goes too.
        let _ = is_done.recv_timeout(LOGGING_IN);
    }
}

async fn execute_on(server: &str, sql: &str) {
    let connection = sea_orm::Database::connect(server).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

fn with_database(server: &str, name: &str) -> String {
    let (server, settings) = server.split_once('?').unwrap_or((server, ""));
    let (server, _) = server.rsplit_once('/').expect("a URL with the name of a database");
    format!("{server}/{name}?{settings}")
}
