//! Queries on sessions and their keys.

use sea_orm::{
    ColumnTrait, Condition, DatabaseBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::activities::{Bound, Text, any_of, one_of};
use super::entity::session::{Column, Entity, Model};
use super::entity::{session_key, user};
use super::keyset::{self, CappedCount, Keyset, Page, Slice};
use super::leading::without_index;
use super::{Store, Timestamp};
use crate::error::Error;

/// Expired keys that one statement of the sweep removes.
const SWEEP: u64 = 1_000;

/// Which sessions are meant: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Is one of each of these lists.
    pub users: Vec<Vec<Uuid>>,
    /// Whether nobody has logged in.
    pub anonymous: Option<bool>,
    pub user_agent: Vec<Text>,
    pub first_seen_at: Vec<(Bound, Timestamp)>,
    pub last_seen_at: Vec<(Bound, Timestamp)>,
}

/// What sessions are sorted by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SortKey {
    FirstSeenAt,
    LastSeenAt,
}

impl Store {
    /// One page of sessions.
    pub(crate) async fn sessions(
        &self,
        filter: &Filter,
        key: SortKey,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<Model>, Error> {
        let column = match key {
            SortKey::FirstSeenAt => Column::FirstSeenAt,
            SortKey::LastSeenAt => Column::LastSeenAt,
        };
        let keyset = Keyset { key: column, id: Column::Id, descending };
        Ok(keyset
            .fetch(&self.read, filter.condition(key, self.read.get_database_backend()), page)
            .await?)
    }

    /// How many sessions the filter lets through.
    pub(crate) async fn count_sessions(
        &self,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        let condition = filter.condition(SortKey::FirstSeenAt, self.read.get_database_backend());
        Ok(keyset::count::<Entity>(&self.read, condition, cap).await?)
    }

    /// Those of the sessions that exist, in no order.
    pub(crate) async fn sessions_by_id(&self, ids: &[Uuid]) -> Result<Vec<Model>, Error> {
        let select = Entity::find().filter(any_of(Column::Id, ids.iter().copied()));
        Ok(select.all(&self.lookup).await?)
    }

    /// The live session that a key opens.
    ///
    /// None if it has expired, or if its user was disabled or got a new password meanwhile.
    pub(crate) async fn session_by_key(
        &self,
        key_hash: &[u8],
    ) -> Result<Option<(session_key::Model, Model)>, Error> {
        let key = session_key::Entity::find_by_id(key_hash.to_vec())
            .filter(session_key::Column::ExpiresAt.gt(Timestamp::now()))
            .one(&self.lookup)
            .await?;
        let Some(key) = key else { return Ok(None) };
        if let Some(user_id) = key.user_id {
            let user = user::Entity::find_by_id(user_id).one(&self.lookup).await?;
            if !user.is_some_and(|user| key.opens(&user)) {
                return Ok(None);
            }
        }
        let session = Entity::find_by_id(key.session_id).one(&self.lookup).await?;
        Ok(session.map(|session| (key, session)))
    }

    /// Those of the sessions that have a key which is good: see [`Store::session_by_key`].
    pub(crate) async fn active_sessions(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        let keys = session_key::Entity::find()
            .filter(any_of(session_key::Column::SessionId, ids.iter().copied()))
            .filter(session_key::Column::ExpiresAt.gt(Timestamp::now()))
            .all(&self.read)
            .await?;
        let users = keys.iter().filter_map(|key| key.user_id).collect::<Vec<_>>();
        let users = self.users_by_id(&users).await?;
        let is_good = |key: &session_key::Model| match key.user_id {
            Some(id) => users.iter().find(|user| user.id == id).is_some_and(|user| key.opens(user)),
            None => true,
        };
        Ok(keys.iter().filter(|key| is_good(key)).map(|key| key.session_id).collect())
    }

    /// The sessions in which a user is logged in.
    pub(crate) async fn open_sessions_of(&self, user_id: Uuid) -> Result<Vec<Uuid>, Error> {
        let Some(user) = user::Entity::find_by_id(user_id).one(&self.lookup).await? else {
            return Ok(Vec::new());
        };
        let keys = session_key::Entity::find()
            .filter(session_key::Column::UserId.eq(user_id))
            .filter(session_key::Column::ExpiresAt.gt(Timestamp::now()))
            .all(&self.read)
            .await?;
        Ok(keys.iter().filter(|key| key.opens(&user)).map(|key| key.session_id).collect())
    }

    /// Takes a session's key away. The session and its activities stay.
    pub(crate) async fn delete_session_key(&self, key_hash: Vec<u8>) -> Result<(), Error> {
        session_key::Entity::delete_by_id(key_hash).exec(&self.write).await?;
        Ok(())
    }

    /// Removes up to a thousand expired keys, and tells how many.
    pub(crate) async fn sweep_session_keys(&self) -> Result<u64, Error> {
        let expired = session_key::Entity::find()
            .select_only()
            .column(session_key::Column::KeyHash)
            .filter(session_key::Column::ExpiresAt.lte(Timestamp::now()))
            .limit(SWEEP)
            .into_query();
        let swept = session_key::Entity::delete_many()
            .filter(session_key::Column::KeyHash.in_subquery(expired))
            .exec(&self.write)
            .await?;
        Ok(swept.rows_affected)
    }
}

impl Filter {
    fn condition(&self, key: SortKey, backend: DatabaseBackend) -> Condition {
        let mut condition = Condition::all();
        for users in &self.users {
            condition = condition.add(one_of(Column::UserId, users));
        }
        if let Some(anonymous) = self.anonymous {
            let user = Column::UserId;
            let is = Condition::all();
            let is = is.add(if anonymous { user.is_null() } else { user.is_not_null() });
            condition = match key {
                // SQLite would find all of them by index, and sort them.
                SortKey::LastSeenAt if backend == DatabaseBackend::Sqlite => {
                    condition.add(without_index(is))
                }
                _ => condition.add(is),
            };
        }
        for text in &self.user_agent {
            condition = condition.add(text.on(Column::UserAgent, backend));
        }
        for (bound, at) in &self.first_seen_at {
            condition = condition.add(bound.on(Column::FirstSeenAt, *at));
        }
        for (bound, at) in &self.last_seen_at {
            condition = condition.add(bound.on(Column::LastSeenAt, *at));
        }
        condition
    }
}
