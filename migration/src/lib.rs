//! Database migrations of djaffar, for SQLite and PostgreSQL.
//!
//! A migration spells its own table names and never imports the entities of the main package, so
//! that it stays what it was when it was released. Every table is called `djaffar_…`: the database
//! may be shared with the application that djaffar serves.
//!
//! Rules that every migration keeps:
//!
//! - A point in time is a `bigint`: microseconds since 1970-01-01T00:00:00Z. It sorts and indexes
//!   the same on both databases.
//! - No foreign keys and no sequences, and every unique key is or contains the primary key or
//!   stands on a small table, so that the tables can later be distributed over several machines.
//! - Text that is compared by range is `COLLATE "C"` on PostgreSQL, as SQLite compares bytes too.

use sea_orm_migration::prelude::*;

mod m20261123_000001_create_tables;
mod m20261123_000002_create_rollups;
mod m20261123_000003_create_audit;
mod m20261123_000004_index_activity;
mod m20261127_000005_keep_watch;
mod m20261127_000006_count_five_minutes;
mod m20261128_000007_store_rollups_plain;

/// All migrations, in the order in which they are applied.
#[derive(Debug)]
pub struct Migrator;

impl Migrator {
    /// How many migrations make the tables; the next one makes the indexes of the log.
    pub const TABLES: u32 = 3;
}

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_tables::Migration),
            Box::new(m20261123_000002_create_rollups::Migration),
            Box::new(m20261123_000003_create_audit::Migration),
            Box::new(m20261123_000004_index_activity::Migration),
            Box::new(m20261127_000005_keep_watch::Migration),
            Box::new(m20261127_000006_count_five_minutes::Migration),
            Box::new(m20261128_000007_store_rollups_plain::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "djaffar_migration".into_iden()
    }
}

pub use sea_orm_migration::MigratorTrait;
