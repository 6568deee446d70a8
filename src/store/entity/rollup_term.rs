//! The numbers by which rollups know paths, users, sessions and so on.

use sea_orm::entity::prelude::*;

/// One row of `djaffar_rollup_term`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_rollup_term")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: i64,
    /// Counted from 0 within the kind.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// A text in UTF-8, or the bytes of a UUID.
    pub value: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
