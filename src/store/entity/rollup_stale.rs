//! A period of which the rollup can't be relied on.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_rollup_stale`; a period may have several.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_rollup_stale")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub level: i64,
    pub start: Timestamp,
    /// The writer that goes on writing into the period; None: it may be rolled up.
    pub writer: Option<Uuid>,
    /// When the writer last said so.
    pub held_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
