//! Queries on the audit log, which only ever grows until its retention ends.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};

use super::Store;
use super::entity::audit_event::{Column, Entity, Model};
use super::keyset::{self, CappedCount, Keyset, Page, Slice};
use crate::error::Error;

impl Store {
    /// Adds a line that stands for itself; a line on a change is written with the change.
    pub(crate) async fn audit(&self, event: Model) -> Result<(), Error> {
        Ok(insert_event(&self.write, event).await?)
    }

    /// One page of the audit log, the newest first.
    pub(crate) async fn audit_events(&self, page: &Page) -> Result<Slice<Model>, Error> {
        let keyset = Keyset { key: Column::Date, id: Column::Id, descending: true };
        Ok(keyset.fetch(&self.read, Entity::find(), page).await?)
    }

    /// How many lines the audit log has.
    pub(crate) async fn count_audit_events(&self, cap: u64) -> Result<CappedCount, Error> {
        Ok(keyset::count(&self.read, Entity::find(), cap).await?)
    }
}

pub(super) async fn insert_event<C: ConnectionTrait>(
    connection: &C,
    event: Model,
) -> Result<(), DbErr> {
    Entity::insert(event.into_active_model()).exec_without_returning(connection).await?;
    Ok(())
}
