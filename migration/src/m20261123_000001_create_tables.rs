//! Users, API tokens, sessions, session keys and activities.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseBackend, DbErr};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261123_000001_create_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let binary = Binary(manager.get_database_backend());
        create_user(manager, &binary).await?;
        create_api_token(manager).await?;
        create_session(manager, &binary).await?;
        create_session_key(manager).await?;
        create_activity(manager, &binary).await
    }
}

async fn create_user(manager: &SchemaManager<'_>, binary: &Binary) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_user")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(binary.text("username").not_null().unique_key())
        .col(ColumnDef::new("external_id").text().unique_key())
        .col(ColumnDef::new("password_hash").text())
        .col(ColumnDef::new("role").text().not_null())
        .col(ColumnDef::new("active").boolean().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("credentials_changed_at").big_integer().not_null())
        .col(ColumnDef::new("last_seen_at").big_integer())
        .take();
    manager.create_table(table).await?;
    index(manager, "djaffar_user", &["created_at", "id"]).await
}

async fn create_api_token(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_api_token")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("user_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("token_hash").binary_len(32).not_null().unique_key())
        .col(ColumnDef::new("scopes").text().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("expires_at").big_integer())
        .col(ColumnDef::new("last_used_at").big_integer())
        .col(ColumnDef::new("revoked_at").big_integer())
        .take();
    manager.create_table(table).await?;
    index(manager, "djaffar_api_token", &["user_id", "id"]).await
}

/// What staff see of a session. It stays when the visitor logs out: activities point to it.
async fn create_session(manager: &SchemaManager<'_>, binary: &Binary) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_session")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("user_id").uuid())
        .col(binary.text("user_agent").not_null())
        .col(ColumnDef::new("first_seen_at").big_integer().not_null())
        .col(ColumnDef::new("last_seen_at").big_integer().not_null())
        .take();
    manager.create_table(table).await?;
    index(manager, "djaffar_session", &["first_seen_at", "id"]).await?;
    index(manager, "djaffar_session", &["user_id", "first_seen_at", "id"]).await
}

/// The credential of a live session: the hash of what the cookie holds. It goes at log-out.
async fn create_session_key(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_session_key")
        .col(ColumnDef::new("key_hash").binary_len(32).not_null().primary_key())
        .col(ColumnDef::new("session_id").uuid().not_null())
        .col(ColumnDef::new("user_id").uuid())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("expires_at").big_integer().not_null())
        .take();
    manager.create_table(table).await?;
    index(manager, "djaffar_session_key", &["expires_at"]).await
}

async fn create_activity(manager: &SchemaManager<'_>, binary: &Binary) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_activity")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("date").big_integer().not_null())
        .col(ColumnDef::new("received_at").big_integer().not_null())
        .col(binary.text("path").not_null())
        .col(binary.text("referer"))
        .col(binary.text("name").not_null())
        .col(ColumnDef::new("properties").json_binary())
        .col(ColumnDef::new("truncated").boolean().not_null())
        .col(ColumnDef::new("user_id").uuid())
        .col(ColumnDef::new("session_id").uuid())
        .col(binary.text("ip_address"))
        .take();
    manager.create_table(table).await
}

async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(format!("{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// Text columns that compare by bytes: the default of SQLite, to be asked for on PostgreSQL.
struct Binary(DatabaseBackend);

impl Binary {
    fn text(&self, name: &'static str) -> ColumnDef {
        match self.0 {
            DatabaseBackend::Postgres => ColumnDef::new(name).custom("text COLLATE \"C\"").take(),
            _ => ColumnDef::new(name).text().take(),
        }
    }
}
