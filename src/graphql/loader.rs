//! Loads the users and sessions of many activities with one statement each.
//!
//! A list fetches what is selected of its items before they are resolved, so the number of
//! statements does not hang on timing. Nothing is shared between requests.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, Lookahead};
use uuid::Uuid;

use super::Domain;
use crate::activity::{Activities, Activity, Course};
use crate::auth::{Auth, Reader, Session, User};
use crate::error::Error;

/// The loaders of a request, made when the first one is needed: to log an activity takes none.
pub(crate) struct Loading {
    loaders: OnceLock<Loaders>,
    is_cached: bool,
}

impl Loading {
    /// For an operation that is answered once.
    pub(crate) fn once() -> Self {
        Self { loaders: OnceLock::new(), is_cached: true }
    }

    /// For an operation that goes on and on: it must see what changes.
    pub(crate) fn on_and_on() -> Self {
        Self { is_cached: false, ..Self::once() }
    }

    pub(super) fn loaders(&self, domain: &Domain) -> &Loaders {
        self.loaders.get_or_init(|| {
            let loaders = Loaders::new(&domain.auth, &domain.activities, self.is_cached);
            loaders.users.enable_all_cache(self.is_cached);
            loaders.sessions.enable_all_cache(self.is_cached);
            loaders.courses.enable_all_cache(self.is_cached);
            loaders.active.enable_all_cache(self.is_cached);
            loaders
        })
    }
}

/// The loaders of a request.
pub(super) struct Loaders {
    pub users: DataLoader<UserLoader, HashMapCache>,
    pub sessions: DataLoader<SessionLoader, HashMapCache>,
    pub courses: DataLoader<CourseLoader, HashMapCache>,
    pub active: DataLoader<ActiveLoader, HashMapCache>,
    is_cached: bool,
}

impl Loaders {
    fn new(auth: &Arc<Auth>, activities: &Activities, is_cached: bool) -> Self {
        let cache = HashMapCache::default;
        let users = DataLoader::with_cache(UserLoader(auth.clone()), tokio::spawn, cache());
        let sessions = DataLoader::with_cache(SessionLoader(auth.clone()), tokio::spawn, cache());
        let courses =
            DataLoader::with_cache(CourseLoader(activities.clone()), tokio::spawn, cache());
        let active = DataLoader::with_cache(ActiveLoader(auth.clone()), tokio::spawn, cache());
        Self {
            users: users.delay(Duration::ZERO),
            sessions: sessions.delay(Duration::ZERO),
            // Nothing fetches them before they are resolved: those of a list gather for a moment.
            courses: courses.delay(Duration::from_micros(100)),
            active: active.delay(Duration::from_micros(100)),
            is_cached,
        }
    }

    /// Fetches the sessions and users of activities, as far as they are selected.
    pub(crate) async fn prefetch(
        &self,
        selected: &Selected<'_>,
        activities: &[Activity],
    ) -> Result<(), Arc<Error>> {
        if !self.is_cached {
            // Nobody would look for them, and they would be held for as long as the operation goes on.
            return Ok(());
        }
        let own = |of: fn(&Activity) -> Option<Uuid>, is_selected| {
            activities.iter().filter_map(of).filter(move |_| is_selected)
        };
        let users = own(|activity| activity.user_id, selected.has("user"));
        let sessions = own(|activity| activity.session_id, selected.has("session"));
        let (users, sessions) =
            tokio::try_join!(fetch(&self.users, users), fetch(&self.sessions, sessions))?;
        self.users.feed_many(users).await;
        if selected.has_in("session", "user") {
            let ids = sessions.values().filter_map(|session| session.user_id);
            self.users.feed_many(fetch(&self.users, ids).await?).await;
        }
        self.sessions.feed_many(sessions).await;
        Ok(())
    }

    /// Fetches the users of sessions, if they are selected.
    pub(crate) async fn prefetch_users(
        &self,
        selected: &Selected<'_>,
        sessions: &[Session],
    ) -> Result<(), Arc<Error>> {
        if self.is_cached && selected.has("user") {
            let ids = sessions.iter().filter_map(|session| session.user_id);
            self.users.feed_many(fetch(&self.users, ids).await?).await;
        }
        Ok(())
    }
}

/// Loads several at once. The loader itself would first wait for others to gather, for as long as two
/// changes of threads take.
async fn fetch<L>(
    loader: &DataLoader<L, HashMapCache>,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, L::Value>, L::Error>
where
    L: Loader<Uuid>,
{
    let ids: HashSet<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    loader.loader().load(&Vec::from_iter(ids)).await
}

/// What an operation selects of the items of a connection.
pub(crate) struct Selected<'a>([Lookahead<'a>; 2]);

impl<'a> Selected<'a> {
    /// Of the connection that is being resolved.
    pub(crate) fn of_items(context: &'a Context<'a>) -> Self {
        let connection = context.look_ahead();
        Self([connection.field("nodes"), connection.field("edges").field("node")])
    }

    /// Of the objects that are being resolved.
    pub(crate) fn of_nodes(context: &'a Context<'a>) -> Self {
        Self([context.look_ahead(), context.look_ahead()])
    }

    fn has(&self, field: &str) -> bool {
        self.0.iter().any(|item| item.field(field).exists())
    }

    fn has_in(&self, field: &str, inner: &str) -> bool {
        self.0.iter().any(|item| item.field(field).field(inner).exists())
    }
}

/// Users by id.
pub(crate) struct UserLoader(Arc<Auth>);

impl Loader<Uuid> for UserLoader {
    type Value = User;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, User>, Arc<Error>> {
        let users = self.0.users.by_ids(ids).await.map_err(Arc::new)?;
        Ok(users.into_iter().map(|user| (user.id, user)).collect())
    }
}

/// Sessions by id.
pub(crate) struct SessionLoader(Arc<Auth>);

impl Loader<Uuid> for SessionLoader {
    type Value = Session;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Session>, Arc<Error>> {
        let sessions = self.0.sessions.by_ids(ids).await.map_err(Arc::new)?;
        Ok(sessions.into_iter().map(|session| (session.id, session)).collect())
    }
}

/// How sessions went, by their ids and who wants to know.
pub(crate) struct CourseLoader(Activities);

impl Loader<(Uuid, Reader)> for CourseLoader {
    type Value = Course;
    type Error = Arc<Error>;

    async fn load(
        &self,
        keys: &[(Uuid, Reader)],
    ) -> Result<HashMap<(Uuid, Reader), Course>, Arc<Error>> {
        let mut by_reader: HashMap<&Reader, Vec<Uuid>> = HashMap::new();
        for (id, reader) in keys {
            by_reader.entry(reader).or_default().push(*id);
        }
        let mut all = HashMap::new();
        for (reader, ids) in by_reader {
            let courses = self.0.courses(reader, &ids).await.map_err(Arc::new)?;
            all.extend(courses.into_iter().map(|(id, course)| ((id, reader.clone()), course)));
        }
        Ok(all)
    }
}

/// Which of some sessions are active.
pub(crate) struct ActiveLoader(Arc<Auth>);

impl Loader<Uuid> for ActiveLoader {
    type Value = ();
    type Error = Arc<Error>;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, ()>, Arc<Error>> {
        let active = self.0.sessions.active(ids).await.map_err(Arc::new)?;
        Ok(active.into_iter().map(|id| (id, ())).collect())
    }
}
