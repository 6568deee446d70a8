//! What happened in a period of time, counted by path, by user and so on.

use sea_orm::entity::prelude::*;

use crate::store::Timestamp;

/// One row of `djaffar_rollup_item`: all paths, or all users, of a period.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_rollup_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub dimension: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub level: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub start: Timestamp,
    /// The numbers of the terms, how often each came, and how long its two sets are.
    pub counts: Vec<u8>,
    /// The users of each term.
    pub users: Vec<u8>,
    /// The sessions of each term.
    pub sessions: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
