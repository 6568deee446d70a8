//! Queries on users.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, Set, SqlErr, TryInsertResult,
};
use uuid::Uuid;

use super::activities::{Bound, Text, any_of};
use super::entity::user::{ActiveModel, Column, Entity, Model};
use super::keyset::{self, CappedCount, Keyset, Page, Slice};
use super::{Store, Timestamp};
use crate::error::Error;

/// Users that one statement inserts.
const USERS_AT_ONCE: usize = 500;

/// Which users are meant: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub username: Vec<Text>,
    pub roles: Option<Vec<String>>,
    pub active: Option<bool>,
    pub last_seen_at: Vec<(Bound, Timestamp)>,
}

impl Filter {
    /// Whether it is for users who are called by their names.
    pub(crate) fn names_users(&self) -> bool {
        self.username.iter().any(|text| matches!(text, Text::In(_)))
    }
}

/// What users are sorted by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SortKey {
    Username,
    CreatedAt,
    /// To be asked of those alone who were seen.
    LastSeenAt,
}

impl Store {
    /// One page of users.
    pub(crate) async fn users(
        &self,
        filter: &Filter,
        key: SortKey,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<Model>, Error> {
        let key = match key {
            SortKey::Username => Column::Username,
            SortKey::CreatedAt => Column::CreatedAt,
            SortKey::LastSeenAt => Column::LastSeenAt,
        };
        let keyset = Keyset { key, id: Column::Id, descending };
        Ok(keyset
            .fetch(&self.read, filter.condition(self.read.get_database_backend()), page)
            .await?)
    }

    /// How many users the filter lets through.
    pub(crate) async fn count_users(
        &self,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        Ok(keyset::count::<Entity>(
            &self.read,
            filter.condition(self.read.get_database_backend()),
            cap,
        )
        .await?)
    }

    /// All users by name.
    pub(crate) async fn all_users(&self) -> Result<Vec<Model>, Error> {
        Ok(Entity::find().order_by_asc(Column::Username).all(&self.read).await?)
    }

    /// Whether there is any user yet.
    pub(crate) async fn has_users(&self) -> Result<bool, Error> {
        Ok(Entity::find().one(&self.lookup).await?.is_some())
    }

    /// Those of the users that exist, in no order.
    pub(crate) async fn users_by_id(&self, ids: &[Uuid]) -> Result<Vec<Model>, Error> {
        let select = Entity::find().filter(any_of(Column::Id, ids.iter().copied()));
        Ok(select.all(&self.lookup).await?)
    }

    /// The user of this name.
    pub(crate) async fn user_by_name(&self, username: &str) -> Result<Option<Model>, Error> {
        Ok(Entity::find().filter(Column::Username.eq(username)).one(&self.lookup).await?)
    }

    /// The user that a host application knows by this id.
    pub(crate) async fn user_by_external_id(&self, id: &str) -> Result<Option<Model>, Error> {
        Ok(Entity::find().filter(Column::ExternalId.eq(id)).one(&self.lookup).await?)
    }

    /// Adds a user; false if the name or the external id is taken.
    pub(crate) async fn insert_user(&self, user: Model) -> Result<bool, Error> {
        let inserted = Entity::insert(user.into_active_model())
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .try_insert()
            .exec_without_returning(&self.write)
            .await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
    }

    /// Adds users; those whose id or name is taken are left out.
    pub(crate) async fn insert_users(&self, users: Vec<Model>) -> Result<(), Error> {
        let transaction = self.begin().await?;
        for users in users.chunks(USERS_AT_ONCE) {
            let rows = users.iter().cloned().map(IntoActiveModel::into_active_model);
            Entity::insert_many(rows)
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .exec_without_returning(&transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Gives a user another name and role; false if the name is taken.
    pub(crate) async fn rename_user(
        &self,
        id: Uuid,
        username: String,
        role: &str,
    ) -> Result<bool, Error> {
        let change = ActiveModel {
            id: Set(id),
            username: Set(username),
            role: Set(role.to_owned()),
            ..Default::default()
        };
        match change.update(&self.write).await {
            Ok(_) => Ok(true),
            Err(error) => match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
                _ => Err(error.into()),
            },
        }
    }
}

impl Filter {
    fn condition(&self, backend: DatabaseBackend) -> Condition {
        let mut condition = Condition::all();
        for text in &self.username {
            condition = condition.add(text.on(Column::Username, backend));
        }
        if let Some(roles) = &self.roles {
            condition = condition.add(Column::Role.is_in(roles.clone()));
        }
        if let Some(active) = self.active {
            condition = condition.add(Column::Active.eq(active));
        }
        for (bound, at) in &self.last_seen_at {
            condition = condition.add(bound.on(Column::LastSeenAt, *at));
        }
        condition
    }
}
