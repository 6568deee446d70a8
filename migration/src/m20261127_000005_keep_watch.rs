//! An audit log that only grows, what rolling up and sweeping know of each other, and indexes: who was
//! active last, who is logged in, and what somebody did with the rights of staff.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend, DbErr};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261127_000005_keep_watch"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_rollup_state(manager).await?;
        for (table, columns) in [
            ("djaffar_user", &["last_seen_at", "id"][..]),
            ("djaffar_session", &["last_seen_at", "id"]),
            ("djaffar_audit", &["actor_id", "date", "id"]),
            ("djaffar_audit", &["subject", "date", "id"]),
        ] {
            manager.create_index(index(table, columns)).await?;
        }
        let mut logged_in = index("djaffar_session_key", &["user_id"]);
        logged_in.and_where(Expr::col("user_id").is_not_null());
        manager.create_index(logged_in).await?;
        let seal = match manager.get_database_backend() {
            DatabaseBackend::Postgres => POSTGRES_SEAL,
            _ => SQLITE_SEAL,
        };
        manager.get_connection().execute_unprepared(seal).await?;
        Ok(())
    }
}

async fn create_rollup_state(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("djaffar_rollup_state")
        .col(ColumnDef::new("id").big_integer().not_null().primary_key())
        .col(ColumnDef::new("rolled").big_integer().not_null())
        .col(ColumnDef::new("swept").big_integer().not_null())
        .col(ColumnDef::new("swept_at").big_integer().not_null())
        .take();
    manager.create_table(table).await?;
    let row = "INSERT INTO djaffar_rollup_state (id, rolled, swept, swept_at) VALUES (1, 0, 0, 0)";
    manager.get_connection().execute_unprepared(row).await?;
    Ok(())
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

// A line of the audit log is never changed, and goes only when it is a day old: by retention. Who may
// drop triggers is not kept from it, but leaves a trace where the database has one.

const SQLITE_SEAL: &str = "
    CREATE TRIGGER djaffar_audit_update BEFORE UPDATE ON djaffar_audit BEGIN
        SELECT RAISE(ABORT, 'the audit log only grows');
    END;
    CREATE TRIGGER djaffar_audit_delete BEFORE DELETE ON djaffar_audit
    WHEN OLD.date > (CAST(strftime('%s', 'now') AS INTEGER) - 86400) * 1000000 BEGIN
        SELECT RAISE(ABORT, 'the audit log only grows');
    END;
";

const POSTGRES_SEAL: &str = "
    CREATE FUNCTION djaffar_audit_seal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.date <= (extract(epoch FROM clock_timestamp()) - 86400) * 1000000 THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit log only grows';
    END $$;
    CREATE TRIGGER djaffar_audit_change BEFORE UPDATE OR DELETE ON djaffar_audit
    FOR EACH ROW EXECUTE FUNCTION djaffar_audit_seal();
    CREATE TRIGGER djaffar_audit_truncate BEFORE TRUNCATE ON djaffar_audit
    FOR EACH STATEMENT EXECUTE FUNCTION djaffar_audit_seal();
";
