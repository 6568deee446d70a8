//! What is held on one person.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::parse_id;
use super::session::Session;
use super::user::User;
use crate::error::Error;
use crate::graphql::{domain, viewer};
use crate::privacy::{self, Person, Report};

/// What is held on one person.
pub(in crate::graphql) struct PersonReport(pub(in crate::graphql) Report);

/// What is held on one person. `/export/person.ndjson` has all of it, for admins.
#[Object]
impl PersonReport {
    /// The user, if the question was for one.
    async fn user(&self) -> Option<User> {
        self.0.user.clone().map(User)
    }

    /// The browser session, if the question was for one.
    async fn session(&self) -> Option<Session> {
        self.0.session.clone().map(Session)
    }

    /// How many activities; of a user also those in their sessions before they logged in.
    async fn activities(&self) -> u64 {
        self.0.activities
    }

    /// How many browser sessions.
    async fn sessions(&self) -> u64 {
        self.0.sessions
    }

    /// How many API tokens, also those that are not good any more.
    async fn tokens(&self) -> u64 {
        self.0.tokens
    }

    /// Whether an erasure is under way.
    async fn is_being_erased(&self) -> bool {
        self.0.is_being_erased
    }
}

/// Who is to be forgotten: give one of `user`, `session` and `ip`.
#[derive(InputObject)]
pub(in crate::graphql) struct ErasePersonInput {
    /// A user, with all sessions and tokens. The account goes as well.
    user: Option<ID>,
    /// A browser session.
    session: Option<ID>,
    /// A network address: what was done from there, whoever did it.
    ip: Option<String>,
    /// How to forget.
    pub(in crate::graphql) mode: ErasureMode,
    /// Only count what would be erased.
    #[graphql(default)]
    pub(in crate::graphql) dry_run: bool,
}

/// How to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "privacy::Mode")]
pub(in crate::graphql) enum ErasureMode {
    /// What the person did is deleted.
    Delete,
    /// What was done stays, but neither the user nor the network address, the user agent and the
    /// properties. By `ip` the address alone is forgotten.
    Anonymise,
}

impl ErasePersonInput {
    pub(in crate::graphql) fn person(&self, context: &Context<'_>) -> Result<Person, Error> {
        person(context, self.user.as_ref(), self.session.as_ref(), self.ip.clone())
    }
}

/// Resolves a report.
pub(in crate::graphql) async fn person_report(
    context: &Context<'_>,
    user: Option<ID>,
    session: Option<ID>,
    ip: Option<String>,
) -> Result<Option<PersonReport>, Error> {
    let staff = viewer(context)?.staff()?;
    let person = person(context, user.as_ref(), session.as_ref(), ip)?;
    match domain(context)?.privacy.report(&staff, &person).await {
        Ok(report) => Ok(Some(PersonReport(report))),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn person(
    context: &Context<'_>,
    user: Option<&ID>,
    session: Option<&ID>,
    ip: Option<String>,
) -> Result<Person, Error> {
    let storage = domain(context)?.config.ip_storage;
    Person::one_of(user.map(parse_id).transpose()?, session.map(parse_id).transpose()?, ip, storage)
}
