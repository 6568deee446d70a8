//! Opening sessions: at a first visit, at log-in, and when somebody else is there.
//!
//! A new session is written together with what it was opened for, in one commit; only then does
//! tower-sessions hear of it and set the cookie.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tower_sessions::Session as Cookie;
use tower_sessions::session::Id;
use tower_sessions::{Expiry, SessionStore};
use uuid::Uuid;

use super::session_store::timestamp;
use super::sessions::{Live, Sessions, hash, key};
use super::{Client, User, Viewer, Visitor};
use crate::error::Error;
use crate::store::entity::{session, session_key};
use crate::store::{Batch, Timestamp};

/// The session that an activity is to be logged in.
pub(crate) struct Visit {
    pub(crate) session_id: Uuid,
    step: Step,
}

/// What has to be written with the activity.
enum Step {
    /// Nothing: the session is there.
    Nothing,
    /// The session of a client that keeps no cookie, or a user for one that had none.
    Row(session::Model),
    /// A session and its key.
    Open(Opening),
}

/// A session that is about to be opened.
struct Opening {
    key: Id,
    live: Live,
    user_agent: String,
}

impl Sessions {
    /// Finds the session that an activity of this viewer belongs to.
    ///
    /// Another user of the same browser gets a session of their own; who is not recognised at the
    /// moment stays in the one that is there. A client that shows a token and no cookie gets no
    /// cookie either: its session is made up of the user, the user agent and the day, so that a
    /// client without a cookie jar does not leave a session for each request.
    pub(crate) async fn visit(&self, viewer: &Viewer) -> Result<Visit, Error> {
        let user_id = viewer.user().map(|user| user.id);
        let user_agent = viewer.client.user_agent.as_str();
        if let Some(visitor) = &viewer.visitor {
            return self.visit_of(visitor, user_id, &viewer.client).await;
        }
        if let Some(Live { id, owner_id, .. }) = self.opened_by(&viewer.cookie).await? {
            if user_id.is_none() || owner_id == user_id {
                return Ok(Visit { session_id: id, step: Step::Nothing });
            }
            if owner_id.is_none() {
                let row = row(id, user_id, user_agent, Timestamp::now());
                return Ok(Visit { session_id: id, step: Step::Row(row) });
            }
        }
        if let Some(user) = viewer.user.as_ref().filter(|_| viewer.is_bearer) {
            let row = row_of_day(user, user_agent);
            let session_id = row.id;
            let step = if self.is_noted(row.id) { Step::Nothing } else { Step::Row(row) };
            return Ok(Visit { session_id, step });
        }
        self.admit(&viewer.client)?;
        let opening = Opening::new(&viewer.cookie, Uuid::now_v7(), user_agent);
        let opening = Opening { live: Live { owner_id: user_id, ..opening.live }, ..opening };
        Ok(Visit { session_id: opening.live.id, step: Step::Open(opening) })
    }

    /// The session of a visitor without a cookie. As with a cookie, another user gets another one.
    async fn visit_of(
        &self,
        visitor: &Visitor,
        user_id: Option<Uuid>,
        client: &Client,
    ) -> Result<Visit, Error> {
        let mut session_id = visitor.session_id();
        let mut is_settled = true;
        if let Some(user_id) = user_id {
            match self.owner(session_id).await? {
                Some(owner_id) if owner_id == user_id => {}
                Some(_) => session_id = visitor.session_id_of(user_id),
                None => is_settled = false,
            }
        }
        let step = if is_settled && self.is_noted(session_id) {
            Step::Nothing
        } else {
            self.admit_visitor(client, session_id).await?;
            Step::Row(row(session_id, user_id, &client.user_agent, Timestamp::now()))
        };
        Ok(Visit { session_id, step })
    }

    /// The user that a visitor's session belongs to, if it does to any. It never changes.
    async fn owner(&self, session_id: Uuid) -> Result<Option<Uuid>, Error> {
        if let Some(owner_id) = self.owners.get(&session_id).await {
            return Ok(Some(owner_id));
        }
        let session = self.by_ids(&[session_id]).await?.pop();
        let owner_id = session.and_then(|session| session.user_id);
        if let Some(owner_id) = owner_id {
            self.owners.insert(session_id, owner_id).await;
        }
        Ok(owner_id)
    }

    /// Tells the cookie of a visit whose rows have been written.
    pub(crate) async fn settle(&self, viewer: &Viewer, visit: Visit) -> Result<(), Error> {
        let cookie = &viewer.cookie;
        match visit.step {
            Step::Nothing => Ok(()),
            Step::Row(row) => {
                self.mark(row.id).await;
                if viewer.visitor.is_some() {
                    if let Some(user_id) = row.user_id {
                        self.owners.insert(row.id, user_id).await;
                    }
                    return Ok(());
                }
                if self.id_of(viewer).await? == Some(row.id)
                    && let Some(key) = cookie.id()
                {
                    self.update(key, |live| live.owner_id = row.user_id).await;
                }
                Ok(())
            }
            Step::Open(opening) => {
                self.leave(cookie).await?;
                self.adopt(cookie, opening).await
            }
        }
    }

    /// Says that the cookie's session is in use, if that has not been said within the last minute.
    pub(super) async fn touch(&self, cookie: &Cookie, live: &Live) -> Result<(), Error> {
        let now = Timestamp::now();
        let due = now.plus_micros(-i64::try_from(self.seen_every.as_micros()).unwrap_or(i64::MAX));
        let (Some(id), true) = (cookie.id(), live.seen_at < due) else { return Ok(()) };
        if self.expiry == Expiry::OnSessionEnd {
            self.seen(id, now, timestamp(cookie.expiry_date())).await;
        } else {
            // Modified: tower-sessions saves it and renews the cookie.
            cookie.insert(key::SEEN, now.0).await?;
        }
        Ok(())
    }

    /// Logs a user in, under a new key: whoever knew the old one is nobody. The session stays the
    /// same unless it belongs to somebody else.
    pub(super) async fn log_in(
        &self,
        viewer: &Viewer,
        user: &User,
        checked_at: Timestamp,
    ) -> Result<Live, Error> {
        let cookie = &viewer.cookie;
        // The session at hand goes on, though its key may have ended with all others.
        let old = self.opened_by(cookie).await?.or_else(|| viewer.live.clone());
        let own = old.filter(|it| it.owner_id.is_none_or(|owner_id| owner_id == user.id));
        let id = own.map_or_else(Uuid::now_v7, |live| live.id);
        let opening = Opening::new(cookie, id, &viewer.client.user_agent);
        let user_id = Some(user.id);
        // A password that is changed while it is being checked must not leave a session behind.
        let ends_at = self.end_of(user_id, checked_at);
        let expires_at = opening.live.expires_at.min(ends_at);
        let live = Live {
            user_id,
            owner_id: user_id,
            seen_at: checked_at,
            expires_at,
            ends_at,
            ..opening.live
        };
        let opening = Opening { live: live.clone(), ..opening };
        let mut batch = Batch::default();
        opening.write_into(&mut batch);
        self.store.commit(batch).await?;
        self.leave(cookie).await?;
        self.adopt(cookie, opening).await?;
        Ok(live)
    }

    /// Ends the session of a cookie. Its activities stay.
    pub(super) async fn log_out(&self, cookie: &Cookie) -> Result<(), Error> {
        self.leave(cookie).await
    }

    /// Takes the key that a cookie may have away, and empties it.
    ///
    /// The key goes first: if that fails, the client keeps its cookie and can try again.
    /// tower-sessions' own `flush` would let a later session of the same request have the old key.
    async fn leave(&self, cookie: &Cookie) -> Result<(), Error> {
        if let Some(key) = cookie.id() {
            self.delete(&key).await.map_err(tower_sessions::session::Error::from)?;
            cookie.clear().await;
            cookie.cycle_id().await?;
        }
        Ok(())
    }

    /// Lets the cookie open a session that has been written.
    async fn adopt(&self, cookie: &Cookie, opening: Opening) -> Result<(), Error> {
        let Opening { key, live, .. } = opening;
        cookie.insert(key::SEEN, live.seen_at.0).await?;
        cookie.insert(key::KEY, key.to_string()).await?;
        self.live.insert(key, Some(live)).await;
        Ok(cookie.save().await?)
    }
}

impl Visit {
    /// Adds what has to be written to the batch of the activity.
    pub(crate) fn write_into(&self, batch: &mut Batch) {
        match &self.step {
            Step::Nothing => {}
            Step::Row(row) => batch.sessions.push(row.clone()),
            Step::Open(opening) => opening.write_into(batch),
        }
    }
}

impl Opening {
    /// An anonymous session under a fresh key: 128 random bits.
    fn new(cookie: &Cookie, id: Uuid, user_agent: &str) -> Self {
        let now = Timestamp::now();
        let live = Live {
            id,
            user_id: None,
            owner_id: None,
            seen_at: now,
            expires_at: timestamp(cookie.expiry_date()),
            ends_at: Timestamp(i64::MAX),
            read_at: now,
        };
        Self { key: Id::default(), live, user_agent: user_agent.to_owned() }
    }

    fn write_into(&self, batch: &mut Batch) {
        let live = &self.live;
        batch.sessions.push(row(live.id, live.owner_id, &self.user_agent, live.seen_at));
        batch.session_keys.push(session_key::Model {
            key_hash: hash(&self.key),
            session_id: live.id,
            user_id: live.user_id,
            created_at: live.seen_at,
            expires_at: live.expires_at,
        });
    }
}

/// The session of a user who keeps no cookie: one for each user agent and day (UTC).
fn row_of_day(user: &User, user_agent: &str) -> session::Model {
    let now = Timestamp::now();
    let mut hash = Sha256::new();
    hash.update(user.id);
    hash.update(DateTime::<Utc>::from(now).date_naive().to_string());
    hash.update(user_agent);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    row(Uuid::new_v8(bytes), Some(user.id), user_agent, now)
}

fn row(id: Uuid, user_id: Option<Uuid>, user_agent: &str, now: Timestamp) -> session::Model {
    session::Model {
        id,
        user_id,
        user_agent: user_agent.to_owned(),
        first_seen_at: now,
        last_seen_at: now,
    }
}
