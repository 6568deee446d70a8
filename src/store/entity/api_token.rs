//! A bearer token of a user, of which only the hash is kept.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_api_token`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_api_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// Comma-separated: `log`, `read`, `admin`.
    pub scopes: String,
    pub created_at: Timestamp,
    /// None: never.
    pub expires_at: Option<Timestamp>,
    /// Right to the minute.
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
