//! The audit log and its connection.

use async_graphql::{Context, ID, Json, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::filter::AuditEventFilter;
use super::user::User;
use crate::activity::{Key, Position};
use crate::auth;
use crate::graphql::connection::{Connection, Countable, Order, PageArguments, connection};
use crate::graphql::{domain, loaders, viewer};

/// Something that was done with the rights of staff or admins.
pub(in crate::graphql) struct AuditEvent(auth::AuditEvent);

/// Something that was done with the rights of staff or admins. It can't be changed.
#[Object]
impl AuditEvent {
    /// A UUID.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// When it was done.
    async fn date(&self) -> DateTime<Utc> {
        self.0.date
    }

    /// Who did it; null: the operator at the command line (`details.by`), somebody who was not let
    /// in, or a user who has been erased.
    async fn actor(&self, context: &Context<'_>) -> async_graphql::Result<Option<User>> {
        let Some(id) = self.0.actor_id else { return Ok(None) };
        Ok(loaders(context)?.users.load_one(id).await?.map(User))
    }

    /// What was done, by the name of the mutation if there is one: `createUser`, `updateUser`,
    /// `setPassword`, `createToken`, `revokeToken`, `endSession`, `endUserSessions`,
    /// `createFirstAdmin`, `erasePerson`, `logIn`, `logInFailed`, `readPerson`, `export`, `prune`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The id of whom or what it was done to.
    async fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// What else is to be known: one object, which differs by action.
    async fn details(&self) -> Option<Json<&Value>> {
        self.0.details.as_ref().map(Json)
    }

    /// The network address it came from.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }
}

/// Resolves a connection of the audit log.
pub(in crate::graphql) async fn audit_events(
    context: &Context<'_>,
    page: PageArguments,
    filter: Option<AuditEventFilter>,
) -> async_graphql::Result<Connection<AuditEvent>> {
    let admin = viewer(context)?.admin()?;
    let page = page.page(context, Order::AuditDate)?;
    let filter = filter.unwrap_or_default().checked()?;
    let slice = domain(context)?.auth.audit.page(&admin, &filter, &page).await?;
    let actors = slice.rows.iter().filter_map(|event| event.actor_id);
    loaders(context)?.users.load_many(actors).await?;
    let position =
        |event: &auth::AuditEvent| Position { key: Key::Time(event.date.into()), id: event.id };
    let count = Countable::AuditEvents(admin, filter);
    Ok(connection(slice, count, Order::AuditDate, position, AuditEvent))
}
