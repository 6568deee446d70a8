//! The audit log: what was done with the rights of staff and admins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Admin, Staff};
use crate::error::Error;
use crate::store::entity::audit_event;
use crate::store::keyset::{CappedCount, Page, Slice};
use crate::store::{Store, Timestamp};

/// Reading the same person again within this time is the same reading.
const READING: Duration = Duration::from_secs(600);
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
    /// Who has read whom lately.
    read: Cache<(Option<Uuid>, Uuid), ()>,
}

impl Audit {
    pub(super) fn new(store: Store) -> Self {
        let read = Cache::builder().max_capacity(CACHED).time_to_live(READING).build();
        Self { store, read }
    }

    /// Writes a line, before what it tells of is done.
    pub(crate) async fn write(&self, event: audit_event::Model) -> Result<(), Error> {
        self.store.audit(event).await
    }

    /// Notes that staff have looked at these people or their sessions.
    ///
    /// Reading goes on while the database takes nothing in: then the log of the process has it.
    pub(crate) async fn note_reading(&self, staff: &Staff, subjects: &[Uuid]) {
        for subject in subjects {
            let reading = (staff.actor().user_id, *subject);
            if staff.actor().user_id == Some(*subject) || self.read.contains_key(&reading) {
                continue;
            }
            let event = staff.actor().did(Action::ReadPerson, Some(*subject), None);
            match self.write(event).await {
                Ok(()) => self.read.insert(reading, ()).await,
                Err(error) => {
                    let actor = staff.actor().user_id;
                    tracing::warn!(?actor, %subject, "a reading is not in the audit log");
                    error.log();
                }
            }
        }
    }

    /// One page of the log, the newest first.
    pub(crate) async fn page(&self, _: &Admin, page: &Page) -> Result<Slice<AuditEvent>, Error> {
        Ok(self.store.audit_events(page).await?.map(AuditEvent::from))
    }

    /// So many lines, the newest first. For the command line.
    pub(crate) async fn newest(&self, admin: &Admin, limit: u64) -> Result<Vec<AuditEvent>, Error> {
        Ok(self.page(admin, &Page { limit, ..Page::default() }).await?.rows)
    }

    /// How many lines there are.
    pub(crate) async fn count(&self, _: &Admin, cap: u64) -> Result<CappedCount, Error> {
        self.store.count_audit_events(cap).await
    }
}
