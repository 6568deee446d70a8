//! What admins do: users, tokens, sessions. Each order leaves a line in the audit log, and is in
//! force on this node at once, on others when their caches have run out.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::audit::Action;
use super::users::{MAX_EXTERNAL_ID, checked_username, new_user};
use super::{Admin, Auth, Role, Scope, Session, Staff, Token, User, Viewer};
use crate::error::{Error, Reason};
use crate::store::activities::Filter;
use crate::store::admin::{Changed, UserChange};
use crate::store::{Timestamp, without_nul};

/// Somebody to be made known.
#[derive(Debug)]
pub(crate) struct NewUser {
    pub username: String,
    pub role: Role,
    /// None: no log-in by password.
    pub password: Option<String>,
    pub external_id: Option<String>,
}

/// What is to be different about a user. None: stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserUpdate {
    pub username: Option<String>,
    pub role: Option<Role>,
    pub active: Option<bool>,
}

/// A token to be made.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub user_id: Uuid,
    pub name: String,
    pub scopes: Vec<Scope>,
    /// None: never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Auth {
    /// Makes a user.
    pub(crate) async fn create_user(&self, admin: &Admin, new: NewUser) -> Result<User, Error> {
        let mut user = new_user(checked_username(&new.username)?, new.role);
        user.external_id = new.external_id.map(without_nul).filter(|id| !id.is_empty());
        if user.external_id.as_ref().is_some_and(|id| id.len() > MAX_EXTERNAL_ID) {
            let message = "An external id has 1 to 255 bytes.";
            return Err(Error::refused("externalId", Reason::Invalid, message));
        }
        if let Some(password) = new.password {
            user.password_hash = Some(self.users.hash(password, admin.actor()).await?);
        }
        let details = json!({ "role": new.role.as_str() });
        let event = admin.actor().did(Action::CreateUser, Some(user.id), Some(details));
        if self.store.create_user(user.clone(), event).await? {
            return Ok(user.into());
        }
        if self.store.user_by_name(&user.username).await?.is_some() {
            return Err(name_taken(&user.username));
        }
        let message = "There is a user of this external id already.";
        Err(Error::refused("externalId", Reason::Taken, message))
    }

    /// Changes a user's name, role, or whether they may use the service.
    ///
    /// Who is disabled loses all sessions and tokens: they do not come back with the permission.
    pub(crate) async fn update_user(
        &self,
        admin: &Admin,
        id: Uuid,
        update: UserUpdate,
    ) -> Result<User, Error> {
        let username = update.username.as_deref().map(checked_username).transpose()?;
        // The name itself is the person's, and goes with them.
        let details = json!({
            "renamed": username.is_some(),
            "role": update.role.map(Role::as_str),
            "active": update.active,
        });
        let change = UserChange {
            username: username.map(str::to_owned),
            role: update.role.map(|role| role.as_str().to_owned()),
            active: update.active,
            password_hash: None,
        };
        let event = admin.actor().did(Action::UpdateUser, Some(id), Some(details));
        self.change_user(id, change, event).await
    }

    /// Gives a user a new password. All their sessions and tokens end.
    pub(crate) async fn set_password(
        &self,
        admin: &Admin,
        id: Uuid,
        password: String,
    ) -> Result<User, Error> {
        let password_hash = Some(self.users.hash(password, admin.actor()).await?);
        let change = UserChange { password_hash, ..UserChange::default() };
        let event = admin.actor().did(Action::SetPassword, Some(id), None);
        self.change_user(id, change, event).await
    }

    pub(super) async fn change_user(
        &self,
        id: Uuid,
        change: UserChange,
        event: crate::store::entity::audit_event::Model,
    ) -> Result<User, Error> {
        let username = change.username.clone().unwrap_or_default();
        let changed = self.store.change_user(id, change, event).await?;
        self.forget();
        match changed {
            Changed::Done(user) => Ok(user.into()),
            Changed::NotFound => Err(no_such_user()),
            Changed::NameTaken => Err(name_taken(&username)),
            Changed::LastAdmin => Err(last_admin()),
        }
    }

    /// Makes a token, and returns its secret, which is not to be had again.
    pub(crate) async fn create_token(
        &self,
        admin: &Admin,
        new: NewToken,
    ) -> Result<(Token, String), Error> {
        if new.expires_at.is_some_and(|at| at <= Utc::now()) {
            let message = "A token can't have expired before it is made.";
            return Err(Error::refused("expiresAt", Reason::Invalid, message));
        }
        if new.scopes.is_empty() {
            return Err(Error::refused("scopes", Reason::Invalid, "Name at least one scope."));
        }
        let user = self.users.by_ids(&[new.user_id]).await?.pop();
        let user = user.filter(|user| user.active).ok_or_else(|| {
            Error::refused("userId", Reason::NotFound, "There is no such user, or not any more.")
        })?;
        let (row, secret) = Token::row(user.id, &new.name, &new.scopes, new.expires_at)?;
        let scopes: Vec<_> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let details = json!({ "user": user.id, "scopes": scopes });
        let event = admin.actor().did(Action::CreateToken, Some(row.id), Some(details));
        self.store.create_token(row.clone(), event).await?;
        Ok((row.into(), secret))
    }

    /// Ends a token.
    pub(crate) async fn revoke_token(&self, admin: &Admin, id: Uuid) -> Result<Token, Error> {
        let event = admin.actor().did(Action::RevokeToken, Some(id), None);
        let token = self.store.revoke_token(id, event).await?;
        self.tokens.forget();
        token.map(Token::from).ok_or_else(|| {
            let message = format!("There is no valid token of the id {id}.");
            Error::refused("id", Reason::NotFound, message)
        })
    }

    /// Ends a session: its cookie opens nothing any more. The session stays in the log.
    pub(crate) async fn end_session(&self, admin: &Admin, id: Uuid) -> Result<Session, Error> {
        let event = admin.actor().did(Action::EndSession, Some(id), None);
        let session = self.store.end_session(id, event).await?;
        self.sessions.forget_all();
        session.map(Session::from).ok_or_else(|| {
            Error::refused("id", Reason::NotFound, format!("There is no session of the id {id}."))
        })
    }

    /// Ends all sessions of a user, and tells how many there were.
    pub(crate) async fn end_user_sessions(
        &self,
        admin: &Admin,
        user_id: Uuid,
    ) -> Result<u64, Error> {
        let event = admin.actor().did(Action::EndUserSessions, Some(user_id), None);
        let ended = self.store.end_sessions_of(user_id, event).await?;
        self.sessions.forget_all();
        ended.ok_or_else(no_such_user)
    }

    /// Makes the first admin, and logs them in. Whoever starts the service was shown the token.
    pub(crate) async fn create_first_admin(
        &self,
        viewer: &Viewer,
        setup_token: &str,
        username: &str,
        password: String,
    ) -> Result<Viewer, Error> {
        let invalid = || {
            let message = "The setup token is wrong, or the first admin is there already.";
            Error::refused("setupToken", Reason::Invalid, message)
        };
        if !self.setup.admits(setup_token) {
            return Err(invalid());
        }
        let mut user = new_user(checked_username(username)?, Role::Admin);
        user.password_hash = Some(self.users.hash(password, &viewer.actor()).await?);
        let event = viewer.actor().did(Action::CreateFirstAdmin, Some(user.id), None);
        let checked_at = Timestamp::now();
        let is_first = self.store.create_first_user(user.clone(), event).await?;
        self.setup.close();
        if !is_first {
            return Err(invalid());
        }
        self.open_session(viewer, std::sync::Arc::new(user.into()), checked_at).await
    }

    /// Notes that staff take a part of the log with them, before they get it.
    pub(crate) async fn note_export(
        &self,
        staff: &Staff,
        format: &str,
        filter: &Filter,
        after: Option<String>,
    ) -> Result<(), Error> {
        // By what, but not the values: an address or a path may be what is to be forgotten.
        let details = json!({ "format": format, "where": filter.fields(), "after": after });
        self.audit.write(staff.actor().did(Action::Export, None, Some(details))).await?;
        self.audit.note_filter(staff, filter).await;
        Ok(())
    }

    /// What was remembered of credentials is looked up anew.
    pub(crate) fn forget(&self) {
        self.users.forget();
        self.tokens.forget();
        self.sessions.forget_all();
    }
}

fn no_such_user() -> Error {
    Error::refused("id", Reason::NotFound, "There is no such user.")
}

fn name_taken(username: &str) -> Error {
    let message = format!("There is a user called {username} already.");
    Error::refused("username", Reason::Taken, message)
}

fn last_admin() -> Error {
    let message = "This is the last active admin; make another one first.";
    Error::refused("id", Reason::LastAdmin, message)
}
