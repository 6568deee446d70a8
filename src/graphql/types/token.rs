//! API tokens, without their secrets.

use async_graphql::{Context, ID, Object};
use chrono::{DateTime, Utc};

use super::user::User;
use super::viewer::Scope;
use crate::auth;
use crate::graphql::loaders;

/// A bearer token of a user.
#[derive(Clone)]
pub(in crate::graphql) struct ApiToken(pub(in crate::graphql) auth::Token);

/// A bearer token of a user, without its secret; for admins.
#[Object]
impl ApiToken {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What its owner calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may be used for, within the rights of its user.
    async fn scopes(&self) -> Vec<Scope> {
        self.0.scopes.iter().map(|scope| Scope::from(*scope)).collect()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Until when it is good; null: until it is revoked.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// When it was used last, right to the minute.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// When it was ended; null: it was not.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }

    /// Whose rights it carries; null: they have been erased.
    async fn user(&self, context: &Context<'_>) -> async_graphql::Result<Option<User>> {
        Ok(loaders(context)?.users.load_one(self.0.user_id).await?.map(User))
    }
}
