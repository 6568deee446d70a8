//! The least that is counted in advance is five minutes, no more a quarter of an hour.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, DbErr};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261127_000006_count_five_minutes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for table in ["djaffar_rollup", "djaffar_rollup_item", "djaffar_rollup_stale"] {
            let sql = format!("DELETE FROM {table} WHERE level = 900000000");
            connection.execute_unprepared(&sql).await?;
        }
        connection.execute_unprepared(&mark_all(manager.get_database_backend())).await?;
        Ok(())
    }
}

/// All five minutes in which there is an activity have to be rolled up.
fn mark_all(backend: DatabaseBackend) -> String {
    let id = match backend {
        DatabaseBackend::Postgres => "gen_random_uuid()",
        _ => "randomblob(16)",
    };
    // The remainder of a date before 1970 is negative.
    format!(
        "INSERT INTO djaffar_rollup_stale (id, level, start, held_at) \
         SELECT {id}, 300000000, start, 0 FROM (SELECT DISTINCT \
         date - ((date % 300000000) + 300000000) % 300000000 AS start FROM djaffar_activity) AS periods"
    )
}
