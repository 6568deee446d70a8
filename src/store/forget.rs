//! Taking back what was stored, in small steps between which others can write.
//!
//! Nowhere else is an activity or a session changed or deleted. What is to go is looked for by the
//! reading connections; a step then only touches rows that it has the keys of.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr,
    EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};
use uuid::Uuid;

use super::entity::{activity, audit_event, session, session_key};
use super::rollups::{mark_sessions_stale, mark_stale};
use super::{Store, Timestamp};
use crate::error::Error;

/// Rows of a step.
pub(crate) const STEP: u64 = 500;
/// Held by whoever takes a step: any constant will do, as long as every version uses the same one.
const FORGET_LOCK: i64 = 0x646A_6166_6661_6633;
/// Pages that SQLite gives back in one step: 4 MiB.
const PAGES: u32 = 1_000;

/// What is to be forgotten of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forget {
    /// All of it.
    Row,
    /// Whose it is: user, network address, user agent, and the properties, which may hold anything.
    Person,
    /// The network address of an activity, the user agent of a session.
    Origin,
}

impl Store {
    /// Forgets these activities, and tells how many there were.
    pub(crate) async fn forget_activities(
        &self,
        rows: &[activity::Model],
        what: Forget,
    ) -> Result<u64, Error> {
        use activity::{Column, Entity};
        let transaction = self.step().await?;
        let are_these = Column::Id.is_in(rows.iter().map(|row| row.id));
        let changed = match what {
            Forget::Row => {
                Entity::delete_many().filter(are_these).exec(&transaction).await?.rows_affected
            }
            Forget::Person => {
                Entity::update_many()
                    .col_expr(Column::UserId, Expr::value(None::<Uuid>))
                    .col_expr(Column::IpAddress, Expr::value(None::<String>))
                    .col_expr(Column::Properties, Expr::value(None::<serde_json::Value>))
                    .filter(are_these)
                    .exec(&transaction)
                    .await?
                    .rows_affected
            }
            Forget::Origin => {
                Entity::update_many()
                    .col_expr(Column::IpAddress, Expr::value(None::<String>))
                    .filter(are_these)
                    .exec(&transaction)
                    .await?
                    .rows_affected
            }
        };
        if what != Forget::Origin {
            mark_stale(&transaction, rows.iter().map(|row| row.date)).await?;
        }
        transaction.commit().await?;
        Ok(changed)
    }

    /// Forgets these sessions, and tells how many there were.
    pub(crate) async fn forget_sessions(&self, ids: &[Uuid], what: Forget) -> Result<u64, Error> {
        let transaction = self.step().await?;
        let changed = forget_sessions(&transaction, ids, what).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Forgets some of the sessions that were last used before, and have nothing left that points to
    /// them or, if only the origin is to be forgotten, still have a user agent: the first ones after a
    /// place. Tells how many, and the place that was reached; None: there are no more.
    pub(crate) async fn forget_old_sessions(
        &self,
        before: Timestamp,
        what: Forget,
        after: Option<(Timestamp, Uuid)>,
    ) -> Result<(u64, Option<(Timestamp, Uuid)>), Error> {
        use session::Column;

        let key = Expr::tuple([Column::FirstSeenAt.into_expr(), Column::Id.into_expr()]);
        let is_after = after.map(|(at, id)| key.gt(Expr::tuple([at.into(), id.into()])));
        let some: Vec<(Timestamp, Uuid)> = select_old_sessions(before, what)
            .select_only()
            .columns([Column::FirstSeenAt, Column::Id])
            .filter(is_after.map_or(Condition::all(), |is_after| Condition::all().add(is_after)))
            .order_by_asc(Column::FirstSeenAt)
            .order_by_asc(Column::Id)
            .limit(STEP)
            .into_tuple()
            .all(&self.read)
            .await?;
        let Some(last) = some.last().copied() else { return Ok((0, None)) };
        let transaction = self.step().await?;
        // Somebody may have come back, or something come in late, since they were looked for.
        let still: Vec<Uuid> = select_old_sessions(before, what)
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.is_in(some.iter().map(|(_, id)| *id)))
            .into_tuple()
            .all(&transaction)
            .await?;
        let forgotten = forget_sessions(&transaction, &still, what).await?;
        transaction.commit().await?;
        Ok((forgotten, Some(last).filter(|_| some.len() as u64 == STEP)))
    }

    /// How many sessions [`Store::forget_old_sessions`] would forget.
    pub(crate) async fn count_old_sessions(
        &self,
        before: Timestamp,
        what: Forget,
    ) -> Result<u64, Error> {
        Ok(select_old_sessions(before, what).count(&self.read).await?)
    }

    /// How many activities of before have a network address.
    pub(crate) async fn count_addresses(&self, before: Timestamp) -> Result<u64, Error> {
        let select = activity::Entity::find()
            .filter(activity::Column::Date.lt(before))
            .filter(activity::Column::IpAddress.is_not_null());
        Ok(select.count(&self.read).await?)
    }

    /// Removes the oldest lines of the audit log of before, and tells how many.
    pub(crate) async fn forget_audit(&self, before: Timestamp) -> Result<u64, Error> {
        use audit_event::{Column, Entity};
        let transaction = self.step().await?;
        let oldest =
            Entity::find().select_only().column(Column::Id).filter(Column::Date.lt(before));
        let oldest: Vec<Uuid> =
            oldest.order_by_asc(Column::Date).limit(STEP).into_tuple().all(&transaction).await?;
        let deleted =
            Entity::delete_many().filter(Column::Id.is_in(oldest)).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected)
    }

    /// How many lines of the audit log are of before.
    pub(crate) async fn count_audit(&self, before: Timestamp) -> Result<u64, Error> {
        let select = audit_event::Entity::find().filter(audit_event::Column::Date.lt(before));
        Ok(select.count(&self.read).await?)
    }

    /// Gives the space that has become free back to the system, step by step. Only for SQLite:
    /// PostgreSQL sees to that by itself.
    pub(crate) async fn give_space_back(&self) -> Result<(), Error> {
        if self.write.get_database_backend() != DatabaseBackend::Sqlite {
            return Ok(());
        }
        let mut left = i64::MAX;
        loop {
            self.write.execute_unprepared(&format!("PRAGMA incremental_vacuum({PAGES})")).await?;
            let free = Statement::from_string(DatabaseBackend::Sqlite, "PRAGMA freelist_count");
            let row = self.write.query_one_raw(free).await?;
            match row.map_or(Ok(0_i64), |row| row.try_get_by_index(0))? {
                0 => return Ok(()),
                pages if pages < left => left = pages,
                pages => {
                    // What has not been made by us: pages can't be moved in it.
                    tracing::warn!(pages, "the file keeps free pages: run VACUUM on it once");
                    return Ok(());
                }
            }
        }
    }

    /// A transaction; of all nodes one at a time takes a step.
    async fn step(&self) -> Result<DatabaseTransaction, DbErr> {
        let transaction = self.begin().await?;
        let first = match transaction.get_database_backend() {
            DatabaseBackend::Postgres => format!("SELECT pg_advisory_xact_lock({FORGET_LOCK})"),
            // What is deleted is overwritten on the pages that are written anyway. Pages that become
            // free leave the file instead.
            _ => "PRAGMA secure_delete = FAST".to_owned(),
        };
        transaction.execute_unprepared(&first).await?;
        Ok(transaction)
    }
}

fn select_old_sessions(before: Timestamp, what: Forget) -> Select<session::Entity> {
    use session::{Column, Entity};
    // It was seen first before it was seen last, and there is an index on that.
    let old =
        Entity::find().filter(Column::FirstSeenAt.lt(before)).filter(Column::LastSeenAt.lt(before));
    if what == Forget::Origin {
        return old.filter(Column::UserAgent.ne(""));
    }
    let pointing = |table: &'static str| {
        let is_this = Expr::col((table, "session_id")).equals(Column::Id.as_column_ref());
        Expr::exists(Query::select().expr(Expr::value(1)).from(table).and_where(is_this).take())
            .not()
    };
    old.filter(pointing("djaffar_session_key")).filter(pointing("djaffar_activity"))
}

async fn forget_sessions(
    transaction: &DatabaseTransaction,
    ids: &[Uuid],
    what: Forget,
) -> Result<u64, Error> {
    use session::{Column, Entity};

    // Their activities are counted by user agent.
    mark_sessions_stale(transaction, ids).await?;
    let ids = || ids.iter().copied();
    if what != Forget::Origin {
        session_key::Entity::delete_many()
            .filter(session_key::Column::SessionId.is_in(ids()))
            .exec(transaction)
            .await?;
    }
    let are_these = Condition::all().add(Column::Id.is_in(ids()));
    let has_agent = Column::UserAgent.ne("");
    let rest = Entity::update_many()
        .col_expr(Column::UserAgent, Expr::value(""))
        .filter(are_these.clone());
    let changed = match what {
        Forget::Row => {
            Entity::delete_many().filter(are_these).exec(transaction).await?.rows_affected
        }
        Forget::Person => {
            let is_left = Condition::any().add(has_agent).add(Column::UserId.is_not_null());
            let nobody = Expr::value(None::<Uuid>);
            let rest = rest.col_expr(Column::UserId, nobody).filter(is_left);
            rest.exec(transaction).await?.rows_affected
        }
        Forget::Origin => rest.filter(has_agent).exec(transaction).await?.rows_affected,
    };
    Ok(changed)
}
