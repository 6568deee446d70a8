//! The audit log of staff, the erasures that are under way, and the way from a session to its keys.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbErr;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261123_000003_create_audit"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_audit(manager).await?;
        create_erasure(manager).await?;
        index_session_key(manager).await
    }
}

async fn create_audit(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_audit")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("date").big_integer().not_null())
        .col(ColumnDef::new("actor_id").uuid())
        .col(ColumnDef::new("action").text().not_null())
        .col(ColumnDef::new("subject").text())
        .col(ColumnDef::new("details").json_binary())
        .col(ColumnDef::new("ip_address").text())
        .take();
    manager.create_table(table).await?;
    let index = Index::create()
        .name("djaffar_audit_date_id")
        .table("djaffar_audit")
        .col("date")
        .col("id")
        .take();
    manager.create_index(index).await
}

/// A row is there until the erasure is complete: it names whom it is about.
async fn create_erasure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_erasure")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("person").text().not_null())
        .col(ColumnDef::new("value").text().not_null())
        .col(ColumnDef::new("mode").text().not_null())
        .col(ColumnDef::new("ordered_at").big_integer().not_null())
        .take();
    manager.create_table(table).await
}

async fn index_session_key(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let index = Index::create()
        .name("djaffar_session_key_session_id")
        .table("djaffar_session_key")
        .col("session_id")
        .take();
    manager.create_index(index).await
}
