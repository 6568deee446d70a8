//! Identity: users, tokens, sessions, and the one place that decides who the caller is.

mod account;
pub(crate) mod admin;
mod attempts;
pub(crate) mod audit;
mod identity;
mod jwt;
mod keys;
mod password;
mod remembered;
mod session_store;
mod sessions;
mod setup;
mod token;
mod user;
mod users;
mod viewer;
mod visit;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use tower_sessions::Session as Cookie;

use attempts::Attempts;
pub(crate) use audit::{Actor, Audit, AuditEvent};
pub use identity::Identity;
use jwt::Jwt;
pub(crate) use sessions::{Session, Sessions};
use setup::Setup;
pub(crate) use token::{Scope, Token, Tokens};
pub use user::Role;
pub(crate) use user::User;
pub(crate) use users::Users;
pub(crate) use viewer::{Admin, Client, Reader, Reporter, Staff, Viewer};
pub(crate) use visitor::Visitor;

pub(crate) use crate::store::audit::Filter as AuditFilter;
pub(crate) use crate::store::sessions::{Filter as SessionFilter, SortKey as SessionSortKey};
pub(crate) use crate::store::users::{Filter as UserFilter, SortKey as UserSortKey};

use crate::config::Config;
use crate::error::Error;
use crate::store::{Store, Subject, Timestamp, without_nul};
use audit::Action;

/// What a request brings to show who makes it.
pub(crate) struct Credentials {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// What the host application says.
    pub identity: Option<Identity>,
    pub cookie: Cookie,
    /// Who a page of another site says it has been; the cookie then counts for nothing.
    pub visitor: Option<Visitor>,
    pub client: Client,
}

/// Everything about who the caller is.
#[derive(Debug)]
pub(crate) struct Auth {
    pub users: Users,
    pub tokens: Tokens,
    pub sessions: Sessions,
    /// None: no limits.
    attempts: Option<Arc<Attempts>>,
    /// None: the host application issues no tokens.
    jwt: Option<Jwt>,
    pub audit: Audit,
    pub setup: Setup,
    staff_idle: Duration,
    store: Store,
}

impl Auth {
    /// # Errors
    ///
    /// If the keys of the settings can't be used.
    pub(crate) fn new(store: &Store, config: &Config) -> Result<Self, Error> {
        let attempts = config.rates.as_ref().map(|rates| Arc::new(Attempts::new(rates)));
        Ok(Self {
            users: Users::new(store.clone()),
            tokens: Tokens::new(store.clone()),
            sessions: Sessions::new(store.clone(), config, attempts.clone()),
            attempts,
            jwt: config.jwt.clone().map(Jwt::new).transpose()?,
            audit: Audit::new(store.clone()),
            setup: Setup::default(),
            staff_idle: config.staff_idle,
            store: store.clone(),
        })
    }

    /// Decides who the caller is: by token if one is shown, else by the host application's word,
    /// else by the session.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] if the token is not valid: never taken for anonymous.
    pub(crate) async fn viewer(&self, credentials: Credentials) -> Result<Viewer, Error> {
        let Credentials { authorization, identity, cookie, visitor, client } = credentials;
        let live = match &visitor {
            Some(_) => None,
            None => self.sessions.opened_by(&cookie).await?,
        };
        if let Some(live) = &live {
            self.sessions.touch(&cookie, live).await?;
        }
        let (user, token) = (None, None);
        let mut viewer = Viewer { user, is_bearer: false, token, cookie, live, visitor, client };
        // A host application may have read its own credentials from the same header.
        let authorization = authorization
            .filter(|authorization| identity.is_none() || authorization.contains(token::PREFIX));
        if let Some(authorization) = authorization {
            let (user, token) = self.bearer(&authorization).await?;
            if token.is_none() {
                self.audit.note_sign_in(&viewer.actor(), &user, "token of the host").await;
            }
            let subjects =
                [token.as_ref().map(|it| Subject::Token(it.id)), Some(Subject::User(user.id))];
            viewer = Viewer { user: Some(user), is_bearer: true, token, ..viewer };
            self.sessions.note(subjects.into_iter().flatten().collect()).await;
        } else if let Some(identity) = identity {
            let user = self.users.of_identity(&identity).await?;
            self.audit.note_sign_in(&viewer.actor(), &user, "host").await;
            self.sessions.note(vec![Subject::User(user.id)]).await;
            viewer.user = Some(user);
        } else if let Some(user_id) = viewer.logged_in() {
            viewer.user = self.users.active(user_id).await?;
            let is_staff = viewer.user.as_ref().is_some_and(|user| user.role >= Role::Staff);
            if is_staff && viewer.live.as_ref().is_some_and(|live| self.was_long_ago(live)) {
                viewer = self.log_out(&viewer).await?;
            }
        }
        Ok(viewer)
    }

    /// Whether staff who used their session last when this was read have to log in again.
    fn was_long_ago(&self, live: &sessions::Live) -> bool {
        let idle = i64::try_from(self.staff_idle.as_micros()).unwrap_or(i64::MAX);
        live.seen_at < Timestamp::now().plus_micros(idle.saturating_neg())
    }

    /// Whose token it is; and the token, unless the host application has issued it.
    async fn bearer(&self, authorization: &str) -> Result<(Arc<User>, Option<Arc<Token>>), Error> {
        let (scheme, secret) = authorization.trim().split_once(' ').ok_or(INVALID_TOKEN)?;
        if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
            return Err(INVALID_TOKEN);
        }
        let secret = secret.trim();
        if let Some(jwt) = self.jwt.as_ref().filter(|_| !secret.starts_with(token::PREFIX)) {
            let identity = jwt.verify(secret).await?;
            return Ok((self.users.of_identity(&identity).await?, None));
        }
        let token = self.tokens.verify(secret).await?.ok_or(INVALID_TOKEN)?;
        let user = self.users.active(token.user_id).await?.ok_or(INVALID_TOKEN)?;
        Ok((user, Some(token)))
    }

    /// Whether a viewer who has been let in a while ago would still be the same one, with the same
    /// `Authorization` header: the token not revoked, the session not ended, the user not disabled.
    pub(crate) async fn still_knows(
        &self,
        viewer: &Viewer,
        authorization: Option<&str>,
    ) -> Result<bool, Error> {
        let Some(user) = viewer.user() else { return Ok(true) };
        let user_is_active =
            self.users.active(user.id).await?.is_some_and(|it| it.role == user.role);
        let has_credentials = match authorization.filter(|_| viewer.is_bearer) {
            Some(authorization) => match self.bearer(authorization).await {
                Ok((found, _)) => found.id == user.id,
                Err(Error::Unauthenticated(_) | Error::Forbidden(_)) => false,
                Err(error) => return Err(error),
            },
            None if viewer.logged_in() == Some(user.id) => {
                let live = self.sessions.opened_by(&viewer.cookie).await?;
                live.is_some_and(|live| live.user_id == Some(user.id))
            }
            // By the word of the host application, which is not asked again.
            None => true,
        };
        Ok(user_is_active && has_credentials)
    }

    /// Logs a viewer in by password. None: the name or the password is wrong, or the user disabled.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] if that has been tried too often, for this account or from there.
    pub(crate) async fn log_in(
        &self,
        viewer: &Viewer,
        username: &str,
        password: String,
    ) -> Result<Option<Viewer>, Error> {
        if let Some(attempts) = &self.attempts {
            attempts.log_in(&viewer.client, username)?;
        }
        let checked_at = Timestamp::now();
        let Some(user) = self.users.by_password(username, password).await? else {
            self.note_failure(viewer, username);
            return Ok(None);
        };
        if user.role >= Role::Staff {
            let actor = Actor { user_id: Some(user.id), ..viewer.actor() };
            self.audit.write(actor.did(Action::LogIn, Some(user.id), None)).await?;
        }
        Ok(Some(self.open_session(viewer, user, checked_at).await?))
    }

    /// Lets the viewer's cookie be that of a user whose password was right.
    async fn open_session(
        &self,
        viewer: &Viewer,
        user: Arc<User>,
        checked_at: Timestamp,
    ) -> Result<Viewer, Error> {
        let live = Some(self.sessions.log_in(viewer, &user, checked_at).await?);
        self.sessions.note(vec![Subject::User(user.id)]).await;
        let user = Some(user);
        Ok(Viewer { user, is_bearer: false, token: None, live, ..viewer.clone() })
    }

    /// Notes in the audit log that somebody tried to be a member of staff. A name that is nobody's
    /// is not kept: it may be a password in the wrong field.
    ///
    /// Nobody waits for it, so that the time of the answer does not tell whose name was right.
    fn note_failure(&self, viewer: &Viewer, username: &str) {
        let (store, audit) = (self.store.clone(), self.audit.clone());
        let actor = Actor { user_id: None, ..viewer.actor() };
        let username = without_nul(username.trim().to_owned());
        tokio::spawn(async move {
            let noted = async {
                let user = store.user_by_name(&username).await?.map(User::from);
                match user.filter(|user| user.role >= Role::Staff) {
                    Some(user) => {
                        audit.write(actor.did(Action::LogInFailed, Some(user.id), None)).await
                    }
                    None => Ok(()),
                }
            };
            if let Err(error) = noted.await {
                error.log();
            }
        });
    }

    /// Ends the viewer's session.
    pub(crate) async fn log_out(&self, viewer: &Viewer) -> Result<Viewer, Error> {
        self.sessions.log_out(&viewer.cookie).await?;
        let (user, token, live) = (None, None, None);
        Ok(Viewer { user, is_bearer: false, token, live, ..viewer.clone() })
    }
}

const INVALID_TOKEN: Error = Error::Unauthenticated("Invalid token.");
