//! What the log is read by. After the tables, so that a new log can be filled first, which is faster.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseBackend, DbErr};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261123_000004_index_activity"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("date_id", &["date", "id"])).await?;
        for column in ["user_id", "session_id", "path", "name", "ip_address"] {
            let name = format!("{column}_date_id");
            manager.create_index(index(&name, &[column, "date", "id"])).await?;
        }
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            // Which sorts what it finds by `user_id IS NULL`; SQLite knows that it is in order.
            let anonymous = index("anonymous_date_id", &["date", "id"])
                .and_where(Expr::col("user_id").is_null())
                .take();
            manager.create_index(anonymous).await?;
        }
        Ok(())
    }
}

fn index(name: &str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("djaffar_activity_{name}")).table("djaffar_activity").if_not_exists();
    for column in columns {
        index.col(*column);
    }
    index
}
