//! What nodes tell each other through the database they share: LISTEN and NOTIFY of PostgreSQL.

use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, RuntimeErr, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Store;
use crate::error::Error;

const CHANNEL: &str = "djaffar";
/// Ids that one notice has room for: PostgreSQL takes up to 8,000 bytes.
pub(crate) const MAX_IDS: usize = 200;

/// What a node tells the others.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    /// It listens from now on.
    Joined,
    /// Somebody watches there.
    Watched,
    /// These activities are on disk; so many more are too, which there was no time to name.
    Logged { ids: Vec<Uuid>, missed: u64 },
}

#[derive(Deserialize, Serialize)]
struct Letter {
    from: Uuid,
    notice: Notice,
}

/// What the other nodes tell.
pub(crate) struct Channel {
    node: Uuid,
    listener: PgListener,
}

impl Channel {
    /// The next notice of another node. None: the connection was lost, and maybe a notice with it.
    ///
    /// # Errors
    ///
    /// If the database can't be reached.
    pub(crate) async fn hear(&mut self) -> Result<Option<Notice>, Error> {
        loop {
            let Some(notification) = self.listener.try_recv().await.map_err(unheard)? else {
                return Ok(None);
            };
            // One that makes no sense is of another version, or of somebody who plays.
            match serde_json::from_str::<Letter>(notification.payload()) {
                Ok(letter) if letter.from == self.node => {}
                Ok(letter) => return Ok(Some(letter.notice)),
                Err(cause) => tracing::warn!(error.cause = %cause, "not understood"),
            }
        }
    }
}

impl Store {
    /// Whether other nodes may work on the same database.
    pub(crate) fn is_shared(&self) -> bool {
        self.write.get_database_backend() == DatabaseBackend::Postgres
    }

    /// Listens to the other nodes, over a connection of its own.
    ///
    /// # Errors
    ///
    /// If the database can't be reached.
    pub(crate) async fn listen(&self) -> Result<Channel, Error> {
        let options = self.lookup.get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = pool.connect_lazy_with((*options).clone());
        let mut listener = PgListener::connect_with(&pool).await.map_err(unheard)?;
        listener.listen(CHANNEL).await.map_err(unheard)?;
        Ok(Channel { node: self.id, listener })
    }

    /// Tells the other nodes, without waiting for the disk: who is told is there now, or never.
    ///
    /// # Errors
    ///
    /// If the database can't be reached.
    pub(crate) async fn tell(&self, notice: Notice) -> Result<(), Error> {
        let letter = Letter { from: self.id, notice };
        let text = serde_json::to_string(&letter).map_err(Error::internal)?;
        let sql = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
        let values = [CHANNEL.into(), text.into()];
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, values);
        self.write.query_one_raw(statement).await?;
        Ok(())
    }
}

fn unheard(error: sea_orm::sqlx::Error) -> Error {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}
