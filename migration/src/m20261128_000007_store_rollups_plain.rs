//! PostgreSQL keeps what is counted in advance as it is. It would compress it, to three quarters, and a
//! dashboard would take half as long again to unpack it. What has been kept before is packed until it
//! is counted anew.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, DbErr};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261128_000007_store_rollups_plain"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DatabaseBackend::Postgres {
            return Ok(());
        }
        for (table, columns) in [
            ("djaffar_rollup", ["users", "sessions", "user_sessions"]),
            ("djaffar_rollup_item", ["counts", "users", "sessions"]),
        ] {
            let plain = columns.map(|column| format!("ALTER COLUMN {column} SET STORAGE EXTERNAL"));
            let sql = format!("ALTER TABLE {table} {}", plain.join(", "));
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
