//! Queries on the audit log, which only ever grows until its retention ends.

use sea_orm::{Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::activities::{Bound, one_of};
use super::entity::audit_event::{Column, Entity, Model};
use super::keyset::{self, CappedCount, Keyset, Page, Slice};
use super::{Store, Timestamp};
use crate::error::Error;

/// Which lines are meant: those for which all of this holds, one of each of the lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub actions: Vec<Vec<String>>,
    pub actors: Vec<Vec<Uuid>>,
    pub subjects: Vec<Vec<Uuid>>,
    pub date: Vec<(Bound, Timestamp)>,
}

impl Store {
    /// Adds a line that stands for itself; a line on a change is written with the change.
    pub(crate) async fn audit(&self, event: Model) -> Result<(), Error> {
        Ok(insert_event(&self.write, event).await?)
    }

    /// One page of the audit log, the newest first.
    pub(crate) async fn audit_events(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Slice<Model>, Error> {
        let keyset = Keyset { key: Column::Date, id: Column::Id, descending: true };
        Ok(keyset.fetch(&self.read, filter.condition(), page).await?)
    }

    /// How many lines the audit log has.
    pub(crate) async fn count_audit_events(
        &self,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        Ok(keyset::count::<Entity>(&self.read, filter.condition(), cap).await?)
    }
}

impl Filter {
    fn condition(&self) -> Condition {
        let mut condition = Condition::all();
        for actions in &self.actions {
            condition = condition.add(one_of(Column::Action, actions));
        }
        for actors in &self.actors {
            condition = condition.add(one_of(Column::ActorId, actors));
        }
        for subjects in &self.subjects {
            let subjects: Vec<_> = subjects.iter().map(Uuid::to_string).collect();
            condition = condition.add(one_of(Column::Subject, &subjects));
        }
        for (bound, at) in &self.date {
            condition = condition.add(bound.on(Column::Date, *at));
        }
        condition
    }
}

pub(super) async fn insert_event<C: ConnectionTrait>(
    connection: &C,
    event: Model,
) -> Result<(), DbErr> {
    Entity::insert(event.into_active_model()).exec_without_returning(connection).await?;
    Ok(())
}
