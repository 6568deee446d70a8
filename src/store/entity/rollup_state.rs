//! What rolling up and sweeping know of each other.

use sea_orm::entity::prelude::*;

use crate::store::Timestamp;

/// The only row of `djaffar_rollup_state`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_rollup_state")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// How often rollups were written.
    pub rolled: i64,
    /// How often terms were forgotten.
    pub swept: i64,
    /// When all terms were looked through.
    pub swept_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
