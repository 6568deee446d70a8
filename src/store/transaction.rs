//! Beginning a transaction.
//!
//! A request may end at any moment: its client goes away, or its time is over. sqlx takes back a
//! transaction that is dropped, but on PostgreSQL not one that is dropped while it begins: the
//! connection goes back to the pool within a transaction that nobody knows of, and what is written
//! by it next is never committed (sqlx issue 4393, mended after 0.9.0). So each begins in a task of
//! its own, which goes on whoever still waits.

use sea_orm::{
    AccessMode, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

/// A transaction that may write from its first statement on.
pub(super) async fn begin_writing(
    connection: &DatabaseConnection,
) -> Result<DatabaseTransaction, DbErr> {
    begin(connection, SqliteTransactionMode::Immediate, None).await
}

/// A transaction that nobody else may write or read beside; on PostgreSQL as any other.
pub(super) async fn begin_alone(
    connection: &DatabaseConnection,
) -> Result<DatabaseTransaction, DbErr> {
    begin(connection, SqliteTransactionMode::Exclusive, None).await
}

/// A transaction whose statements all read the database as it is at one moment.
pub(super) async fn begin_reading(
    connection: &DatabaseConnection,
) -> Result<DatabaseTransaction, DbErr> {
    let snapshot = Some((IsolationLevel::RepeatableRead, AccessMode::ReadOnly));
    begin(connection, SqliteTransactionMode::Deferred, snapshot).await
}

async fn begin(
    connection: &DatabaseConnection,
    sqlite_mode: SqliteTransactionMode,
    // A transaction of SQLite reads a snapshot anyway.
    postgres_mode: Option<(IsolationLevel, AccessMode)>,
) -> Result<DatabaseTransaction, DbErr> {
    let is_postgres = connection.get_database_backend() == DatabaseBackend::Postgres;
    let (isolation_level, access_mode) = postgres_mode.filter(|_| is_postgres).unzip();
    let options = TransactionOptions {
        isolation_level,
        access_mode,
        sqlite_transaction_mode: Some(sqlite_mode),
    };
    let connection = connection.clone();
    let begun = tokio::spawn(async move { connection.begin_with_options(options).await });
    begun.await.map_err(|cause| DbErr::Conn(RuntimeErr::Internal(cause.to_string())))?
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use sea_orm::{ConnectionTrait, Statement};

    use super::*;
    use crate::error::Error;
    use crate::store::Database;

    /// Goes on until it has been woken so often, and no further.
    async fn woken<T>(times: usize, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, mut times) = (pin!(work), times);
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if times == 0 => Poll::Ready(None),
            Poll::Pending => {
                times -= 1;
                Poll::Pending
            }
        })
        .await
    }

    /// Requests that end while they begin are met at no door on purpose.
    #[tokio::test]
    async fn who_gives_up_leaves_no_transaction_behind() -> Result<(), Error> {
        let directory = tempfile::tempdir().map_err(Error::internal)?;
        let sqlite = || format!("sqlite://{}/test.db", directory.path().display());
        let url = std::env::var("DJAFFAR_TEST_POSTGRES_URL").unwrap_or_else(|_| sqlite());
        let table = format!("given_up_{}", uuid::Uuid::now_v7().simple());
        let (database, other) = (Database::connect(&url).await?, Database::connect(&url).await?);
        database.write.execute_unprepared(&format!("CREATE TABLE {table} (n INTEGER)")).await?;
        for (number, times) in [0, 0, 0, 1, 1, 2].into_iter().enumerate() {
            drop(woken(times, begin_writing(&database.write)).await);
            // By whichever connection: it is committed.
            for _ in 0..8 {
                let insert = format!("INSERT INTO {table} VALUES ({number})");
                database.write.execute_unprepared(&insert).await?;
            }
            let count = format!("SELECT COUNT(*) FROM {table} WHERE n = {number}");
            let count = Statement::from_string(other.backend(), count);
            let count = other.write.query_one_raw(count).await?.map(|row| row.try_get_by_index(0));
            assert_eq!(count.transpose()?, Some(8_i64), "given up when woken {times} times");
        }
        database.write.execute_unprepared(&format!("DROP TABLE {table}")).await?;
        Ok(())
    }
}
