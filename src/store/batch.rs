//! Everything that one commit writes.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, QueryFilter,
    Value, sea_query::Expr,
};
use uuid::Uuid;

use super::Timestamp;
use super::entity::{activity, api_token, rollup_stale, session, session_key, user};
use super::insert::{Rows, Target, Type, insert_all, max_rows};
use super::rollups::insert_stale;

/// Rows to write together; the writer joins the batches of many callers into one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub activities: Vec<Arc<activity::Model>>,
    /// Made, or given a sign of life, and a user if they have none, if they are there already.
    pub sessions: Vec<session::Model>,
    pub session_keys: Vec<session_key::Model>,
    pub seen: Vec<Seen>,
    /// What the writer adds: periods whose rollups the activities make stale.
    pub stale: Vec<rollup_stale::Model>,
}

/// Somebody was here: moves the times of last use forward, never back.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub what: Subject,
    pub at: Timestamp,
}

/// Who or what was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    User(Uuid),
    Token(Uuid),
    Session(Uuid),
    /// The credential of a session, and until when it now lives.
    SessionKey {
        key_hash: Vec<u8>,
        expires_at: Timestamp,
    },
}

impl Batch {
    /// Takes over the rows of another batch.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.activities.append(&mut other.activities);
        self.sessions.append(&mut other.sessions);
        self.session_keys.append(&mut other.session_keys);
        self.seen.append(&mut other.seen);
        self.stale.append(&mut other.stale);
    }

    /// Rows to write.
    pub(crate) fn len(&self) -> usize {
        let others = self.sessions.len() + self.session_keys.len() + self.seen.len();
        self.activities.len() + others + self.stale.len()
    }

    /// Roughly how many bytes it holds on to until it is written.
    pub(crate) fn size(&self) -> usize {
        let activities: usize = self.activities.iter().map(|row| size_of_activity(row)).sum();
        activities + ROW_BYTES * (self.len() - self.activities.len())
    }

    /// Whether it is written by one statement, which needs no transaction around it.
    pub(crate) fn is_one_statement(&self, backend: DatabaseBackend) -> bool {
        let inserts = match backend {
            DatabaseBackend::Postgres => {
                self.activities.len() + self.sessions.len() + self.session_keys.len()
            }
            _ => self.activities.len(),
        };
        (1..=max_rows(backend)).contains(&self.len()) && self.len() == inserts
    }

    /// Writes all rows, and tells which activities had been stored before.
    ///
    /// Rows are written in the order of their keys: so two nodes that write the same ones wait for
    /// each other instead of running into a deadlock.
    pub(crate) async fn write<C: ConnectionTrait>(
        mut self,
        connection: &C,
    ) -> Result<Written, DbErr> {
        self.seen.sort_by(|a, b| a.what.cmp(&b.what));
        for seen in std::mem::take(&mut self.seen) {
            seen.write(connection).await?;
        }
        insert_stale(connection, std::mem::take(&mut self.stale)).await?;
        let ids: Vec<Uuid> = self.activities.iter().map(|row| row.id).collect();
        let new = insert_all(connection, self.into_rows()).await?;
        read_back(connection, ids, new).await
    }

    /// What is to be inserted, the activities last.
    fn into_rows(mut self) -> Vec<(Target, Rows)> {
        self.sessions.sort_by_key(|row| row.id);
        self.sessions.dedup_by(|row, first| {
            let is_same = row.id == first.id;
            if is_same {
                first.user_id = first.user_id.or(row.user_id);
            }
            is_same
        });
        // An id that stands twice in one batch: the first one counts, as it would in two batches. The
        // sort is stable.
        self.activities.sort_by_key(|row| row.id);
        self.activities.dedup_by_key(|row| row.id);
        let sessions = self.sessions.into_iter().map(session_values).collect();
        let keys = self.session_keys.into_iter().map(key_values).collect();
        let activities = self.activities.iter().map(|row| activity_values(row)).collect();
        let mut tables: Vec<(Target, Rows)> =
            vec![(SESSION, sessions), (SESSION_KEY, keys), (ACTIVITY, activities)];
        tables.retain(|(_, rows)| !rows.is_empty());
        tables
    }
}

/// What a row takes besides its long texts.
const ROW_BYTES: usize = 256;

fn size_of_activity(row: &activity::Model) -> usize {
    let properties = row.properties.as_ref().and_then(|properties| properties.as_object());
    let properties = properties.into_iter().flatten();
    let texts = properties.map(|(key, value)| 64 + key.len() + value.as_str().map_or(0, str::len));
    let referer = row.referer.as_ref().map_or(0, String::len);
    ROW_BYTES + row.path.len() + referer + texts.sum::<usize>()
}

/// What became of the activities of a batch.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// How many were new.
    pub new: u64,
    /// If an id had come before: the rows of all ids of the batch, as they stand in the database.
    pub stored: HashMap<Uuid, activity::Model>,
}

/// Reads activities back, unless all of them were new.
async fn read_back<C: ConnectionTrait>(
    connection: &C,
    ids: Vec<Uuid>,
    new: u64,
) -> Result<Written, DbErr> {
    if ids.is_empty() {
        return Ok(Written::default());
    }
    if new == ids.len() as u64 {
        return Ok(Written { new, ..Written::default() });
    }
    let stored =
        activity::Entity::find().filter(activity::Column::Id.is_in(ids)).all(connection).await?;
    Ok(Written { new, stored: stored.into_iter().map(|row| (row.id, row)).collect() })
}

impl Seen {
    async fn write<C: ConnectionTrait>(self, connection: &C) -> Result<(), DbErr> {
        let at = self.at;
        match self.what {
            Subject::User(id) => {
                user::Entity::update_many()
                    .col_expr(user::Column::LastSeenAt, Expr::value(at))
                    .filter(user::Column::Id.eq(id))
                    .filter(older(user::Column::LastSeenAt, at))
                    .exec(connection)
                    .await?;
            }
            Subject::Token(id) => {
                api_token::Entity::update_many()
                    .col_expr(api_token::Column::LastUsedAt, Expr::value(at))
                    .filter(api_token::Column::Id.eq(id))
                    .filter(older(api_token::Column::LastUsedAt, at))
                    .exec(connection)
                    .await?;
            }
            Subject::Session(id) => {
                session::Entity::update_many()
                    .col_expr(session::Column::LastSeenAt, Expr::value(at))
                    .filter(session::Column::Id.eq(id))
                    .filter(older(session::Column::LastSeenAt, at))
                    .exec(connection)
                    .await?;
            }
            // An update, never an upsert: a session that was ended meanwhile must stay so.
            Subject::SessionKey { key_hash, expires_at } => {
                session_key::Entity::update_many()
                    .col_expr(session_key::Column::ExpiresAt, Expr::value(expires_at))
                    .filter(session_key::Column::KeyHash.eq(key_hash))
                    .exec(connection)
                    .await?;
            }
        }
        Ok(())
    }
}

fn older<C: ColumnTrait>(column: C, at: Timestamp) -> Condition {
    Condition::any().add(column.is_null()).add(column.lt(at))
}

const ACTIVITY: Target = Target {
    table: "djaffar_activity",
    columns: &[
        ("id", Type::Uuid),
        ("date", Type::Integer),
        ("received_at", Type::Integer),
        ("path", Type::Text),
        ("referer", Type::OptionalText),
        ("name", Type::Text),
        ("properties", Type::OptionalJson),
        ("truncated", Type::Boolean),
        ("user_id", Type::OptionalUuid),
        ("session_id", Type::OptionalUuid),
        ("ip_address", Type::OptionalText),
    ],
    conflict: "ON CONFLICT (id) DO NOTHING",
};

fn activity_values(row: &activity::Model) -> Vec<Value> {
    vec![
        row.id.into(),
        row.date.into(),
        row.received_at.into(),
        row.path.clone().into(),
        row.referer.clone().into(),
        row.name.clone().into(),
        row.properties.clone().into(),
        row.truncated.into(),
        row.user_id.into(),
        row.session_id.into(),
        row.ip_address.clone().into(),
    ]
}

const SESSION: Target = Target {
    table: "djaffar_session",
    columns: &[
        ("id", Type::Uuid),
        ("user_id", Type::OptionalUuid),
        ("user_agent", Type::Text),
        ("first_seen_at", Type::Integer),
        ("last_seen_at", Type::Integer),
    ],
    // A session that is there already: somebody is known now, or was here again.
    conflict: "ON CONFLICT (id) DO UPDATE SET \
               user_id = COALESCE(djaffar_session.user_id, excluded.user_id), \
               last_seen_at = CASE WHEN excluded.last_seen_at > djaffar_session.last_seen_at \
               THEN excluded.last_seen_at ELSE djaffar_session.last_seen_at END",
};

fn session_values(row: session::Model) -> Vec<Value> {
    vec![
        row.id.into(),
        row.user_id.into(),
        row.user_agent.into(),
        row.first_seen_at.into(),
        row.last_seen_at.into(),
    ]
}

const SESSION_KEY: Target = Target {
    table: "djaffar_session_key",
    columns: &[
        ("key_hash", Type::Bytes),
        ("session_id", Type::Uuid),
        ("user_id", Type::OptionalUuid),
        ("created_at", Type::Integer),
        ("expires_at", Type::Integer),
    ],
    // A new key must never open a session that exists: the whole batch is refused.
    conflict: "",
};

fn key_values(row: session_key::Model) -> Vec<Value> {
    vec![
        row.key_hash.into(),
        row.session_id.into(),
        row.user_id.into(),
        row.created_at.into(),
        row.expires_at.into(),
    ]
}
