//! Forgetting one person: in steps, from the beginning to the end, whatever happens in between.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::person::{SESSIONS, unknown};
use super::{Person, Privacy};
use crate::activity::{Filter, Key, Page, Position};
use crate::auth::audit::Action;
use crate::auth::{Admin, SessionFilter, SessionSortKey};
use crate::error::{Error, Reason};
use crate::store::Timestamp;
use crate::store::admin::Changed;
use crate::store::entity::{activity, erasure};
use crate::store::forget::{Forget, STEP};
use crate::store::turn::Work;

/// Other nodes may still know a person's credentials and sessions for so long, and take in what comes
/// by them: until then an erasure looks again for more. Longer than they remember anything.
const SETTLE_SECONDS: i64 = 75;
/// How often that is done, and whether another node has left work behind.
const AGAIN: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(60);

/// How to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What they did goes.
    Delete,
    /// What was done stays, but not who did it.
    Anonymise,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Anonymise => "anonymise",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "delete" => Ok(Self::Delete),
            "anonymise" => Ok(Self::Anonymise),
            _ => Err("the mode is delete or anonymise".to_owned()),
        }
    }
}

/// Whether there is more to be done at the moment.
#[derive(PartialEq)]
enum Progress {
    Complete,
    Later,
}

/// An erasure of which nothing is left in the log.
struct Settled {
    id: Uuid,
    /// The account that goes as well.
    user: Option<Uuid>,
}

impl Privacy {
    /// Orders that a person be forgotten. From now on they are locked out; the rest is done in the
    /// background, also if this process ends.
    ///
    /// Returns the id of the erasure.
    pub(crate) async fn erase(
        &self,
        admin: &Admin,
        person: &Person,
        mode: Mode,
    ) -> Result<Uuid, Error> {
        let (kind, value) = person.parts();
        let details = json!({ "person": kind, "mode": mode.as_str() });
        let event = admin.actor().did(Action::ErasePerson, person.subject(), Some(details));
        let (mut user, mut session) = (None, None);
        match person {
            Person::User(id) => user = Some(*id),
            Person::Session(id) => session = Some(*id),
            Person::Ip(_) => {}
        }
        let erasure = erasure::Model {
            id: Uuid::now_v7(),
            person: kind.to_owned(),
            value,
            mode: mode.as_str().to_owned(),
            ordered_at: Timestamp::now(),
        };
        let id = erasure.id;
        let refusal = self.store.order_erasure(erasure, user, session, event).await?;
        self.auth.forget();
        match refusal {
            Some(Changed::LastAdmin) => {
                let message = "This is the last active admin; make another one first.";
                Err(Error::refused("user", Reason::LastAdmin, message))
            }
            Some(_) => Err(unknown("user")),
            None => {
                self.erasure_ordered.notify_one();
                Ok(id)
            }
        }
    }

    /// Carries out what was ordered, here or elsewhere, as long as the process lives.
    pub(crate) async fn keep_erasing(self) {
        loop {
            let progress = self.advance_all().await.unwrap_or_else(|error| {
                error.log();
                Progress::Later
            });
            let pause = if progress == Progress::Complete { IDLE } else { AGAIN };
            tokio::select! {
                () = self.erasure_ordered.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Returns when this erasure is complete.
    pub(crate) async fn erased(&self, id: Uuid) -> Result<(), Error> {
        while self.store.erasures().await?.iter().any(|erasure| erasure.id == id) {
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn advance_all(&self) -> Result<Progress, Error> {
        let erasures = self.store.erasures().await?;
        if erasures.is_empty() {
            return Ok(Progress::Complete);
        }
        let Some(_turn) = self.store.turn(Work::Erase).await? else { return Ok(Progress::Later) };
        let (mut progress, mut all_settled) = (Progress::Complete, Vec::new());
        for erasure in erasures {
            match self.advance(erasure).await {
                Ok(Some(settled)) => all_settled.push(settled),
                Ok(None) => progress = Progress::Later,
                // One that fails must not hold up the others.
                Err(error) => {
                    error.log();
                    progress = Progress::Later;
                }
            }
        }
        if all_settled.is_empty() || self.complete(all_settled).await? {
            return Ok(progress);
        }
        Ok(Progress::Later)
    }

    /// Forgets what there is now. None: there may be more later.
    async fn advance(&self, erasure: erasure::Model) -> Result<Option<Settled>, Error> {
        let erasure::Model { id, person, value, mode, ordered_at } = erasure;
        // Of a newer version: left to it.
        let (Some(person), Ok(mode)) = (Person::parse(&person, value), mode.parse()) else {
            return Ok(None);
        };
        let what = match (&person, mode) {
            (_, Mode::Delete) => Forget::Row,
            // Of a visitor known by the address, that is the address.
            (Person::Ip(_), Mode::Anonymise) => Forget::Origin,
            (_, Mode::Anonymise) => Forget::Person,
        };
        let has_settled = Timestamp::now() > ordered_at.plus_seconds(SETTLE_SECONDS);
        self.forget(&person, what).await?;
        let user = match person {
            Person::User(id) => Some(id),
            _ => None,
        };
        Ok(has_settled.then_some(Settled { id, user }))
    }

    /// Completes erasures when nothing is counted any more of what they have forgotten, and no term of
    /// it is left. False: others roll up at the moment.
    async fn complete(&self, all_settled: Vec<Settled>) -> Result<bool, Error> {
        self.store.roll_up(|_| {}).await?;
        if self.store.sweep_terms().await?.is_none() {
            return Ok(false);
        }
        for Settled { id, user } in all_settled {
            self.store.complete_erasure(id, user).await?;
            tracing::info!(%id, "an erasure is complete");
        }
        self.auth.forget();
        self.store.give_space_back().await?;
        Ok(true)
    }

    /// Forgets all there is now.
    async fn forget(&self, person: &Person, what: Forget) -> Result<(), Error> {
        self.forget_activities(person.filter(), what).await?;
        match person {
            Person::User(id) => self.forget_sessions_of(*id, what).await,
            Person::Session(id) => self.store.forget_sessions(&[*id], what).await.map(|_| ()),
            Person::Ip(_) => Ok(()),
        }
    }

    /// Forgets the sessions of a user, and what was done in them before somebody logged in. Each
    /// one that is forgotten is none of theirs any more.
    async fn forget_sessions_of(&self, user_id: Uuid, what: Forget) -> Result<(), Error> {
        let filter = SessionFilter { users: vec![vec![user_id]], ..SessionFilter::default() };
        let page = Page { limit: SESSIONS, ..Page::default() };
        loop {
            let sessions =
                self.store.sessions(&filter, SessionSortKey::FirstSeenAt, false, &page).await?.rows;
            let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
            if ids.is_empty() {
                return Ok(());
            }
            // One by one, as an index has them by date.
            for id in &ids {
                self.forget_activities(Filter::Session(vec![*id]), what).await?;
            }
            self.store.forget_sessions(&ids, what).await?;
        }
    }

    /// Forgets activities step by step, and tells how many there were. Between two steps as much
    /// time belongs to others as a step takes.
    pub(super) async fn forget_activities(
        &self,
        filter: Filter,
        what: Forget,
    ) -> Result<u64, Error> {
        let mut forgotten = 0;
        let mut page = Page { limit: STEP, ..Page::default() };
        loop {
            let slice = self.store.activities(&filter, false, &page).await?;
            let Some(last) = slice.rows.last() else { return Ok(forgotten) };
            let position = Position { key: Key::Time(last.date), id: last.id };
            let rows: Vec<_> =
                slice.rows.into_iter().filter(|row| has_something(row, what)).collect();
            if !rows.is_empty() {
                let began = Instant::now();
                forgotten += self.store.forget_activities(&rows, what).await?;
                sleep(began.elapsed()).await;
            }
            if !slice.has_next {
                return Ok(forgotten);
            }
            page.after = Some(position);
        }
    }
}

/// Whether there is anything in the row that is to be forgotten.
fn has_something(row: &activity::Model, what: Forget) -> bool {
    let has_address = row.ip_address.is_some();
    match what {
        Forget::Row => true,
        Forget::Person => has_address || row.user_id.is_some() || row.properties.is_some(),
        Forget::Origin => has_address,
    }
}
