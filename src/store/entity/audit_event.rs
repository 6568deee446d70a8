//! What staff did, for those who watch over them.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_audit`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub date: Timestamp,
    /// None: the operator at the command line, or somebody who was not let in.
    pub actor_id: Option<Uuid>,
    pub action: String,
    /// The id of whom or what it was done to.
    pub subject: Option<String>,
    pub details: Option<Json>,
    pub ip_address: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
