//! Rollups of activities, the terms they are made of, and which of them are stale.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, DbErr};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261123_000002_create_rollups"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_rollup(manager).await?;
        create_rollup_item(manager).await?;
        create_rollup_term(manager).await?;
        create_rollup_stale(manager).await?;
        mark_all(manager).await
    }
}

async fn create_rollup(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_rollup")
        .col(ColumnDef::new("level").big_integer().not_null())
        .col(ColumnDef::new("start").big_integer().not_null())
        .col(ColumnDef::new("activities").big_integer().not_null())
        .col(ColumnDef::new("first").big_integer().not_null())
        .col(ColumnDef::new("last").big_integer().not_null())
        .col(ColumnDef::new("users").blob().not_null())
        .col(ColumnDef::new("sessions").blob().not_null())
        .col(ColumnDef::new("user_sessions").blob().not_null())
        .primary_key(Index::create().col("level").col("start"))
        .take();
    manager.create_table(table).await
}

async fn create_rollup_item(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_rollup_item")
        .col(ColumnDef::new("dimension").big_integer().not_null())
        .col(ColumnDef::new("level").big_integer().not_null())
        .col(ColumnDef::new("start").big_integer().not_null())
        .col(ColumnDef::new("counts").blob().not_null())
        .col(ColumnDef::new("users").blob().not_null())
        .col(ColumnDef::new("sessions").blob().not_null())
        .primary_key(Index::create().col("dimension").col("level").col("start"))
        .take();
    manager.create_table(table).await
}

async fn create_rollup_term(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_rollup_term")
        .col(ColumnDef::new("kind").big_integer().not_null())
        .col(ColumnDef::new("number").big_integer().not_null())
        .col(ColumnDef::new("value").blob().not_null())
        .primary_key(Index::create().col("kind").col("number"))
        .take();
    manager.create_table(table).await?;
    let index = Index::create()
        .name("djaffar_rollup_term_kind_value")
        .table("djaffar_rollup_term")
        .col("kind")
        .col("value")
        .unique()
        .take();
    manager.create_index(index).await
}

async fn create_rollup_stale(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_rollup_stale")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("level").big_integer().not_null())
        .col(ColumnDef::new("start").big_integer().not_null())
        .col(ColumnDef::new("writer").uuid())
        .col(ColumnDef::new("held_at").big_integer().not_null())
        .take();
    manager.create_table(table).await?;
    let index = Index::create()
        .name("djaffar_rollup_stale_level_start")
        .table("djaffar_rollup_stale")
        .col("level")
        .col("start")
        .take();
    manager.create_index(index).await
}

/// Every quarter of an hour in which there is an activity has to be rolled up.
async fn mark_all(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let id = match manager.get_database_backend() {
        DatabaseBackend::Postgres => "gen_random_uuid()",
        _ => "randomblob(16)",
    };
    // The remainder of a date before 1970 is negative.
    let sql = format!(
        "INSERT INTO djaffar_rollup_stale (id, level, start, held_at) \
         SELECT {id}, 900000000, start, 0 FROM (SELECT DISTINCT \
         date - ((date % 900000000) + 900000000) % 900000000 AS start FROM djaffar_activity) AS quarters"
    );
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}
