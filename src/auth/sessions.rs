//! Browser sessions: which visit an activity belongs to, and who is logged in.
//!
//! A session has two halves. Its *key* is the secret in the cookie, of which the database holds
//! the hash; it goes at log-out or when it expires. The *session* itself has a public id and stays,
//! because activities point to it. tower-sessions looks after the cookie; what it stores for each
//! request goes through the cache here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use moka::ops::compute::Op;
use sha2::{Digest, Sha256};
use tower_sessions::Session as Cookie;
use tower_sessions::cookie::time::Duration as Age;
use tower_sessions::{Expiry, session::Id};
use uuid::Uuid;

use super::users::CACHE_TIME;
use super::{Staff, User, Viewer};
use crate::error::Error;
use crate::store::entity::session;
use crate::store::keyset::{CappedCount, Page, Slice};
use crate::store::sessions::Filter;
use crate::store::{Seen, Store, Subject, Timestamp};

/// Times of last use are written down when they are off by so much.
const SEEN_EVERY: Duration = Duration::from_secs(60);
const CACHED: u64 = 20_000;
/// What is kept in the tower-session, and nothing else: facts belong into tables.
pub(super) mod key {
    /// The public id.
    pub(crate) const ID: &str = "id";
    /// Who is logged in.
    pub(crate) const USER: &str = "user";
    /// The user agent, on the way to the session's row.
    pub(crate) const USER_AGENT: &str = "user_agent";
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
    pub user_id: Option<Uuid>,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The session that an activity is to be logged in.
pub(crate) struct Visit {
    pub id: Uuid,
    /// To be saved together with the activity: it has no key in the database yet.
    pub is_new: bool,
    /// Written with the activity.
    pub rows: Vec<session::Model>,
}

/// The browser sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    pub(super) store: Store,
    /// None: ended. So a request that read the session before it ended can't bring it back.
    pub(super) live: Cache<Id, Option<Live>>,
    /// Users, tokens and sessions whose time of last use has been noted lately.
    noted: Cache<Uuid, ()>,
    expiry: Expiry,
}

impl Sessions {
    /// `age`: how long a session lives without being used; None: until the browser is closed.
    pub(crate) fn new(store: Store, age: Option<Duration>) -> Self {
        let expiry = match age {
            Some(age) => Expiry::OnInactivity(Age::try_from(age).unwrap_or(Age::MAX)),
            None => Expiry::OnSessionEnd,
        };
        Self {
            store,
            live: Cache::builder().max_capacity(CACHED).time_to_live(CACHE_TIME).build(),
            noted: Cache::builder().max_capacity(CACHED).time_to_live(SEEN_EVERY).build(),
            expiry,
        }
    }

    /// How long the cookie lives.
    pub(crate) fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// The session that an activity of this viewer belongs to, opened if there is none.
    ///
    /// A client that shows a token and no cookie gets no cookie either: its session is made up of
    /// the user, the user agent and the day, so that a client without a cookie jar does not leave
    /// a session for each request.
    pub(crate) async fn visit(&self, viewer: &Viewer) -> Result<Visit, Error> {
        if let Some(id) = self.touch(&viewer.cookie).await? {
            return Ok(Visit { id, is_new: false, rows: Vec::new() });
        }
        if let Some((user, _)) = viewer.user.as_ref().zip(viewer.token.as_ref()) {
            return Ok(self.visit_without_cookie(user, &viewer.client.user_agent).await);
        }
        let id = open(&viewer.cookie, &viewer.client.user_agent).await?;
        Ok(Visit { id, is_new: true, rows: Vec::new() })
    }

    async fn visit_without_cookie(&self, user: &User, user_agent: &str) -> Visit {
        let now = Timestamp::now();
        let mut hash = Sha256::new();
        hash.update(user.id);
        hash.update(DateTime::<Utc>::from(now).date_naive().to_string());
        hash.update(user_agent);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        let id = Uuid::new_v8(bytes);
        let is_known = self.noted.contains_key(&id);
        if is_known {
            return Visit { id, is_new: false, rows: Vec::new() };
        }
        let row = session::Model {
            id,
            user_id: Some(user.id),
            user_agent: user_agent.to_owned(),
            first_seen_at: now,
            last_seen_at: now,
        };
        Visit { id, is_new: false, rows: vec![row] }
    }

    /// Remembers that the rows of a visit are in the database.
    pub(crate) async fn visited(&self, visit: &Visit) {
        if !visit.rows.is_empty() {
            self.note(vec![Subject::Session(visit.id)]).await;
        }
    }

    /// The public id of the session that the cookie opens, and a sign of life for it.
    async fn touch(&self, cookie: &Cookie) -> Result<Option<Uuid>, Error> {
        let Some(id) = cookie.get(key::ID).await? else { return Ok(None) };
        let seen: Option<i64> = cookie.get(key::SEEN).await?;
        let now = Timestamp::now();
        let due = now.plus_seconds(-(SEEN_EVERY.as_secs() as i64));
        if seen.is_none_or(|seen| Timestamp(seen) < due) {
            // Modified: tower-sessions saves it and, if it is persistent, renews the cookie.
            cookie.insert(key::SEEN, now.0).await?;
        }
        Ok(Some(id))
    }

    /// Notes that these were seen now, if that has not been noted within the last minute.
    pub(crate) async fn note(&self, subjects: Vec<Subject>) {
        let at = Timestamp::now();
        let mut seen = Vec::new();
        for what in subjects {
            let (Subject::User(id) | Subject::Token(id) | Subject::Session(id)) = what else {
                continue;
            };
            if !self.noted.contains_key(&id) {
                self.noted.insert(id, ()).await;
                seen.push(Seen { what, at });
            }
        }
        if !seen.is_empty() {
            self.store.note(seen);
        }
    }

    /// Ends the session of a cookie. Its activities stay.
    pub(crate) async fn end(&self, cookie: &Cookie) -> Result<(), Error> {
        Ok(cookie.flush().await?)
    }

    /// Logs a user in: under a new key, and in a new session if somebody else was logged in.
    pub(crate) async fn log_in(
        &self,
        cookie: &Cookie,
        user: &User,
        user_agent: &str,
    ) -> Result<(), Error> {
        let before: Option<Uuid> = cookie.get(key::USER).await?;
        if before.is_some_and(|before| before != user.id) {
            cookie.flush().await?;
        }
        if cookie.get::<Uuid>(key::ID).await?.is_some() {
            cookie.cycle_id().await?;
            cookie.insert(key::USER_AGENT, user_agent).await?;
        } else {
            open(cookie, user_agent).await?;
        }
        cookie.insert(key::USER, user.id).await?;
        Ok(cookie.save().await?)
    }

    /// One page of sessions.
    pub(crate) async fn page(
        &self,
        _: &Staff,
        filter: &Filter,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<Session>, Error> {
        Ok(self.store.sessions(filter, descending, page).await?.map(Session::from))
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

    /// Looks a live session up, in the cache if possible.
    pub(super) async fn find(&self, id: &Id) -> Result<Option<Live>, Error> {
        if let Some(live) = self.live.get(id).await {
            return Ok(live.filter(|live| live.expires_at > Timestamp::now()));
        }
        // Computed under a lock of its key, as `forget` is: a key that is deleted meanwhile stays so.
        let computed = self
            .live
            .entry(*id)
            .and_try_compute_with(async |entry| {
                if entry.is_some() {
                    return Ok(Op::Nop);
                }
                let found = self.store.session_by_key(&hash(id)).await?;
                Ok::<_, Error>(found.map_or(Op::Nop, |(key, session)| {
                    Op::Put(Some(Live {
                        id: session.id,
                        user_id: key.user_id,
                        seen_at: session.last_seen_at,
                        expires_at: key.expires_at,
                    }))
                }))
            })
            .await?;
        Ok(computed.into_entry().and_then(|entry| entry.into_value()))
    }

    /// Marks a session as ended in the cache, after its key has been deleted.
    pub(super) async fn forget(&self, id: &Id) {
        self.live.entry(*id).and_compute_with(async |_| Op::Put(None)).await;
    }
}

/// Starts a session in a cookie that has none.
async fn open(cookie: &Cookie, user_agent: &str) -> Result<Uuid, Error> {
    let id = Uuid::now_v7();
    cookie.insert(key::ID, id).await?;
    cookie.insert(key::USER_AGENT, user_agent).await?;
    cookie.insert(key::SEEN, Timestamp::now().0).await?;
    Ok(id)
}

/// What the database knows a cookie's value by.
pub(super) fn hash(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}
