//! Somebody who uses the application, or works on it.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_user`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub username: String,
    /// The id by which a host application knows this user.
    pub external_id: Option<String>,
    /// PHC string; None: no log-in by password.
    pub password_hash: Option<String>,
    /// `user`, `staff` or `admin`.
    pub role: String,
    pub active: bool,
    pub created_at: Timestamp,
    /// Sessions older than this are void.
    pub credentials_changed_at: Timestamp,
    /// Right to the minute.
    pub last_seen_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
