//! What admins change: each change and its line in the audit log in one transaction.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, DbErr,
    EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait, Set,
    SqlErr, TryInsertResult,
};
use uuid::Uuid;

use super::audit::insert_event;
use super::entity::{api_token, audit_event, session, session_key, user};
use super::{Store, Timestamp};
use crate::error::Error;

/// Taken by whoever changes users: any constant will do, as long as every version uses the same one.
const USERS_LOCK: i64 = 0x646A_6166_6661_7532;
/// The role that must not die out.
const ADMIN: &str = "admin";

/// What is to be different about a user. None: stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserChange {
    pub username: Option<String>,
    pub role: Option<String>,
    pub active: Option<bool>,
    pub password_hash: Option<String>,
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Changed {
    Done(user::Model),
    NotFound,
    NameTaken,
    /// There would be no active admin left.
    LastAdmin,
}

impl Store {
    /// Adds a user; false if the name or the external id is taken.
    pub(crate) async fn create_user(
        &self,
        user: user::Model,
        event: audit_event::Model,
    ) -> Result<bool, Error> {
        let transaction = self.begin().await?;
        insert_new(transaction, user, event).await
    }

    /// Adds a user if there is none at all; false if there is one. Of two who try, one succeeds.
    pub(crate) async fn create_first_user(
        &self,
        user: user::Model,
        event: audit_event::Model,
    ) -> Result<bool, Error> {
        let transaction = self.begin().await?;
        lock_users(&transaction).await?;
        if user::Entity::find().one(&transaction).await?.is_some() {
            return Ok(false);
        }
        insert_new(transaction, user, event).await
    }

    /// Changes a user. Who is disabled or gets a new password loses all sessions and tokens.
    pub(crate) async fn change_user(
        &self,
        id: Uuid,
        change: UserChange,
        event: audit_event::Model,
    ) -> Result<Changed, Error> {
        let transaction = self.begin().await?;
        lock_users(&transaction).await?;
        let Some(before) = user::Entity::find_by_id(id).one(&transaction).await? else {
            return Ok(Changed::NotFound);
        };
        let ends_admin =
            change.active == Some(false) || change.role.as_ref().is_some_and(|role| role != ADMIN);
        if ends_admin && is_last_admin(&transaction, &before).await? {
            return Ok(Changed::LastAdmin);
        }
        if change.active == Some(false) || change.password_hash.is_some() {
            end_credentials(&transaction, id).await?;
        }
        let after = match change.apply(before).update(&transaction).await {
            Ok(after) => after,
            Err(error) => {
                return match error.sql_err() {
                    Some(SqlErr::UniqueConstraintViolation(_)) => Ok(Changed::NameTaken),
                    _ => Err(error.into()),
                };
            }
        };
        insert_event(&transaction, event).await?;
        transaction.commit().await?;
        Ok(Changed::Done(after))
    }

    /// Adds a token.
    pub(crate) async fn create_token(
        &self,
        token: api_token::Model,
        event: audit_event::Model,
    ) -> Result<(), Error> {
        let transaction = self.begin().await?;
        api_token::Entity::insert(token.into_active_model())
            .exec_without_returning(&transaction)
            .await?;
        insert_event(&transaction, event).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a token; None if there is none of this id that isn't revoked yet.
    pub(crate) async fn revoke_token(
        &self,
        id: Uuid,
        event: audit_event::Model,
    ) -> Result<Option<api_token::Model>, Error> {
        let transaction = self.begin().await?;
        let revoked = api_token::Entity::update_many()
            .col_expr(api_token::Column::RevokedAt, Expr::value(Timestamp::now()))
            .filter(api_token::Column::Id.eq(id))
            .filter(api_token::Column::RevokedAt.is_null())
            .exec(&transaction)
            .await?;
        if revoked.rows_affected == 0 {
            return Ok(None);
        }
        let token = api_token::Entity::find_by_id(id).one(&transaction).await?;
        insert_event(&transaction, event).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Takes all keys of a session away; None if there is no such session.
    pub(crate) async fn end_session(
        &self,
        id: Uuid,
        event: audit_event::Model,
    ) -> Result<Option<session::Model>, Error> {
        let transaction = self.begin().await?;
        let Some(session) = session::Entity::find_by_id(id).one(&transaction).await? else {
            return Ok(None);
        };
        session_key::Entity::delete_many()
            .filter(session_key::Column::SessionId.eq(id))
            .exec(&transaction)
            .await?;
        insert_event(&transaction, event).await?;
        transaction.commit().await?;
        Ok(Some(session))
    }

    /// Takes the keys of all sessions of a user away, and tells how many there were. None if there
    /// is no such user.
    pub(crate) async fn end_sessions_of(
        &self,
        user_id: Uuid,
        event: audit_event::Model,
    ) -> Result<Option<u64>, Error> {
        let transaction = self.begin().await?;
        if user::Entity::find_by_id(user_id).one(&transaction).await?.is_none() {
            return Ok(None);
        }
        let ended = delete_keys_of(&transaction, user_id).await?;
        insert_event(&transaction, event).await?;
        transaction.commit().await?;
        Ok(Some(ended))
    }
}

impl UserChange {
    fn apply(self, user: user::Model) -> user::ActiveModel {
        let ends_credentials = self.active == Some(false) || self.password_hash.is_some();
        let mut changed = user.into_active_model();
        if let Some(username) = self.username {
            changed.username = Set(username);
        }
        if let Some(role) = self.role {
            changed.role = Set(role);
        }
        if let Some(active) = self.active {
            changed.active = Set(active);
        }
        if let Some(hash) = self.password_hash {
            changed.password_hash = Set(Some(hash));
        }
        if ends_credentials {
            changed.credentials_changed_at = Set(Timestamp::now());
        }
        changed
    }
}

async fn insert_new(
    transaction: DatabaseTransaction,
    user: user::Model,
    event: audit_event::Model,
) -> Result<bool, Error> {
    let inserted = user::Entity::insert(user.into_active_model())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(&transaction)
        .await?;
    if !matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok(false);
    }
    insert_event(&transaction, event).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Lets only one transaction at a time decide on users. On SQLite there is only one anyway.
pub(super) async fn lock_users(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({USERS_LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// Whether this user is an active admin, and the only one.
pub(super) async fn is_last_admin(
    transaction: &DatabaseTransaction,
    user: &user::Model,
) -> Result<bool, DbErr> {
    if !user.active || user.role != ADMIN {
        return Ok(false);
    }
    let others = user::Entity::find()
        .filter(user::Column::Role.eq(ADMIN))
        .filter(user::Column::Active.eq(true))
        .filter(user::Column::Id.ne(user.id))
        .count(transaction)
        .await?;
    Ok(others == 0)
}

/// Takes away what a user could come in with.
pub(super) async fn end_credentials(
    transaction: &DatabaseTransaction,
    user_id: Uuid,
) -> Result<(), DbErr> {
    delete_keys_of(transaction, user_id).await?;
    api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, Expr::value(Timestamp::now()))
        .filter(api_token::Column::UserId.eq(user_id))
        .filter(api_token::Column::RevokedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Who is logged in owns the session, so the keys are found by way of the user's sessions.
async fn delete_keys_of(transaction: &DatabaseTransaction, user_id: Uuid) -> Result<u64, DbErr> {
    let sessions = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .filter(session::Column::UserId.eq(user_id))
        .into_query();
    let deleted = session_key::Entity::delete_many()
        .filter(session_key::Column::SessionId.in_subquery(sessions))
        .exec(transaction)
        .await?;
    Ok(deleted.rows_affected)
}
