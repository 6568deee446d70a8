//! Erasures that are under way: a row in the database, so that a crash does not end them.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, Set,
};
use uuid::Uuid;

use super::admin::{Changed, end_credentials, is_last_admin, lock_users};
use super::audit::insert_event;
use super::entity::erasure::{Column, Entity, Model};
use super::entity::{api_token, audit_event, session_key, user};
use super::{Store, Timestamp};
use crate::error::Error;

impl Store {
    /// Orders an erasure, and locks out whom it is about. A refusal, if it can't be.
    pub(crate) async fn order_erasure(
        &self,
        erasure: Model,
        user: Option<Uuid>,
        session: Option<Uuid>,
        event: audit_event::Model,
    ) -> Result<Option<Changed>, Error> {
        let transaction = self.begin().await?;
        if let Some(id) = user {
            lock_users(&transaction).await?;
            let Some(user) = user::Entity::find_by_id(id).one(&transaction).await? else {
                return Ok(Some(Changed::NotFound));
            };
            if is_last_admin(&transaction, &user).await? {
                return Ok(Some(Changed::LastAdmin));
            }
            end_credentials(&transaction, id).await?;
            let mut user = user.into_active_model();
            user.active = Set(false);
            user.credentials_changed_at = Set(Timestamp::now());
            user.update(&transaction).await?;
        }
        if let Some(id) = session {
            session_key::Entity::delete_many()
                .filter(session_key::Column::SessionId.eq(id))
                .exec(&transaction)
                .await?;
        }
        Entity::insert(erasure.into_active_model()).exec_without_returning(&transaction).await?;
        insert_event(&transaction, event).await?;
        transaction.commit().await?;
        Ok(None)
    }

    /// The erasures that are not complete, the oldest first.
    pub(crate) async fn erasures(&self) -> Result<Vec<Model>, Error> {
        Ok(Entity::find().order_by_asc(Column::Id).all(&self.read).await?)
    }

    /// Whether this one is being erased.
    pub(crate) async fn is_being_erased(&self, person: &str, value: &str) -> Result<bool, Error> {
        let select =
            Entity::find().filter(Column::Person.eq(person)).filter(Column::Value.eq(value));
        Ok(select.count(&self.read).await? > 0)
    }

    /// Completes an erasure: of a user the account goes now, and with the row of the erasure the
    /// last word on whom it was about.
    pub(crate) async fn complete_erasure(&self, id: Uuid, user: Option<Uuid>) -> Result<(), Error> {
        let transaction = self.begin().await?;
        if let Some(user) = user {
            api_token::Entity::delete_many()
                .filter(api_token::Column::UserId.eq(user))
                .exec(&transaction)
                .await?;
            user::Entity::delete_by_id(user).exec(&transaction).await?;
        }
        Entity::delete_by_id(id).exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}
