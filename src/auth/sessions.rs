//! Browser sessions: which visit an activity belongs to, and who is logged in.
//!
//! A session has two halves. Its *key* is the secret in the cookie, of which the database holds
//! the hash; it goes at log-out or when it expires. The *session* itself has a public id and stays,
//! because activities point to it. tower-sessions looks after the cookie; what a session is, is looked
//! up here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use sha2::{Digest, Sha256};
use tower_sessions::cookie::time::Duration as Age;
use tower_sessions::{Expiry, Session as Cookie, session::Id};
use uuid::Uuid;

use super::attempts::Attempts;
use super::users::CACHE_TIME;
use super::{Admin, Client, Staff, Viewer};
use crate::config::Config;
use crate::error::Error;
use crate::store::entity::session;
use crate::store::keyset::{CappedCount, Page, Slice};
use crate::store::sessions::{Filter, SortKey};
use crate::store::{Seen, Store, Subject, Timestamp};

/// Times of last use are written down when they are off by so much.
const SEEN_EVERY: Duration = Duration::from_secs(60);
const CACHED: u64 = 20_000;
/// What is kept in the tower-session, and nothing else: facts belong into tables.
pub(super) mod key {
    /// The key under which the session has just been written.
    pub(crate) const KEY: &str = "key";
    /// When the visitor was seen last, in microseconds, right to the minute.
    pub(crate) const SEEN: &str = "seen";
}

/// A browser session as staff see it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Public; nothing to log in with.
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub user_agent: String,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

impl From<session::Model> for Session {
    fn from(row: session::Model) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            user_agent: row.user_agent,
            first_seen_at: row.first_seen_at.into(),
            last_seen_at: row.last_seen_at.into(),
        }
    }
}

/// A live session as a request finds it.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub id: Uuid,
    /// Who logged in by password, and is logged in by the cookie alone.
    pub user_id: Option<Uuid>,
    /// Who the session belongs to, which a token or the host application may have said.
    pub owner_id: Option<Uuid>,
    pub seen_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// When it ends even if it is used.
    pub ends_at: Timestamp,
    /// When it was read from the database.
    pub read_at: Timestamp,
}

impl Live {
    fn is_good(&self) -> bool {
        self.expires_at.min(self.ends_at) > Timestamp::now()
    }
}

/// The browser sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    pub(super) store: Store,
    /// None: ended. So a request that read the session before it ended can't bring it back.
    pub(super) live: Cache<Id, Option<Live>>,
    /// What was read from the database before is looked up anew, in microseconds.
    stale_before: Arc<AtomicI64>,
    /// Users, tokens and sessions whose time of last use has been noted lately.
    noted: Cache<Uuid, ()>,
    /// The users that the sessions of visitors without a cookie belong to.
    pub(super) owners: Cache<Uuid, Uuid>,
    pub(super) expiry: Expiry,
    /// How long a log-in lasts at most, in microseconds.
    log_in_age: i64,
    /// A session is said to be in use when that was said so long ago.
    pub(super) seen_every: Duration,
    /// None: anybody may open as many sessions as they like.
    attempts: Option<Arc<Attempts>>,
}

impl Sessions {
    pub(super) fn new(store: Store, config: &Config, attempts: Option<Arc<Attempts>>) -> Self {
        let age = config.session_age;
        let expiry = match age {
            Some(age) => Expiry::OnInactivity(Age::try_from(age).unwrap_or(Age::MAX)),
            None => Expiry::OnSessionEnd,
        };
        Self {
            store,
            live: Cache::builder().max_capacity(CACHED).time_to_live(CACHE_TIME).build(),
            stale_before: Arc::default(),
            noted: Cache::builder().max_capacity(CACHED).time_to_live(SEEN_EVERY).build(),
            owners: Cache::builder().max_capacity(CACHED).time_to_live(SEEN_EVERY).build(),
            expiry,
            log_in_age: i64::try_from(config.log_in_age.as_micros()).unwrap_or(i64::MAX),
            seen_every: age.map_or(SEEN_EVERY, |age| SEEN_EVERY.min(age / 2)),
            attempts,
        }
    }

    /// How long the cookie lives.
    pub(crate) fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// Notes that these were seen now, if that has not been noted within the last minute.
    pub(crate) async fn note(&self, subjects: Vec<Subject>) {
        let at = Timestamp::now();
        let mut seen = Vec::new();
        for what in subjects {
            if let Subject::User(id) | Subject::Token(id) = what
                && !self.is_noted(id)
            {
                self.mark(id).await;
                seen.push(Seen { what, at });
            }
        }
        if !seen.is_empty() {
            self.store.note(seen);
        }
    }

    /// Notes a sign of life of a session. One that was ended meanwhile stays so.
    pub(super) async fn seen(&self, key: Id, seen_at: Timestamp, expires_at: Timestamp) {
        let Some(live) = self.live.get(&key).await.flatten() else { return };
        if seen_at <= live.seen_at {
            return;
        }
        let expires_at = expires_at.min(live.ends_at);
        let subjects = [
            Some(Subject::Session(live.id)),
            Some(Subject::SessionKey { key_hash: hash(&key), expires_at }),
            live.user_id.map(Subject::User),
        ];
        let seen = subjects.into_iter().flatten().map(|what| Seen { what, at: seen_at });
        self.store.note(seen.collect());
        self.update(key, |live| {
            live.seen_at = seen_at;
            live.expires_at = expires_at;
        })
        .await;
    }

    /// Counts a session that this client is about to open.
    pub(super) fn admit(&self, client: &Client) -> Result<(), Error> {
        self.attempts.as_ref().map_or(Ok(()), |attempts| attempts.session(client))
    }

    /// The same of a visitor, whose session may be there. Anybody can make a token up: whether it is new
    /// is for the database to say.
    pub(super) async fn admit_visitor(
        &self,
        client: &Client,
        session_id: Uuid,
    ) -> Result<(), Error> {
        if self.attempts.is_some() && self.by_ids(&[session_id]).await?.is_empty() {
            self.admit(client)?;
        }
        Ok(())
    }

    /// Whether the last use of this has been written down within the last minute.
    pub(super) fn is_noted(&self, id: Uuid) -> bool {
        self.noted.contains_key(&id)
    }

    pub(super) async fn mark(&self, id: Uuid) {
        self.noted.insert(id, ()).await;
    }

    /// One page of sessions.
    pub(crate) async fn page(
        &self,
        _: &Staff,
        filter: &Filter,
        key: SortKey,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<Session>, Error> {
        Ok(self.store.sessions(filter, key, descending, page).await?.map(Session::from))
    }

    /// How many sessions the filter lets through.
    pub(crate) async fn count(
        &self,
        _: &Staff,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        self.store.count_sessions(filter, cap).await
    }

    /// Those of the sessions that exist, in no order. For those who have the right to each of them.
    pub(crate) async fn by_ids(&self, ids: &[Uuid]) -> Result<Vec<Session>, Error> {
        Ok(self.store.sessions_by_id(ids).await?.into_iter().map(Session::from).collect())
    }

    /// The newest thousand sessions, of one user if one is named, and whether they are active.
    pub(crate) async fn newest(
        &self,
        admin: &Admin,
        user_id: Option<Uuid>,
    ) -> Result<Vec<(Session, bool)>, Error> {
        let users = user_id.map(|user_id| vec![user_id]).into_iter().collect();
        let filter = Filter { users, ..Filter::default() };
        let page = Page { limit: 1_000, ..Page::default() };
        let key = SortKey::FirstSeenAt;
        let sessions = self.page(&admin.staff(), &filter, key, true, &page).await?.rows;
        let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
        let active = self.active(&ids).await?;
        Ok(sessions.into_iter().map(|it| (it.clone(), active.contains(&it.id))).collect())
    }

    /// Those of the sessions that a cookie still opens.
    pub(crate) async fn active(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        self.store.active_sessions(ids).await
    }

    /// Removes expired keys, in chunks, again and again. An error is logged and the next round
    /// tries again.
    pub(crate) async fn sweep(self, every: Duration) {
        let mut rounds = tokio::time::interval(every);
        loop {
            rounds.tick().await;
            loop {
                match self.store.sweep_session_keys().await {
                    Ok(0) => break,
                    Ok(keys) => tracing::info!(keys, "swept expired session keys"),
                    Err(error) => {
                        error.log();
                        break;
                    }
                }
            }
        }
    }

    /// The public id of the session that the viewer's cookie opens, if it opens one.
    pub(crate) async fn id_of(&self, viewer: &Viewer) -> Result<Option<Uuid>, Error> {
        Ok(self.opened_by(&viewer.cookie).await?.map(|live| live.id))
    }

    /// The session that a cookie opens at this moment.
    pub(super) async fn opened_by(&self, cookie: &Cookie) -> Result<Option<Live>, Error> {
        let Some(key) = cookie.id() else { return Ok(None) };
        let live = self.find(&key).await?;
        if live.is_none() {
            // tower-sessions finds out as well, and takes the cookie back.
            cookie.get_value(key::SEEN).await?;
        }
        Ok(live)
    }

    /// Looks a live session up, in the cache if possible.
    pub(super) async fn find(&self, id: &Id) -> Result<Option<Live>, Error> {
        if let Some(live) = self.live.get(id).await.filter(|live| self.is_fresh(live)) {
            return Ok(live.filter(Live::is_good));
        }
        // Computed under a lock of its key, as `forget` is: a key that is deleted meanwhile stays so.
        let computed = self
            .live
            .entry(*id)
            .and_try_compute_with(async |entry| {
                if entry.is_some_and(|entry| self.is_fresh(entry.value())) {
                    return Ok(Op::Nop);
                }
                let read_at = Timestamp::now();
                let found = self.store.session_by_key(&hash(id)).await?;
                let found = found.map(|(key, session)| Live {
                    id: session.id,
                    user_id: key.user_id,
                    owner_id: session.user_id,
                    seen_at: session.last_seen_at,
                    expires_at: key.expires_at,
                    ends_at: self.end_of(key.user_id, key.created_at),
                    read_at,
                });
                let found = found.filter(Live::is_good);
                Ok::<_, Error>(found.map_or(Op::Remove, |live| Op::Put(Some(live))))
            })
            .await?;
        Ok(match computed {
            CompResult::Removed(_) | CompResult::StillNone(_) => None,
            computed => computed.into_entry().and_then(|entry| entry.into_value()),
        })
    }

    /// When a session ends in which somebody may have logged in at this time.
    pub(super) fn end_of(&self, user_id: Option<Uuid>, logged_in_at: Timestamp) -> Timestamp {
        user_id.map_or(Timestamp(i64::MAX), |_| logged_in_at.plus_micros(self.log_in_age))
    }

    /// Changes a live session in the cache; one that has ended stays so.
    pub(super) async fn update(&self, id: Id, change: impl FnOnce(&mut Live)) {
        self.live
            .entry(id)
            .and_compute_with(async |entry| match entry.and_then(|entry| entry.into_value()) {
                Some(mut live) => {
                    change(&mut live);
                    Op::Put(Some(live))
                }
                None => Op::Nop,
            })
            .await;
    }

    /// Marks a session as ended in the cache, after its key has been deleted.
    pub(super) async fn forget(&self, id: &Id) {
        self.live.entry(*id).and_compute_with(async |_| Op::Put(None)).await;
    }

    /// Looks every session up anew, also those that are being looked up at the moment. What has
    /// ended here stays so.
    pub(super) fn forget_all(&self) {
        // A session that was erased would be taken for one that is there.
        self.noted.invalidate_all();
        self.owners.invalidate_all();
        self.stale_before.fetch_max(Timestamp::now().0, Ordering::AcqRel);
    }

    /// Whether what is remembered is young enough. Writing down that a session was used makes it no
    /// younger: what another node has ended must be noticed.
    fn is_fresh(&self, live: &Option<Live>) -> bool {
        let oldest = Timestamp::now().plus_seconds(-(CACHE_TIME.as_secs() as i64));
        let stale = Timestamp(self.stale_before.load(Ordering::Acquire));
        live.as_ref().is_none_or(|live| live.read_at > oldest && live.read_at > stale)
    }
}

/// What the database knows a cookie's value by.
pub(super) fn hash(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}
