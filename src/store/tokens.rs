//! Queries on API tokens.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::activities::any_of;
use super::entity::api_token::{Column, Entity, Model};
use super::{Store, Timestamp};
use crate::error::Error;

impl Store {
    /// The token of this hash that is neither revoked nor expired.
    pub(crate) async fn token_by_hash(&self, hash: &[u8]) -> Result<Option<Model>, Error> {
        let token = Entity::find()
            .filter(Column::TokenHash.eq(hash.to_vec()))
            .filter(Column::RevokedAt.is_null())
            .one(&self.lookup)
            .await?;
        let now = Timestamp::now();
        Ok(token.filter(|token| token.expires_at.is_none_or(|at| at > now)))
    }

    /// All tokens, those of one user if one is named; the newest first.
    pub(crate) async fn tokens(&self, user: Option<Uuid>) -> Result<Vec<Model>, Error> {
        let mut select = Entity::find().order_by_desc(Column::Id);
        if let Some(user) = user {
            select = select.filter(Column::UserId.eq(user));
        }
        Ok(select.all(&self.read).await?)
    }

    /// Those of the tokens that exist, in no order.
    pub(crate) async fn tokens_by_id(&self, ids: &[Uuid]) -> Result<Vec<Model>, Error> {
        let select = Entity::find().filter(any_of(Column::Id, ids.iter().copied()));
        Ok(select.all(&self.read).await?)
    }
}
