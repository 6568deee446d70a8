//! Who is asking.

use async_graphql::{Context, Enum, Object};

use super::activity::{Activity, ActivityOrder, activities};
use super::filter::ActivityFilter;
use super::session::Session;
use super::user::{Role, User};
use crate::auth;
use crate::error::Error;
use crate::graphql::connection::{Connection, PageArguments};
use crate::graphql::domain;

/// Who is asking.
pub(in crate::graphql) struct Viewer(pub(in crate::graphql) auth::Viewer);

/// Who the server thinks you are.
#[Object]
impl Viewer {
    /// Your user; null: you are not logged in.
    async fn user(&self) -> Option<User> {
        self.0.user().map(|user| User(auth::User::clone(user)))
    }

    /// Your browser session; null: you have none yet.
    async fn session(&self, context: &Context<'_>) -> Result<Option<Session>, Error> {
        let sessions = &domain(context)?.auth.sessions;
        let Some(id) = sessions.id_of(&self.0).await? else { return Ok(None) };
        Ok(sessions.by_ids(&[id]).await?.pop().map(Session))
    }

    /// The sessions in which you are logged in by password, the newest first.
    async fn sessions(&self, context: &Context<'_>) -> Result<Vec<Session>, Error> {
        let sessions = domain(context)?.auth.own_sessions(&self.0).await?;
        Ok(sessions.into_iter().map(Session).collect())
    }

    /// What you may do; null: you are not logged in.
    async fn role(&self) -> Option<Role> {
        self.0.user().map(|user| user.role.into())
    }

    /// What your credentials may be used for.
    async fn scopes(&self) -> Vec<Scope> {
        self.0.scopes().iter().map(|scope| Scope::from(*scope)).collect()
    }

    /// What is held on you, also what was done in your sessions while nobody was logged in. Only if you
    /// are logged in.
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
        let reader = self.0.own_reader()?;
        let page = PageArguments { first, after, last, before };
        activities(context, reader, None, page, filter, order_by).await
    }
}

/// What credentials may be used for, within the rights of their user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "auth::Scope")]
pub(in crate::graphql) enum Scope {
    /// To log activities.
    Log,
    /// To read.
    Read,
    /// For everything.
    Admin,
}
