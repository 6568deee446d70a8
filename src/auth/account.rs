//! What users do about their own account. Each order takes their password again, and leaves a line in
//! the audit log.

use std::sync::Arc;

use uuid::Uuid;

use super::audit::Action;
use super::{Auth, Session, User, Viewer};
use crate::error::{Error, Reason};
use crate::store::Timestamp;
use crate::store::admin::UserChange;

impl Auth {
    /// The sessions in which the viewer is logged in by password, the newest first.
    pub(crate) async fn own_sessions(&self, viewer: &Viewer) -> Result<Vec<Session>, Error> {
        let user = viewer.reading_user()?;
        let ids = self.store.open_sessions_of(user.id).await?;
        let mut sessions = self.sessions.by_ids(&ids).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.id));
        Ok(sessions)
    }

    /// Ends one session of the viewer.
    pub(crate) async fn end_own_session(
        &self,
        viewer: &Viewer,
        password: String,
        id: Uuid,
    ) -> Result<Viewer, Error> {
        let user = self.confirm(viewer, password).await?;
        if !self.store.open_sessions_of(user.id).await?.contains(&id) {
            let message = format!("You have no session of the id {id}, or not any more.");
            return Err(Error::refused("id", Reason::NotFound, message));
        }
        if self.sessions.id_of(viewer).await? == Some(id) {
            return self.log_out(viewer).await;
        }
        let event = viewer.actor().did(Action::EndSession, Some(id), None);
        self.store.end_session(id, event).await?;
        self.sessions.forget_all();
        Ok(viewer.clone())
    }

    /// Ends all sessions of the viewer but the one at hand.
    pub(crate) async fn end_other_sessions(
        &self,
        viewer: &Viewer,
        password: String,
    ) -> Result<Viewer, Error> {
        let user = self.confirm(viewer, password).await?;
        let event = viewer.actor().did(Action::EndUserSessions, Some(user.id), None);
        self.store.end_sessions_of(user.id, event).await?;
        self.sessions.forget_all();
        self.go_on(viewer, user).await
    }

    /// Gives the viewer a new password. All their sessions and tokens end but the session at hand.
    pub(crate) async fn change_password(
        &self,
        viewer: &Viewer,
        password: String,
        new: String,
    ) -> Result<Viewer, Error> {
        let user = self.confirm(viewer, password).await?;
        let password_hash =
            self.users.hash(new, &viewer.actor()).await.map_err(|error| match error {
                Error::Refused(refusal) => {
                    Error::refused("newPassword", refusal.reason, refusal.message)
                }
                error => error,
            })?;
        let change = UserChange { password_hash: Some(password_hash), ..UserChange::default() };
        let event = viewer.actor().did(Action::SetPassword, Some(user.id), None);
        let user = self.change_user(user.id, change, event).await?;
        self.go_on(viewer, Arc::new(user)).await
    }

    /// The viewer, whose password this is. Guesses are counted as those at the log-in are.
    async fn confirm(&self, viewer: &Viewer, password: String) -> Result<Arc<User>, Error> {
        let user = viewer.user().ok_or(Error::Unauthenticated("Log in first."))?;
        if let Some(attempts) = &self.attempts {
            attempts.log_in(&viewer.client, &user.username)?;
        }
        let confirmed = self.users.by_password(&user.username, password).await?;
        confirmed.filter(|confirmed| confirmed.id == user.id).ok_or_else(|| {
            self.note_failure(viewer, &user.username);
            Error::refused("password", Reason::Invalid, "This is not your password.")
        })
    }

    /// Lets the session at hand go on under a new key, if the viewer has one.
    async fn go_on(&self, viewer: &Viewer, user: Arc<User>) -> Result<Viewer, Error> {
        if viewer.logged_in() != Some(user.id) {
            return Ok(viewer.clone());
        }
        self.open_session(viewer, user, Timestamp::now()).await
    }
}
