//! A browser session as staff see it; it outlives the credential.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_session`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_session")]
pub struct Model {
    /// Public; nothing to log in with.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who logged in last in this session.
    pub user_id: Option<Uuid>,
    pub user_agent: String,
    pub first_seen_at: Timestamp,
    /// Right to the minute.
    pub last_seen_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
