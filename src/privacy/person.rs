//! Somebody on whom something is held, as they are known: by account, by browser, by address.

use std::net::IpAddr;

use serde_json::json;
use uuid::Uuid;

use super::Privacy;
use crate::activity::{Filter, Page, Text};
use crate::auth::audit::Action;
use crate::auth::{Session, SessionFilter, SessionSortKey, Staff, User};
use crate::config::IpStorage;
use crate::error::{Error, Reason};

/// More is not counted.
const MAX_COUNT: u64 = 1_000_000_000;
/// Sessions that are looked at together.
pub(super) const SESSIONS: u64 = 200;

/// Somebody on whom something is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    /// With all their sessions, also with what was done in them before they logged in.
    User(Uuid),
    Session(Uuid),
    /// Whoever came from there: the address, and what is kept of it, if that is less. Before the
    /// operator has chosen so, all of it was kept.
    Ip(Vec<String>),
}

/// What is held on a person.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub user: Option<User>,
    pub session: Option<Session>,
    pub activities: u64,
    pub sessions: u64,
    pub tokens: u64,
    pub is_being_erased: bool,
}

impl Person {
    /// The one that is named.
    ///
    /// # Errors
    ///
    /// If none is, or several are, or an address is none.
    pub(crate) fn one_of(
        user: Option<Uuid>,
        session: Option<Uuid>,
        ip: Option<String>,
        storage: IpStorage,
    ) -> Result<Self, Error> {
        match (user, session, ip) {
            (Some(id), None, None) => Ok(Self::User(id)),
            (None, Some(id), None) => Ok(Self::Session(id)),
            (None, None, Some(ip)) => forms(&ip, storage).map(Self::Ip),
            _ => Err(Error::bad_input("Name one person: either user, session or ip.")),
        }
    }

    /// As an erasure keeps it.
    pub(super) fn parts(&self) -> (&'static str, String) {
        match self {
            Self::User(id) => ("user", id.to_string()),
            Self::Session(id) => ("session", id.to_string()),
            Self::Ip(forms) => ("ip", forms.join(" ")),
        }
    }

    pub(super) fn parse(person: &str, value: String) -> Option<Self> {
        match person {
            "user" => value.parse().ok().map(Self::User),
            "session" => value.parse().ok().map(Self::Session),
            "ip" => Some(Self::Ip(value.split(' ').map(str::to_owned).collect())),
            _ => None,
        }
    }

    /// The id by which the audit log may know them. An address is what is to be forgotten.
    pub(super) fn subject(&self) -> Option<Uuid> {
        match self {
            Self::User(id) | Self::Session(id) => Some(*id),
            Self::Ip(_) => None,
        }
    }

    /// What they did; of a user only what was done while they were logged in.
    pub(super) fn filter(&self) -> Filter {
        match self {
            Self::User(id) => Filter::User(vec![*id]),
            Self::Session(id) => Filter::Session(vec![*id]),
            Self::Ip(forms) => Filter::IpAddress(Text::In(forms.clone())),
        }
    }
}

impl Privacy {
    /// Counts what is held on a person; which is a way of reading it.
    pub(crate) async fn report(&self, staff: &Staff, person: &Person) -> Result<Report, Error> {
        match person.subject() {
            Some(subject) => self.auth.audit.note_reading(staff, &[subject]).await,
            None => {
                let details = json!({ "person": "ip" });
                let event = staff.actor().did(Action::ReadPerson, None, Some(details));
                self.auth.audit.write(event).await?;
            }
        }
        self.count(staff, person).await
    }

    /// Counts what is held on a person who is about to be forgotten.
    pub(crate) async fn count(&self, _: &Staff, person: &Person) -> Result<Report, Error> {
        let (kind, value) = person.parts();
        let mut report = Report {
            user: None,
            session: None,
            activities: self.store.count_activities(&person.filter(), MAX_COUNT).await?.count,
            sessions: 0,
            tokens: 0,
            is_being_erased: self.store.is_being_erased(kind, &value).await?,
        };
        match person {
            Person::User(id) => {
                report.user = self.auth.users.by_ids(&[*id]).await?.pop();
                report.user.as_ref().ok_or_else(|| unknown("user"))?;
                report.tokens = self.store.tokens(Some(*id)).await?.len() as u64;
                self.count_sessions(*id, &mut report).await?;
            }
            Person::Session(id) => {
                report.session = self.auth.sessions.by_ids(&[*id]).await?.pop();
                report.session.as_ref().ok_or_else(|| unknown("session"))?;
                report.sessions = 1;
            }
            Person::Ip(_) => {}
        }
        Ok(report)
    }

    /// Adds the sessions of a user, and what was done in them before somebody logged in.
    async fn count_sessions(&self, user_id: Uuid, report: &mut Report) -> Result<(), Error> {
        let filter = SessionFilter { users: vec![vec![user_id]], ..SessionFilter::default() };
        let mut page = Page { limit: SESSIONS, ..Page::default() };
        loop {
            let slice =
                self.store.sessions(&filter, SessionSortKey::FirstSeenAt, false, &page).await?;
            let ids: Vec<_> = slice.rows.iter().map(|session| session.id).collect();
            report.sessions += ids.len() as u64;
            if !ids.is_empty() {
                let before = Filter::All(vec![Filter::Session(ids), Filter::Anonymous(true)]);
                report.activities += self.store.count_activities(&before, MAX_COUNT).await?.count;
            }
            let last = slice.rows.last().filter(|_| slice.has_next);
            let Some(last) = last else { return Ok(()) };
            let key = crate::activity::Key::Time(last.first_seen_at);
            page.after = Some(crate::activity::Position { key, id: last.id });
        }
    }
}

pub(super) fn unknown(field: &'static str) -> Error {
    Error::refused(field, Reason::NotFound, format!("There is no such {field}."))
}

/// An address as it is stored, or was. Of what is no address nothing can be held, and to say so would
/// be taken for an answer.
fn forms(ip: &str, storage: IpStorage) -> Result<Vec<String>, Error> {
    let address: IpAddr =
        ip.trim().parse().map_err(|_| Error::bad_input("ip must be one IPv4 or IPv6 address."))?;
    let address = address.to_canonical();
    let kept = storage.reduce(address).filter(|kept| *kept != address);
    Ok([Some(address), kept].into_iter().flatten().map(|form| form.to_string()).collect())
}
