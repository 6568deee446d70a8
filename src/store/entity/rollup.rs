//! What happened in a period of time, counted.

use sea_orm::entity::prelude::*;

use crate::store::Timestamp;

/// One row of `djaffar_rollup`. Sets are packed numbers of terms.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_rollup")]
pub struct Model {
    /// How long the period is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub level: i64,
    /// When it begins.
    #[sea_orm(primary_key, auto_increment = false)]
    pub start: Timestamp,
    pub activities: i64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub users: Vec<u8>,
    pub sessions: Vec<u8>,
    /// Sessions in which somebody was logged in.
    pub user_sessions: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
