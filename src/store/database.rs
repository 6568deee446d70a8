//! Connections to the database, and its migrations.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use djaffar_migration::{Migrator, MigratorTrait};
use sea_orm::sqlx;
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, Statement,
};
use tokio::time::timeout;

use super::insert::MAX_SQLITE_ROWS;
use super::transaction::begin_alone;
use crate::error::{Error, is_locked};

/// How long a statement waits for a connection before the caller is told to come back.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a writer waits for another process that writes to the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A SQLite file that another process makes or leaves is tried again.
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// After this PostgreSQL gives up a statement of the writer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(8);
/// After this a statement that reads is given up, unless the operator says otherwise.
const READ_TIMEOUT: Duration = Duration::from_secs(8);
/// So many instructions of SQLite's virtual machine, some 100 µs, pass between two looks at the clock.
const INSTRUCTIONS: i32 = 10_000;
/// A connection idle for longer is tried before it is used.
const PING_AFTER: Duration = Duration::from_secs(30);
/// A commit that finds the write-ahead log of SQLite so many pages of 4 KiB long copies into the file
/// what [`super::checkpoint`] has not copied yet; the next one begins the log anew. With 1,000 and with
/// 4,000 the throughput is lower and the p99 higher (new visitors, two million rows).
const LOG_PAGES: &str = "2000";
/// On SQLite an insert of each number of rows into each of three tables is a statement of its own;
/// and a few others.
const STATEMENT_CACHE: usize = 3 * MAX_SQLITE_ROWS + 64;
/// Rows of SQLite that wait for whoever reads them; with the default of 50 a long result has the two
/// threads wait for each other all the time.
const ROWS_WAITING: usize = 1_000;
const READERS: u32 = 8;
/// For what every request needs, such as who the caller is: it never waits for those who read much.
const LOOKUPS: u32 = 4;
/// On PostgreSQL: the writer task, and administration beside it.
const WRITERS: u32 = 4;
/// How SQLite makes an index of a long log: what it sorts lies in files, and two threads sort it. In
/// memory ten million rows would take 1.5 GB.
const MIGRATING: &str = "PRAGMA temp_store = file; PRAGMA cache_size = -65536; PRAGMA threads = 1";
/// The settings of the writer again.
const WRITING: &str = "PRAGMA temp_store = memory; PRAGMA cache_size = -2000; PRAGMA threads = 0; \
                       PRAGMA shrink_memory";
/// Any constant will do, as long as every version uses the same one.
const MIGRATION_LOCK: i64 = 0x646A_6166_6661_7231;

/// An open database: one writing and several reading connections, some of them for look-ups by a key.
///
/// `sqlite://path/to/file.db` is opened in WAL mode with `synchronous=FULL` and made if it is not
/// there; `postgres://user:password@host/name` must exist. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) read: DatabaseConnection,
    pub(crate) lookup: DatabaseConnection,
    pub(crate) write: DatabaseConnection,
    /// Of SQLite alone.
    pub(crate) checkpoint: Option<DatabaseConnection>,
    pub(crate) read_timeout: Duration,
}

impl Database {
    /// Opens the database at `url`.
    ///
    /// # Errors
    ///
    /// If the URL is neither of SQLite nor of PostgreSQL, or if the database can't be opened; a sentence
    /// says why, without the password.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, READ_TIMEOUT).await
    }

    /// Opens the database at `url`; a statement that reads for longer than `read_timeout` is given up.
    ///
    /// # Errors
    ///
    /// As of [`Database::connect`].
    pub async fn connect_with(url: &str, read_timeout: Duration) -> Result<Self, Error> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(unreadable)?;
            if url.contains(":memory:") || url.contains("mode=memory") {
                return Err(Error::bad_input("A database in memory keeps nothing; name a file."));
            }
            let what = options.get_filename().display().to_string();
            let opened = Self::open_sqlite(url, read_timeout).await;
            opened.map_err(|cause| Error::Unopened { what, cause: cause.to_string() })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(unreadable)?;
            match Self::open_postgres(url, read_timeout).await {
                Ok(database) => Ok(database),
                Err(error) => Err(unreached(&options, &error).await),
            }
        } else {
            Err(Error::bad_input("The database URL must start with sqlite: or postgres:"))
        }
    }

    /// The file of SQLite that a URL names, if it is not there yet.
    pub(crate) fn missing_file(url: &str) -> Option<PathBuf> {
        if !url.starts_with("sqlite:") {
            return None;
        }
        let options = SqliteConnectOptions::from_str(url).ok()?;
        let file = options.get_filename();
        let is_path = !file.to_string_lossy().starts_with("file:");
        (is_path && !file.exists()).then(|| file.to_owned())
    }

    async fn open_sqlite(url: &str, read_timeout: Duration) -> Result<Self, DbErr> {
        // The writer comes first: it makes the file and sets the journal mode.
        let write = open_sqlite(url, Role::Writer).await?;
        sort_beside(&write).await?;
        let read = open_sqlite(url, Role::reader(read_timeout)).await?;
        let lookup = open_sqlite(url, Role::LOOKER).await?;
        let checkpoint = Some(sea_orm::Database::connect(checkpointer(url)).await?);
        Ok(Self { read, lookup, write, checkpoint, read_timeout })
    }

    async fn open_postgres(url: &str, read_timeout: Duration) -> Result<Self, DbErr> {
        let write = sea_orm::Database::connect(postgres(url, Role::Writer)).await?;
        let read = sea_orm::Database::connect(postgres(url, Role::reader(read_timeout))).await?;
        let lookup = sea_orm::Database::connect(postgres(url, Role::LOOKER)).await?;
        Ok(Self { read, lookup, write, checkpoint: None, read_timeout })
    }

    /// Brings the tables up to date.
    ///
    /// Safe to call from several processes at once: the first one works, the others wait for it.
    ///
    /// # Errors
    ///
    /// If the database can't be reached or refuses a statement; nothing is changed then.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.apply(None).await
    }

    /// The same, but a new database gets its tables alone: the log is filled faster without indexes,
    /// which [`Database::migrate`] then adds.
    #[cfg(feature = "cli")]
    pub(crate) async fn migrate_to_fill(&self) -> Result<(), Error> {
        let is_new = self.migrations().await?.iter().all(|(_, is_applied)| !is_applied);
        self.apply(is_new.then_some(Migrator::TABLES)).await
    }

    async fn apply(&self, most: Option<u32>) -> Result<(), Error> {
        if self.backend() == DatabaseBackend::Postgres {
            return self.apply_alone(most).await;
        }
        self.write.execute_unprepared(MIGRATING).await?;
        let applied = self.apply_alone(most).await;
        self.write.execute_unprepared(WRITING).await?;
        applied
    }

    async fn apply_alone(&self, most: Option<u32>) -> Result<(), Error> {
        let transaction = begin_alone(&self.write).await?;
        if self.backend() == DatabaseBackend::Postgres {
            let lock = format!(
                "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
            );
            transaction.execute_unprepared(&lock).await?;
        }
        Migrator::up(&transaction, most).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Every migration by name, and whether it has been applied. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the database can't be reached.
    pub async fn migrations(&self) -> Result<Vec<(String, bool)>, Error> {
        let applied = Migrator::get_applied_migrations_read_only(&self.read).await?;
        let is_applied = |name: &str| applied.iter().any(|migration| migration.name() == name);
        Ok(Migrator::migrations()
            .iter()
            .map(|migration| (migration.name().to_owned(), is_applied(migration.name())))
            .collect())
    }

    pub(crate) fn backend(&self) -> DatabaseBackend {
        self.write.get_database_backend()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Writer,
    Reader { connections: u32, timeout: Duration },
}

impl Role {
    const LOOKER: Self = Self::Reader { connections: LOOKUPS, timeout: READ_TIMEOUT };

    fn reader(timeout: Duration) -> Self {
        Self::Reader { connections: READERS, timeout }
    }
}

/// sqlx says what is wrong with a URL and leaves the URL out, which may hold a password. No part of it
/// is told: where the password ends is not sure if it is not escaped.
fn unreadable(cause: sqlx::Error) -> Error {
    Error::bad_input(format!(
        "The database URL can't be read: {cause}. In a password, write whatever is no letter and no \
         digit as %XX."
    ))
}

/// Why a database can't be reached: a pool only tells that it took too long.
async fn unreached(options: &PgConnectOptions, error: &DbErr) -> Error {
    let single = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(options)).await;
    let cause = match single {
        Ok(Err(cause)) => cause.to_string(),
        _ => error.to_string(),
    };
    Error::Unopened { what: "on PostgreSQL".to_owned(), cause }
}

/// Opens the file, also if another process is about to make it or to leave it. SQLite does not wait
/// for that, whatever its busy timeout is.
async fn open_sqlite(url: &str, role: Role) -> Result<DatabaseConnection, DbErr> {
    let start = Instant::now();
    loop {
        match sea_orm::Database::connect(sqlite(url, role)).await {
            Err(error) if is_locked(&error) && start.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(OPEN_AGAIN_AFTER).await;
            }
            opened => return opened,
        }
    }
}

fn sqlite(url: &str, role: Role) -> ConnectOptions {
    let mut options = common(url);
    options.max_connections(match role {
        Role::Writer => 1,
        Role::Reader { connections, .. } => connections,
    });
    // A second connection of an idle pool would only have to open the file again.
    options.idle_timeout(None).max_lifetime(None);
    if role == Role::Writer {
        options.map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    // A commit that fails on a full disk takes its transaction back by itself; the
                    // rollback that follows fails, and sqlx goes on to believe that a transaction is
                    // open: later commits would be savepoints within it, and never reach the disk.
                    // The ping lets a rollback that is queued run first.
                    if connection.is_in_transaction() {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
        });
    }
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite.busy_timeout(BUSY_TIMEOUT).foreign_keys(true);
        match role {
            Role::Writer => sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                // Of a new file: pages that become free can be given back, a few at a time.
                .auto_vacuum(SqliteAutoVacuum::Incremental)
                .pragma("wal_autocheckpoint", LOG_PAGES)
                // An insert of several rows keeps what it may have to take back: not in a file.
                .pragma("temp_store", "memory")
                .statement_cache_capacity(STATEMENT_CACHE),
            Role::Reader { .. } => sqlite.read_only(true).row_buffer_size(ROWS_WAITING),
        }
    });
    if let Role::Reader { timeout, .. } = role {
        options.map_sqlx_sqlite_pool_opts(move |pool| {
            pool.after_connect(move |connection, _| Box::pin(limit(connection, timeout)))
        });
        options.map_sqlx_sqlite_before_acquire(move |connection, _| {
            Box::pin(async move { limit(connection, timeout).await.map(|()| true) })
        });
    }
    options
}

/// A connection that is opened when it is needed first.
fn checkpointer(url: &str) -> ConnectOptions {
    let mut options = common(url);
    options.max_connections(1).connect_lazy(true).idle_timeout(None).max_lifetime(None);
    // What is in the file must be on disk before the log that has it is begun anew.
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.synchronous(SqliteSynchronous::Full));
    options
}

/// Lets temporary files, of all connections of the process, lie beside the database: there is room, and
/// SQLite may write there. Neither is sure of the directories for such files, of which a container may
/// have none.
async fn sort_beside(database: &DatabaseConnection) -> Result<(), DbErr> {
    if std::env::var_os("SQLITE_TMPDIR").is_some() {
        return Ok(());
    }
    let file = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let file = Statement::from_string(DatabaseBackend::Sqlite, file);
    let Some(row) = database.query_one_raw(file).await? else { return Ok(()) };
    let file: String = row.try_get_by_index(0)?;
    let Some((directory, _)) = file.rsplit_once('/') else { return Ok(()) };
    let directory = directory.replace('\'', "''");
    let change = format!("PRAGMA temp_store_directory = '{directory}/'");
    if let Err(cause) = database.execute_unprepared(&change).await {
        // It may not be read, say; then SQLite looks for another one.
        tracing::debug!(%cause, "temporary files do not lie beside the database");
    }
    Ok(())
}

/// Lets the statements of a connection, which is handed out for one, run for so long from now.
async fn limit(connection: &mut SqliteConnection, timeout: Duration) -> Result<(), sqlx::Error> {
    let end = Instant::now() + timeout;
    let may_go_on = move || Instant::now() < end;
    connection.lock_handle().await?.set_progress_handler(INSTRUCTIONS, may_go_on);
    Ok(())
}

fn postgres(url: &str, role: Role) -> ConnectOptions {
    let mut options = common(url);
    let (connections, timeout, planning) = match role {
        Role::Writer => (WRITERS, WRITE_TIMEOUT, "auto"),
        // A plan for any value suits none of them: of a path that nobody has visited it would look for
        // fifty activities in the whole log.
        Role::Reader { connections, timeout } => (connections, timeout, "force_custom_plan"),
    };
    options
        .max_connections(connections)
        .statement_timeout(timeout)
        .set_application_name("djaffar")
        .map_sqlx_postgres_opts(move |postgres| {
            // What is acknowledged is on disk, whatever the server's default is.
            postgres.options([("synchronous_commit", "on"), ("plan_cache_mode", planning)])
        });
    options
}

fn common(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(PING_AFTER)
        .sqlx_logging(false);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn setting(connection: &DatabaseConnection, sql: &str) -> Result<String, Error> {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await?.ok_or(Error::Busy)?;
        let number = row.try_get_by_index::<i64>(0).map(|number| number.to_string());
        Ok(number.or_else(|_| row.try_get_by_index(0))?)
    }

    /// No door shows these, and without them an acknowledged activity might not be on disk.
    #[tokio::test]
    async fn the_writer_syncs_each_commit() -> Result<(), Error> {
        if let Ok(url) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
            let separator = if url.contains('?') { '&' } else { '?' };
            let url = format!("{url}{separator}options=-c%20synchronous_commit%3Doff");
            let database = Database::connect(&url).await?;
            assert_eq!(setting(&database.write, "SHOW synchronous_commit").await?, "on");
            assert_eq!(setting(&database.read, "SHOW statement_timeout").await?, "8s");
            assert_eq!(setting(&database.read, "SHOW plan_cache_mode").await?, "force_custom_plan");
            return Ok(());
        }
        let directory = tempfile::tempdir().map_err(Error::internal)?;
        let url = format!("sqlite://{}/test.db", directory.path().display());
        let database = Database::connect(&url).await?;
        assert_eq!(setting(&database.write, "PRAGMA synchronous").await?, "2", "FULL");
        let checkpoint = database.checkpoint.as_ref().ok_or(Error::Busy)?;
        assert_eq!(setting(checkpoint, "PRAGMA synchronous").await?, "2", "FULL");
        assert_eq!(setting(&database.write, "PRAGMA journal_mode").await?, "wal");
        assert_eq!(setting(&database.write, "PRAGMA foreign_keys").await?, "1");
        assert_eq!(setting(&database.read, "PRAGMA foreign_keys").await?, "1");
        assert_eq!(setting(&database.read, "PRAGMA busy_timeout").await?, "5000");
        Ok(())
    }

    /// What a reading sorts may be as large as the log: it lies in files then.
    #[tokio::test]
    async fn only_the_writer_keeps_in_memory_what_it_sorts() -> Result<(), Error> {
        let directory = tempfile::tempdir().map_err(Error::internal)?;
        let url = format!("sqlite://{}/test.db", directory.path().display());
        let database = Database::connect(&url).await?;
        database.migrate().await?;
        let memory = "2";
        assert_eq!(setting(&database.write, "PRAGMA temp_store").await?, memory);
        assert_eq!(setting(&database.write, "PRAGMA cache_size").await?, "-2000");
        assert_ne!(setting(&database.read, "PRAGMA temp_store").await?, memory);
        assert_ne!(setting(&database.lookup, "PRAGMA temp_store").await?, memory);
        // That of the database which this process has opened last.
        let directory = setting(&database.read, "PRAGMA temp_store_directory").await?;
        assert!(directory.starts_with(&*std::env::temp_dir().to_string_lossy()), "{directory}");
        Ok(())
    }

    /// With page caches in common they would rob each other, and statements would not stay prepared: see
    /// `.cargo/config.toml`.
    #[tokio::test]
    async fn each_connection_keeps_its_own_pages_and_its_plans() -> Result<(), Error> {
        let directory = tempfile::tempdir().map_err(Error::internal)?;
        let url = format!("sqlite://{}/test.db", directory.path().display());
        let database = Database::connect(&url).await?;
        let sql = "SELECT group_concat(compile_options) FROM pragma_compile_options";
        let options = setting(&database.read, sql).await?;
        assert!(options.contains("THREADSAFE=1"), "{options}");
        assert!(!options.contains("ENABLE_MEMORY_MANAGEMENT"), "{options}");
        assert!(options.contains("ENABLE_QPSG"), "{options}");
        Ok(())
    }
}
