//! Turns: of all nodes one at a time does the same work in the background.
//!
//! That saves work and is no more than that: each step of such work is right whoever else takes one.

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Connection};
use sea_orm::{DbErr, RuntimeErr};

use super::Store;
use crate::error::Error;

/// Work in the background.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    RollUp,
    Erase,
    Prune,
}

/// Somebody's turn, until it is dropped or the connection is lost.
#[derive(Debug)]
pub(crate) struct Turn {
    _connection: Option<PgConnection>,
}

impl Work {
    /// The lock: any numbers will do, as long as every version uses the same ones.
    fn lock(self) -> i64 {
        0x646A_6166_6661_7400 + self as i64
    }
}

impl Store {
    /// The turn to do some work; None: it is another node's. With SQLite there is one node.
    pub(crate) async fn turn(&self, work: Work) -> Result<Option<Turn>, Error> {
        if !self.is_shared() {
            return Ok(Some(Turn { _connection: None }));
        }
        // A connection of its own, which no other work has to wait for; the lock ends with it.
        let options = self.lookup.get_postgres_connection_pool().connect_options();
        let mut connection = PgConnection::connect_with(&options).await.map_err(unreached)?;
        let has_turn: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(work.lock())
            .fetch_one(&mut connection)
            .await
            .map_err(unreached)?;
        Ok(has_turn.then_some(Turn { _connection: Some(connection) }))
    }
}

fn unreached(error: sqlx::Error) -> Error {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Metrics;
    use crate::store::Database;

    /// No door shows who does the work.
    #[tokio::test]
    async fn of_two_nodes_one_has_the_turn() -> Result<(), Error> {
        let Ok(url) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") else { return Ok(()) };
        let node = async || {
            let database = Database::connect(&url).await?;
            let (store, _writer) =
                Store::start(database, &Metrics::new(), Duration::from_secs(60))?;
            Ok::<_, Error>(store)
        };
        let (one, other) = (node().await?, node().await?);
        let turn = one.turn(Work::Prune).await?;
        assert!(turn.is_some() && other.turn(Work::Prune).await?.is_none());
        assert!(other.turn(Work::Erase).await?.is_some(), "other work is not held up");
        drop(turn);
        while other.turn(Work::Prune).await?.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}
