//! The audit log: what was done with the rights of staff and admins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Admin, Role, Staff, User};
use crate::error::Error;
use crate::store::activities;
use crate::store::audit::Filter;
use crate::store::entity::audit_event;
use crate::store::keyset::{CappedCount, Page, Slice};
use crate::store::{Store, Timestamp};

/// Reading the same person again within this time is the same reading.
const READING: Duration = Duration::from_secs(600);
/// Who brings credentials of the host application with each request signs in once in this time.
const SIGN_IN: Duration = Duration::from_secs(4 * 60 * 60);
const CACHED: u64 = 10_000;

/// Who uses a right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actor {
    /// None: the operator at the command line, or nobody known.
    pub user_id: Option<Uuid>,
    pub ip_address: Option<String>,
    pub is_operator: bool,
}

/// What can be done that is kept in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    LogIn,
    LogInFailed,
    ReadPerson,
    Export,
    CreateFirstAdmin,
    CreateUser,
    UpdateUser,
    SetPassword,
    CreateToken,
    RevokeToken,
    EndSession,
    EndUserSessions,
    ErasePerson,
    Prune,
}

impl Action {
    /// The name by which it is stored: that of the mutation, if there is one.
    fn as_str(self) -> &'static str {
        match self {
            Self::LogIn => "logIn",
            Self::LogInFailed => "logInFailed",
            Self::ReadPerson => "readPerson",
            Self::Export => "export",
            Self::CreateFirstAdmin => "createFirstAdmin",
            Self::CreateUser => "createUser",
            Self::UpdateUser => "updateUser",
            Self::SetPassword => "setPassword",
            Self::CreateToken => "createToken",
            Self::RevokeToken => "revokeToken",
            Self::EndSession => "endSession",
            Self::EndUserSessions => "endUserSessions",
            Self::ErasePerson => "erasePerson",
            Self::Prune => "prune",
        }
    }
}

impl Actor {
    /// A line of the audit log. The details say what: never a secret, and nobody's name.
    pub(crate) fn did(
        &self,
        action: Action,
        subject: Option<Uuid>,
        details: Option<Value>,
    ) -> audit_event::Model {
        let mut details = details;
        if self.is_operator {
            details.get_or_insert_with(|| json!({}))["by"] = json!("command line");
        }
        audit_event::Model {
            id: Uuid::now_v7(),
            date: Timestamp::now(),
            actor_id: self.user_id,
            action: action.as_str().to_owned(),
            subject: subject.map(|subject| subject.to_string()),
            details,
            ip_address: self.ip_address.clone(),
        }
    }
}

/// A line of the audit log.
#[derive(Clone, Debug)]
pub(crate) struct AuditEvent {
    pub id: Uuid,
    pub date: DateTime<Utc>,
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub subject: Option<String>,
    pub details: Option<Value>,
    pub ip_address: Option<String>,
}

impl From<audit_event::Model> for AuditEvent {
    fn from(row: audit_event::Model) -> Self {
        Self {
            id: row.id,
            date: row.date.into(),
            actor_id: row.actor_id,
            action: row.action,
            subject: row.subject,
            details: row.details,
            ip_address: row.ip_address,
        }
    }
}

/// The audit log. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    store: Store,
    /// Who has read whom lately, by id or address.
    read: Cache<(Option<Uuid>, String), ()>,
    /// Who has signed in lately without a log-in.
    signed_in: Cache<Uuid, ()>,
}

impl Audit {
    pub(super) fn new(store: Store) -> Self {
        let read = Cache::builder().max_capacity(CACHED).time_to_live(READING).build();
        let signed_in = Cache::builder().max_capacity(CACHED).time_to_live(SIGN_IN).build();
        Self { store, read, signed_in }
    }

    /// Writes a line, before what it tells of is done.
    pub(crate) async fn write(&self, event: audit_event::Model) -> Result<(), Error> {
        self.store.audit(event).await
    }

    /// Notes that staff have looked at these people or their sessions.
    pub(crate) async fn note_reading(&self, staff: &Staff, subjects: &[Uuid]) {
        for subject in subjects {
            if staff.actor().user_id != Some(*subject) {
                let event = staff.actor().did(Action::ReadPerson, Some(*subject), None);
                self.note_once(staff, subject.to_string(), event).await;
            }
        }
    }

    /// Notes that staff have looked at those whom a filter names.
    pub(crate) async fn note_filter(&self, staff: &Staff, filter: &activities::Filter) {
        self.note_reading(staff, &filter.people()).await;
        for address in filter.addresses() {
            // An address may be what is to be forgotten.
            let details = json!({ "person": "ip" });
            let event = staff.actor().did(Action::ReadPerson, None, Some(details));
            self.note_once(staff, address, event).await;
        }
    }

    /// Reading goes on while the database takes nothing in: then the log of the process has it.
    async fn note_once(&self, staff: &Staff, whom: String, event: audit_event::Model) {
        let actor = staff.actor().user_id;
        let subject = event.subject.clone();
        let noted = self.read.try_get_with((actor, whom), self.write(event)).await;
        if let Err(error) = noted {
            tracing::warn!(?actor, ?subject, "a reading is not in the audit log");
            error.log();
        }
    }

    /// Notes that a member of staff comes with credentials of the host application.
    pub(super) async fn note_sign_in(&self, actor: &Actor, user: &User, by: &str) {
        if user.role < Role::Staff {
            return;
        }
        let actor = Actor { user_id: Some(user.id), ..actor.clone() };
        let event = actor.did(Action::LogIn, Some(user.id), Some(json!({ "by": by })));
        if let Err(error) = self.signed_in.try_get_with(user.id, self.write(event)).await {
            tracing::warn!(user = %user.id, "a sign-in is not in the audit log");
            error.log();
        }
    }

    /// One page of the log, the newest first.
    pub(crate) async fn page(
        &self,
        _: &Admin,
        filter: &Filter,
        page: &Page,
    ) -> Result<Slice<AuditEvent>, Error> {
        Ok(self.store.audit_events(filter, page).await?.map(AuditEvent::from))
    }

    /// So many lines, the newest first. For the command line.
    pub(crate) async fn newest(&self, admin: &Admin, limit: u64) -> Result<Vec<AuditEvent>, Error> {
        let page = Page { limit, ..Page::default() };
        Ok(self.page(admin, &Filter::default(), &page).await?.rows)
    }

    /// How many lines there are.
    pub(crate) async fn count(
        &self,
        _: &Admin,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        self.store.count_audit_events(filter, cap).await
    }
}
