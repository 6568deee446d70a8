//! What can be asked.

use async_graphql::{Context, ID, Object};

use super::connection::{Connection, PageArguments};
use super::types::activity::{Activity, ActivityOrder, activities};
use super::types::audit::{AuditEvent, audit_events};
use super::types::filter::{ActivityFilter, AuditEventFilter, SessionFilter, UserFilter};
use super::types::node::{Node, nodes};
use super::types::person::{PersonReport, person_report};
use super::types::retention::{Retention, retention};
use super::types::session::{Session, SessionOrder, sessions};
use super::types::stats::ActivityStats;
use super::types::user::{User, UserOrder, users};
use super::types::viewer::Viewer;
use super::{domain, viewer};
use crate::error::Error;

/// What can be asked.
pub(crate) struct Query;

/// What can be asked.
#[Object]
impl Query {
    /// Who the server thinks you are.
    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer, Error> {
        Ok(Viewer(viewer(context)?))
    }

    /// The object of a global id; null if there is none that you may read.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        Ok(nodes(context, &[id]).await?.pop().flatten())
    }

    /// The objects of these global ids, in this order.
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global ids, at most 200.")] ids: Vec<ID>,
    ) -> async_graphql::Result<Vec<Option<Node>>> {
        nodes(context, &ids).await
    }

    /// What users did; for staff.
    #[allow(clippy::too_many_arguments)]
    async fn activities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many items from the beginning, at most 200; 50 by default.")]
        first: Option<i32>,
        #[graphql(desc = "Only items after the one with this cursor.")] after: Option<String>,
        #[graphql(desc = "So many items from the end, at most 200.")] last: Option<i32>,
        #[graphql(desc = "Only items before the one with this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which activities are meant.")] filter: Option<
            ActivityFilter,
        >,
        #[graphql(desc = "How they are sorted; the newest first by default.")] order_by: Option<
            ActivityOrder,
        >,
    ) -> async_graphql::Result<Connection<Activity>> {
        let reader = viewer(context)?.staff()?.reader();
        let page = PageArguments { first, after, last, before };
        activities(context, reader, None, page, filter, order_by).await
    }

    /// What the activities come to; for staff.
    async fn activity_stats(
        &self,
        context: &Context<'_>,
        #[graphql(name = "where", desc = "Which activities are meant.")] filter: Option<
            ActivityFilter,
        >,
    ) -> Result<ActivityStats, Error> {
        ActivityStats::new(context, viewer(context)?.staff()?.reader(), None, filter).await
    }

    /// Who is known here; for staff.
    #[allow(clippy::too_many_arguments)]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many items from the beginning, at most 200; 50 by default.")]
        first: Option<i32>,
        #[graphql(desc = "Only items after the one with this cursor.")] after: Option<String>,
        #[graphql(desc = "So many items from the end, at most 200.")] last: Option<i32>,
        #[graphql(desc = "Only items before the one with this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which users are meant.")] filter: Option<UserFilter>,
        #[graphql(desc = "How they are sorted; by name by default.")] order_by: Option<UserOrder>,
    ) -> Result<Connection<User>, Error> {
        users(context, PageArguments { first, after, last, before }, filter, order_by).await
    }

    /// The user of this name; for staff.
    async fn user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The name they log in with.")] username: String,
    ) -> Result<Option<User>, Error> {
        let staff = viewer(context)?.staff()?;
        let auth = &domain(context)?.auth;
        let user = auth.users.by_name(&staff, &username).await?;
        if let Some(user) = &user {
            auth.audit.note_reading(&staff, &[user.id]).await;
        }
        Ok(user.map(User))
    }

    /// Counts what is held on one person: give one of `user`, `session` and `ip`. Null: there is no
    /// such user or session. For staff.
    async fn person_report(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A user.")] user: Option<ID>,
        #[graphql(desc = "A browser session.")] session: Option<ID>,
        #[graphql(desc = "A network address.")] ip: Option<String>,
    ) -> Result<Option<PersonReport>, Error> {
        person_report(context, user, session, ip).await
    }

    /// What was done with the rights of staff and admins, the newest first; for admins.
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many items from the beginning, at most 200; 50 by default.")]
        first: Option<i32>,
        #[graphql(desc = "Only items after the one with this cursor.")] after: Option<String>,
        #[graphql(desc = "So many items from the end, at most 200.")] last: Option<i32>,
        #[graphql(desc = "Only items before the one with this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which lines are meant.")] filter: Option<
            AuditEventFilter,
        >,
    ) -> async_graphql::Result<Connection<AuditEvent>> {
        audit_events(context, PageArguments { first, after, last, before }, filter).await
    }

    /// For how long things are kept, as the service was started; for admins.
    async fn retention(&self, context: &Context<'_>) -> Result<Retention, Error> {
        retention(context)
    }

    /// Browser sessions; for staff.
    #[allow(clippy::too_many_arguments)]
    async fn sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "So many items from the beginning, at most 200; 50 by default.")]
        first: Option<i32>,
        #[graphql(desc = "Only items after the one with this cursor.")] after: Option<String>,
        #[graphql(desc = "So many items from the end, at most 200.")] last: Option<i32>,
        #[graphql(desc = "Only items before the one with this cursor.")] before: Option<String>,
        #[graphql(name = "where", desc = "Which sessions are meant.")] filter: Option<
            SessionFilter,
        >,
        #[graphql(desc = "How they are sorted; the newest first by default.")] order_by: Option<
            SessionOrder,
        >,
    ) -> async_graphql::Result<Connection<Session>> {
        let staff = viewer(context)?.staff()?;
        let page = PageArguments { first, after, last, before };
        sessions(context, staff, None, page, filter, order_by).await
    }
}
