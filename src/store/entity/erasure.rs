//! Somebody who is being forgotten. The row goes when that is done.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_erasure`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_erasure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `user`, `session` or `ip`.
    pub person: String,
    /// The id, or the address.
    pub value: String,
    /// `delete` or `anonymise`.
    pub mode: String,
    pub ordered_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
