//! Users and their connections.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};

use super::activity::{Activity, ActivityOrder, activities};
use super::filter::{ActivityFilter, SessionFilter, UserFilter};
use super::session::{Session, SessionOrder, sessions};
use super::stats::ActivityStats;
use super::token::ApiToken;
use super::{OrderDirection, note_reading};
use crate::activity::{Bound, Filter, Key, Position, Timestamp};
use crate::auth;
use crate::error::Error;
use crate::graphql::connection::{Connection, Countable, Order, PageArguments, connection};
use crate::graphql::{domain, viewer};

/// Somebody who uses the application, or works on it.
#[derive(Clone)]
pub(in crate::graphql) struct User(pub(in crate::graphql) auth::User);

/// Somebody who uses the application, or works on it.
#[Object]
impl User {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name they log in with.
    async fn username(&self) -> &str {
        &self.0.username
    }

    /// The id by which the host application knows them, if it does.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// What they may do.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Whether they may use the service.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// When they were first known here.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When they were seen last, right to the minute.
    async fn last_seen_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_seen_at
    }

    /// What they did; for staff and for themselves.
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
        let reader = viewer(context)?.reader_of(Some(self.0.id))?;
        note_reading(context, &[self.0.id], None).await?;
        let page = PageArguments { first, after, last, before };
        let within = Filter::User(vec![self.0.id]);
        activities(context, reader, Some(within), page, filter, order_by).await
    }

    /// What their activities come to; for staff and for themselves.
    async fn activity_stats(
        &self,
        context: &Context<'_>,
        #[graphql(name = "where", desc = "Which activities are meant.")] filter: Option<
            ActivityFilter,
        >,
    ) -> Result<ActivityStats, Error> {
        let reader = viewer(context)?.reader_of(Some(self.0.id))?;
        note_reading(context, &[self.0.id], None).await?;
        ActivityStats::new(context, reader, Some(Filter::User(vec![self.0.id])), filter).await
    }

    /// Their API tokens, also those that are not good any more, the newest first; for admins.
    async fn tokens(&self, context: &Context<'_>) -> Result<Vec<ApiToken>, Error> {
        let admin = viewer(context)?.admin()?;
        let tokens = domain(context)?.auth.tokens.list(&admin, Some(self.0.id)).await?;
        Ok(tokens.into_iter().map(ApiToken).collect())
    }

    /// Their browser sessions; for staff.
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
        sessions(context, staff, Some(self.0.id), page, filter, order_by).await
    }
}

/// What a user may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "auth::Role")]
pub(in crate::graphql) enum Role {
    /// Is recognised, and may read what is held on them.
    User,
    /// May read everything.
    Staff,
    /// May change things.
    Admin,
}

/// How a list of users is sorted; equal ones by their ids.
#[derive(InputObject)]
pub(in crate::graphql) struct UserOrder {
    /// What to sort by.
    field: UserOrderField,
    /// Which way.
    direction: OrderDirection,
}

/// What users can be sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum UserOrderField {
    /// The name they log in with, by code points.
    Username,
    /// When they were first known here.
    CreatedAt,
    /// When they were seen last, right to the minute. Those who never were are not listed. Who is
    /// seen meanwhile moves, so a walk through the pages may miss them or meet them twice.
    LastSeenAt,
}

/// Resolves a connection of users.
pub(in crate::graphql) async fn users(
    context: &Context<'_>,
    page: PageArguments,
    filter: Option<UserFilter>,
    order_by: Option<UserOrder>,
) -> Result<Connection<User>, Error> {
    let staff = viewer(context)?.staff()?;
    let mut filter = filter.unwrap_or_default().checked()?;
    let order_by = order_by
        .unwrap_or(UserOrder { field: UserOrderField::Username, direction: OrderDirection::Asc });
    let (order, key) = match order_by.field {
        UserOrderField::Username => (Order::Username, auth::UserSortKey::Username),
        UserOrderField::CreatedAt => (Order::CreatedAt, auth::UserSortKey::CreatedAt),
        UserOrderField::LastSeenAt => {
            filter.last_seen_at.push((Bound::From, Timestamp(i64::MIN)));
            (Order::UserLastSeenAt, auth::UserSortKey::LastSeenAt)
        }
    };
    let descending = order_by.direction == OrderDirection::Desc;
    let page = page.page(context, order)?;
    let users = &domain(context)?.auth.users;
    let slice = users.page(&staff, &filter, key, descending, &page).await?;
    if filter.names_users() {
        let ids: Vec<_> = slice.rows.iter().map(|user| user.id).collect();
        note_reading(context, &ids, None).await?;
    }
    let position = |user: &auth::User| Position {
        key: match order_by.field {
            UserOrderField::Username => Key::Text(user.username.clone()),
            UserOrderField::CreatedAt => Key::Time(user.created_at.into()),
            UserOrderField::LastSeenAt => {
                Key::Time(user.last_seen_at.map_or(Timestamp(i64::MIN), Timestamp::from))
            }
        },
        id: user.id,
    };
    Ok(connection(slice, Countable::Users(staff, filter), order, position, User))
}
