//! The credential of a live session.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use super::user;
use crate::store::Timestamp;

/// One row of `djaffar_session_key`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_session_key")]
pub struct Model {
    /// SHA-256 of the cookie's value.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: Vec<u8>,
    pub session_id: Uuid,
    /// Who is logged in.
    pub user_id: Option<Uuid>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Model {
    /// Whether it is good for its user, who may have been disabled or have got a new password.
    pub(crate) fn opens(&self, user: &user::Model) -> bool {
        user.active && user.credentials_changed_at <= self.created_at
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
