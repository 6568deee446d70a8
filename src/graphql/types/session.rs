//! Browser sessions and their connections.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::activity::{Activity, ActivityOrder, activities};
use super::filter::{ActivityFilter, SessionFilter};
use super::stats::ActivityStats;
use super::user::User;
use super::{OrderDirection, note_reading};
use crate::activity::{Course, Filter, Key, Position};
use crate::auth::{self, Staff};
use crate::error::Error;
use crate::graphql::connection::{Connection, Countable, Order, PageArguments, connection};
use crate::graphql::{Selected, domain, loaders, viewer};

/// A browser session.
#[derive(Clone)]
pub(in crate::graphql) struct Session(pub(in crate::graphql) auth::Session);

/// A browser session: one visitor on one device. It stays when the visitor logs out.
#[Object]
impl Session {
    /// Global id. Not the cookie's value: nobody can log in with it.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Who it belongs to; null: nobody has been recognised in it, or it is not for you to know.
    async fn user(&self, context: &Context<'_>) -> async_graphql::Result<Option<User>> {
        let Some(id) = self.0.user_id else { return Ok(None) };
        if viewer(context)?.reader_of(Some(id)).is_err() {
            return Ok(None);
        }
        Ok(loaders(context)?.users.load_one(id).await?.map(User))
    }

    /// What the browser calls itself. Cut at 512 bytes.
    async fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// When the session began.
    async fn first_seen_at(&self) -> DateTime<Utc> {
        self.0.first_seen_at
    }

    /// When it was used last, right to the minute.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }

    /// Whether its cookie still opens it: it has neither expired nor been ended.
    async fn is_active(&self, context: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(loaders(context)?.active.load_one(self.0.id).await?.is_some())
    }

    /// What was done in this session; for staff and for its user.
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
        let reader = viewer(context)?.reader_of(self.0.user_id)?;
        note_reading(context, &[self.0.id], self.0.user_id).await?;
        let page = PageArguments { first, after, last, before };
        let within = Filter::Session(vec![self.0.id]);
        activities(context, reader, Some(within), page, filter, order_by).await
    }

    /// What its activities come to; for staff and for its user.
    async fn activity_stats(
        &self,
        context: &Context<'_>,
        #[graphql(name = "where", desc = "Which activities are meant.")] filter: Option<
            ActivityFilter,
        >,
    ) -> Result<ActivityStats, Error> {
        let reader = viewer(context)?.reader_of(self.0.user_id)?;
        note_reading(context, &[self.0.id], self.0.user_id).await?;
        ActivityStats::new(context, reader, Some(Filter::Session(vec![self.0.id])), filter).await
    }

    /// How many seconds lie between its first and its last activity; for staff and for its user.
    async fn duration(&self, context: &Context<'_>) -> async_graphql::Result<f64> {
        Ok(self.course(context).await?.map_or(0.0, |course| course.duration.as_seconds_f64()))
    }

    /// The path of its first activity; null: there is none. For staff and for its user.
    async fn entry_path(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(self.course(context).await?.map(|course| course.entry_path))
    }

    /// The path of its last activity; null: there is none. For staff and for its user.
    async fn exit_path(&self, context: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(self.course(context).await?.map(|course| course.exit_path))
    }
}

impl Session {
    async fn course(&self, context: &Context<'_>) -> async_graphql::Result<Option<Course>> {
        let reader = viewer(context)?.reader_of(self.0.user_id)?;
        let key = (self.0.id, reader);
        Ok(loaders(context)?.courses.load_one(key).await?)
    }
}

/// How a list of sessions is sorted; equal ones by their ids.
#[derive(InputObject)]
pub(in crate::graphql) struct SessionOrder {
    /// What to sort by.
    field: SessionOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What sessions can be sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum SessionOrderField {
    /// When the session began.
    FirstSeenAt,
    /// When it was used last, right to the minute. One that is used meanwhile moves, so a walk through
    /// the pages may miss it or meet it twice.
    LastSeenAt,
}

/// Resolves a connection of sessions, those of one user if one is named.
pub(in crate::graphql) async fn sessions(
    context: &Context<'_>,
    staff: Staff,
    user: Option<Uuid>,
    page: PageArguments,
    filter: Option<SessionFilter>,
    order_by: Option<SessionOrder>,
) -> async_graphql::Result<Connection<Session>> {
    let mut filter = filter.unwrap_or_default().checked()?;
    filter.users.extend(user.map(|user| vec![user]));
    let order_by = order_by.unwrap_or(SessionOrder {
        field: SessionOrderField::FirstSeenAt,
        direction: OrderDirection::Desc,
    });
    let (order, key) = match order_by.field {
        SessionOrderField::FirstSeenAt => (Order::FirstSeenAt, auth::SessionSortKey::FirstSeenAt),
        SessionOrderField::LastSeenAt => {
            (Order::SessionLastSeenAt, auth::SessionSortKey::LastSeenAt)
        }
    };
    let descending = order_by.direction == OrderDirection::Desc;
    let page = page.page(context, order)?;
    note_reading(context, &filter.users.concat(), None).await?;
    let sessions = &domain(context)?.auth.sessions;
    let slice = sessions.page(&staff, &filter, key, descending, &page).await?;
    loaders(context)?.prefetch_users(&Selected::of_items(context), &slice.rows).await?;
    let position = |session: &auth::Session| Position {
        key: Key::Time(match order_by.field {
            SessionOrderField::FirstSeenAt => session.first_seen_at.into(),
            SessionOrderField::LastSeenAt => session.last_seen_at.into(),
        }),
        id: session.id,
    };
    Ok(connection(slice, Countable::Sessions(staff, filter), order, position, Session))
}
