//! What users can do about their own account.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::admin::settled;
use super::types::parse_id;
use super::types::user_error::UserError;
use super::types::viewer::Viewer;
use super::{domain, set_viewer, viewer};
use crate::auth;
use crate::error::Error;

/// What users can do about their own account.
#[derive(Default)]
pub(super) struct Account;

/// What users can do about their own account.
#[Object]
impl Account {
    /// Gives you a new password. All your other sessions, and all your tokens, end.
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Both passwords.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload, Error> {
        let ChangePasswordInput { password, new_password } = input;
        let auth = &domain(context)?.auth;
        let changed = auth.change_password(&viewer(context)?, password, new_password).await;
        let (viewer, user_errors) = settled_for(context, changed)?;
        Ok(ChangePasswordPayload { viewer, user_errors })
    }

    /// Ends one of your sessions, or all but this one. What you did in it stays in the log.
    async fn end_own_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Your password, and which session.")] input: EndOwnSessionsInput,
    ) -> Result<EndOwnSessionsPayload, Error> {
        let EndOwnSessionsInput { password, id } = input;
        let (auth, viewer) = (&domain(context)?.auth, viewer(context)?);
        let ended = match id {
            Some(id) => auth.end_own_session(&viewer, password, parse_id(&id)?).await,
            None => auth.end_other_sessions(&viewer, password).await,
        };
        let (viewer, user_errors) = settled_for(context, ended)?;
        Ok(EndOwnSessionsPayload { viewer, user_errors })
    }
}

/// What came of it: the rest of the request is made by whoever the caller is now.
fn settled_for(
    context: &Context<'_>,
    done: Result<auth::Viewer, Error>,
) -> Result<(Option<Viewer>, Vec<UserError>), Error> {
    let (viewer, user_errors) = settled(done)?;
    if let Some(viewer) = &viewer {
        set_viewer(context, viewer.clone())?;
    }
    Ok((viewer.map(Viewer), user_errors))
}

/// A new password.
#[derive(InputObject)]
struct ChangePasswordInput {
    /// The one you have.
    #[graphql(secret)]
    password: String,
    /// The one you want; best 15 characters or more.
    #[graphql(secret)]
    new_password: String,
}

/// Sessions of yours to be ended.
#[derive(InputObject)]
struct EndOwnSessionsInput {
    /// Your password.
    #[graphql(secret)]
    password: String,
    /// The session; null: all but this one.
    id: Option<ID>,
}

/// Who you are now.
#[derive(SimpleObject)]
struct ChangePasswordPayload {
    /// Who the server thinks you are from now on; null if it was refused.
    viewer: Option<Viewer>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Who you are now.
#[derive(SimpleObject)]
struct EndOwnSessionsPayload {
    /// Who the server thinks you are from now on; null if it was refused.
    viewer: Option<Viewer>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}
