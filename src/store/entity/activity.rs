//! What a user did, as told by the front end, with what the server knows of it.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::store::Timestamp;

/// One row of `djaffar_activity`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "djaffar_activity")]
pub struct Model {
    /// Given by the client, or made by the server (UUIDv7).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it happened, by the client.
    pub date: Timestamp,
    /// When the server took it.
    pub received_at: Timestamp,
    pub path: String,
    pub referer: Option<String>,
    /// The kind of event.
    pub name: String,
    pub properties: Option<Json>,
    /// Whether a value was longer than its limit and has been cut.
    pub truncated: bool,
    pub user_id: Option<Uuid>,
    pub session_id: Option<Uuid>,
    pub ip_address: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
