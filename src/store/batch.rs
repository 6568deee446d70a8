//! Everything that one commit writes.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr,
    EntityTrait, QueryFilter, Statement, Value, sea_query::Expr,
};
use uuid::Uuid;

use super::Timestamp;
use super::entity::{activity, api_token, session, session_key, user};

/// Rows to write together; the writer joins the batches of many callers into one.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub activities: Vec<activity::Model>,
    /// Made, or given a user if they are there already.
    pub sessions: Vec<session::Model>,
    pub session_keys: Vec<session_key::Model>,
    pub seen: Vec<Seen>,
}

/// Somebody was here: moves the times of last use forward, never back.
#[derive(Debug)]
pub(crate) struct Seen {
    pub what: Subject,
    pub at: Timestamp,
}

/// Who or what was seen.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// Largest number of rows in one statement. A power of two: see [`insert`].
const MAX_ROWS: usize = 256;

impl Batch {
    /// Takes over the rows of another batch.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.activities.append(&mut other.activities);
        self.sessions.append(&mut other.sessions);
        self.session_keys.append(&mut other.session_keys);
        self.seen.append(&mut other.seen);
    }

    /// Rows to write.
    pub(crate) fn len(&self) -> usize {
        self.activities.len() + self.sessions.len() + self.session_keys.len() + self.seen.len()
    }

    /// Roughly how many bytes it holds on to until it is written.
    pub(crate) fn size(&self) -> usize {
        let texts: usize = self
            .activities
            .iter()
            .map(|row| row.path.len() + row.referer.as_ref().map_or(0, String::len) + 256)
            .sum();
        texts + 256 * (self.len() - self.activities.len())
    }

    /// Writes all rows, and tells which activities had been stored before.
    ///
    /// Rows are written in the order of their keys: so two nodes that write the same ones wait for
    /// each other instead of running into a deadlock.
    pub(crate) async fn write(
        mut self,
        transaction: &DatabaseTransaction,
    ) -> Result<Written, DbErr> {
        self.sessions.sort_by_key(|row| row.id);
        self.sessions.dedup_by_key(|row| row.id);
        self.seen.sort_by(|a, b| a.what.cmp(&b.what));
        self.activities.sort_by_key(|row| row.id);
        insert(transaction, SESSION, self.sessions.into_iter().map(session_values)).await?;
        insert(transaction, SESSION_KEY, self.session_keys.into_iter().map(key_values)).await?;
        for seen in self.seen {
            seen.write(transaction).await?;
        }
        write_activities(transaction, self.activities).await
    }
}

/// What became of the activities of a batch.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// How many were new.
    pub new: usize,
    /// Those whose id had come before, by id, as they stand in the database.
    pub repeated: HashMap<Uuid, activity::Model>,
}

/// Inserts the activities whose id is new, and reads the others back.
async fn write_activities(
    transaction: &DatabaseTransaction,
    mut rows: Vec<activity::Model>,
) -> Result<Written, DbErr> {
    let mut ids: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
    // An id that stands twice in one batch: the first one counts, as it would in two batches. The
    // sort was stable.
    let mut repeated = Vec::new();
    rows.dedup_by(|row, first| {
        let is_repeated = row.id == first.id;
        if is_repeated {
            repeated.push(row.id);
        }
        is_repeated
    });
    let inserted = insert(transaction, ACTIVITY, rows.into_iter().map(activity_values)).await?;
    let new = inserted.len();
    for id in inserted {
        ids.remove(&id);
    }
    repeated.extend(ids);
    if repeated.is_empty() {
        return Ok(Written { new, ..Written::default() });
    }
    let stored = activity::Entity::find()
        .filter(activity::Column::Id.is_in(repeated))
        .all(transaction)
        .await?;
    let repeated = stored.into_iter().map(|row| (row.id, row)).collect();
    Ok(Written { new, repeated })
}

impl Seen {
    async fn write(self, transaction: &DatabaseTransaction) -> Result<(), DbErr> {
        let at = self.at;
        match self.what {
            Subject::User(id) => {
                user::Entity::update_many()
                    .col_expr(user::Column::LastSeenAt, Expr::value(at))
                    .filter(user::Column::Id.eq(id))
                    .filter(older(user::Column::LastSeenAt, at))
                    .exec(transaction)
                    .await?;
            }
            Subject::Token(id) => {
                api_token::Entity::update_many()
                    .col_expr(api_token::Column::LastUsedAt, Expr::value(at))
                    .filter(api_token::Column::Id.eq(id))
                    .filter(older(api_token::Column::LastUsedAt, at))
                    .exec(transaction)
                    .await?;
            }
            Subject::Session(id) => {
                session::Entity::update_many()
                    .col_expr(session::Column::LastSeenAt, Expr::value(at))
                    .filter(session::Column::Id.eq(id))
                    .filter(older(session::Column::LastSeenAt, at))
                    .exec(transaction)
                    .await?;
            }
            // An update, never an upsert: a session that was ended meanwhile must stay so.
            Subject::SessionKey { key_hash, expires_at } => {
                session_key::Entity::update_many()
                    .col_expr(session_key::Column::ExpiresAt, Expr::value(expires_at))
                    .filter(session_key::Column::KeyHash.eq(key_hash))
                    .exec(transaction)
                    .await?;
            }
        }
        Ok(())
    }
}

fn older<C: ColumnTrait>(column: C, at: Timestamp) -> Condition {
    Condition::any().add(column.is_null()).add(column.lt(at))
}

/// A table to insert into.
#[derive(Clone, Copy)]
struct Target {
    table: &'static str,
    columns: &'static [&'static str],
    /// What becomes of a row whose key is there already; empty: the whole batch is refused.
    conflict: &'static str,
}

/// Inserts rows, and gives back the ids of those that were new, if the target returns them.
///
/// The statements are of 256, 128, … 2 or 1 rows, so that there are few texts and the prepared
/// statements are used again.
async fn insert(
    transaction: &DatabaseTransaction,
    target: Target,
    mut rows: impl ExactSizeIterator<Item = Vec<Value>>,
) -> Result<Vec<Uuid>, DbErr> {
    let backend = transaction.get_database_backend();
    let mut inserted = Vec::with_capacity(rows.len());
    while rows.len() > 0 {
        let count = MAX_ROWS.min(1 << rows.len().ilog2());
        let values: Vec<Value> = rows.by_ref().take(count).flatten().collect();
        let statement = Statement::from_sql_and_values(backend, target.sql(backend, count), values);
        for row in transaction.query_all_raw(statement).await? {
            inserted.push(row.try_get_by_index(0)?);
        }
    }
    Ok(inserted)
}

impl Target {
    fn sql(&self, backend: DatabaseBackend, rows: usize) -> String {
        let width = self.columns.len();
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 1..=width {
                if column > 1 {
                    sql.push(',');
                }
                match backend {
                    DatabaseBackend::Postgres => {
                        sql.push('$');
                        sql.push_str(&(row * width + column).to_string());
                    }
                    _ => sql.push('?'),
                }
            }
            sql.push(')');
        }
        sql + self.conflict
    }
}

const ACTIVITY: Target = Target {
    table: "djaffar_activity",
    conflict: " ON CONFLICT (id) DO NOTHING RETURNING id",
    columns: &[
        "id",
        "date",
        "received_at",
        "path",
        "referer",
        "name",
        "properties",
        "truncated",
        "user_id",
        "session_id",
        "ip_address",
    ],
};

fn activity_values(row: activity::Model) -> Vec<Value> {
    vec![
        row.id.into(),
        row.date.into(),
        row.received_at.into(),
        row.path.into(),
        row.referer.into(),
        row.name.into(),
        row.properties.into(),
        row.truncated.into(),
        row.user_id.into(),
        row.session_id.into(),
        row.ip_address.into(),
    ]
}

const SESSION: Target = Target {
    table: "djaffar_session",
    // A session that is there already: somebody has logged in.
    conflict: " ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id \
               WHERE excluded.user_id IS NOT NULL",
    columns: &["id", "user_id", "user_agent", "first_seen_at", "last_seen_at"],
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
    // A new key must never open a session that exists.
    conflict: "",
    columns: &["key_hash", "session_id", "user_id", "created_at", "expires_at"],
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
