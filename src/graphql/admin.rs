//! What admins can do.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::types::parse_id;
use super::types::person::{ErasePersonInput, PersonReport};
use super::types::retention::{PruneInput, PrunePayload, prune};
use super::types::session::Session;
use super::types::token::ApiToken;
use super::types::user::{Role, User};
use super::types::user_error::UserError;
use super::types::viewer::{Scope, Viewer};
use super::{domain, set_viewer, viewer};
use crate::auth::admin::{NewToken, NewUser, UserUpdate};
use crate::error::Error;

/// What admins can do.
#[derive(Default)]
pub(super) struct Administration;

/// What admins can do.
#[Object]
impl Administration {
    /// Makes the first admin and logs you in, with the token that the service prints when it starts
    /// on an empty database. Only while there is no user at all.
    async fn create_first_admin(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who the first admin shall be.")] input: CreateFirstAdminInput,
    ) -> Result<CreateFirstAdminPayload, Error> {
        let CreateFirstAdminInput { setup_token, username, password } = input;
        let asking = viewer(context)?;
        let made = domain(context)?
            .auth
            .create_first_admin(&asking, &setup_token, &username, password)
            .await;
        let (viewer, user_errors) = settled(made)?;
        if let Some(viewer) = &viewer {
            set_viewer(context, viewer.clone())?;
        }
        Ok(CreateFirstAdminPayload { viewer: viewer.map(Viewer), user_errors })
    }

    /// Makes a user; for admins.
    async fn create_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user.")] input: CreateUserInput,
    ) -> Result<CreateUserPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let CreateUserInput { username, role, password, external_id } = input;
        let new = NewUser { username, role: role.into(), password, external_id };
        let (user, user_errors) = settled(domain(context)?.auth.create_user(&admin, new).await)?;
        Ok(CreateUserPayload { user: user.map(User), user_errors })
    }

    /// Changes a user's name, role, or whether they may use the service; for admins. Who is
    /// disabled loses all sessions and tokens for good. The last active admin stays one.
    async fn update_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user, and what is to be different.")] input: UpdateUserInput,
    ) -> Result<UpdateUserPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let id = parse_id(&input.id)?;
        let UpdateUserInput { username, role, active, .. } = input;
        let update = UserUpdate { username, role: role.map(Into::into), active };
        let (user, user_errors) =
            settled(domain(context)?.auth.update_user(&admin, id, update).await)?;
        Ok(UpdateUserPayload { user: user.map(User), user_errors })
    }

    /// Gives a user a new password; for admins. All sessions and tokens of the user end.
    async fn set_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user, and the password.")] input: SetPasswordInput,
    ) -> Result<SetPasswordPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let id = parse_id(&input.id)?;
        let (user, user_errors) =
            settled(domain(context)?.auth.set_password(&admin, id, input.password).await)?;
        Ok(SetPasswordPayload { user: user.map(User), user_errors })
    }

    /// Makes an API token; for admins. Its secret is shown this once.
    async fn create_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token.")] input: CreateTokenInput,
    ) -> Result<CreateTokenPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let new = NewToken {
            user_id: parse_id(&input.user_id)?,
            name: input.name,
            scopes: input.scopes.into_iter().map(Into::into).collect(),
            expires_at: input.expires_at,
        };
        let made = domain(context)?.auth.create_token(&admin, new).await;
        let (made, user_errors) = settled(made)?;
        let (token, secret) = made.unzip();
        Ok(CreateTokenPayload { token: token.map(ApiToken), secret, user_errors })
    }

    /// Ends an API token; for admins.
    async fn revoke_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token.")] input: RevokeTokenInput,
    ) -> Result<RevokeTokenPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let revoked = domain(context)?.auth.revoke_token(&admin, parse_id(&input.id)?).await;
        let (token, user_errors) = settled(revoked)?;
        Ok(RevokeTokenPayload { token: token.map(ApiToken), user_errors })
    }

    /// Ends a browser session; for admins. What was done in it stays in the log.
    async fn end_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: EndSessionInput,
    ) -> Result<EndSessionPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let ended = domain(context)?.auth.end_session(&admin, parse_id(&input.id)?).await;
        let (session, user_errors) = settled(ended)?;
        Ok(EndSessionPayload { session: session.map(Session), user_errors })
    }

    /// Ends all browser sessions of a user; for admins. Tokens stay good.
    async fn end_user_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user.")] input: EndUserSessionsInput,
    ) -> Result<EndUserSessionsPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let user_id = parse_id(&input.user_id)?;
        let ended = domain(context)?.auth.end_user_sessions(&admin, user_id).await;
        let (count, user_errors) = settled(ended)?;
        Ok(EndUserSessionsPayload { count, user_errors })
    }

    /// Forgets now what is too old, in the background; for admins. For how long things are kept is set
    /// where the service is started: see `retention`.
    async fn prune(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whether only to count.")] input: PruneInput,
    ) -> Result<PrunePayload, Error> {
        prune(context, input).await
    }

    /// Forgets one person; for admins. They are locked out at once; the rest is done in the
    /// background, in small steps. `personReport` tells what is left.
    async fn erase_person(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who, and how.")] input: ErasePersonInput,
    ) -> Result<ErasePersonPayload, Error> {
        let admin = viewer(context)?.admin()?;
        let person = input.person(context)?;
        let privacy = &domain(context)?.privacy;
        let erased = async {
            if input.dry_run {
                return privacy.report(&admin.staff(), &person).await;
            }
            let report = privacy.count(&admin.staff(), &person).await?;
            privacy.erase(&admin, &person, input.mode.into()).await?;
            Ok(report)
        };
        let (report, user_errors) = settled(erased.await)?;
        Ok(ErasePersonPayload { report: report.map(PersonReport), user_errors })
    }
}

/// What came of an order, or why it was refused; any other error goes on.
pub(super) fn settled<T>(result: Result<T, Error>) -> Result<(Option<T>, Vec<UserError>), Error> {
    match result {
        Ok(done) => Ok((Some(done), Vec::new())),
        Err(Error::Refused(refusal)) => Ok((None, vec![refusal.into()])),
        Err(error) => Err(error),
    }
}

/// Who the first admin shall be.
#[derive(InputObject)]
struct CreateFirstAdminInput {
    /// What the service printed when it started.
    #[graphql(secret)]
    setup_token: String,
    /// The name to log in with.
    username: String,
    /// The password; best 15 characters or more.
    #[graphql(secret)]
    password: String,
}

/// Who you are now.
#[derive(SimpleObject)]
struct CreateFirstAdminPayload {
    /// Who the server thinks you are from now on; null if it was refused.
    viewer: Option<Viewer>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A user to be made.
#[derive(InputObject)]
struct CreateUserInput {
    /// The name to log in with: 1 to 150 printable characters.
    username: String,
    /// What they may do.
    role: Role,
    /// The password; without one there is no log-in by password.
    #[graphql(secret)]
    password: Option<String>,
    /// The id by which the host application knows them.
    external_id: Option<String>,
}

/// What is to be different about a user. What is not given stays as it is.
#[derive(InputObject)]
struct UpdateUserInput {
    /// Which user.
    id: ID,
    /// Another name to log in with.
    username: Option<String>,
    /// What they may do.
    role: Option<Role>,
    /// Whether they may use the service.
    active: Option<bool>,
}

/// A new password for a user.
#[derive(InputObject)]
struct SetPasswordInput {
    /// Which user.
    id: ID,
    /// The password; best 15 characters or more.
    #[graphql(secret)]
    password: String,
}

/// A user that was made.
#[derive(SimpleObject)]
struct CreateUserPayload {
    /// The user as they are now; null if it was refused.
    user: Option<User>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A user that was changed.
#[derive(SimpleObject)]
struct UpdateUserPayload {
    /// The user as they are now; null if it was refused.
    user: Option<User>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A user who has a new password.
#[derive(SimpleObject)]
struct SetPasswordPayload {
    /// The user as they are now; null if it was refused.
    user: Option<User>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A token to be made.
#[derive(InputObject)]
struct CreateTokenInput {
    /// Whose rights it carries.
    user_id: ID,
    /// What to call it.
    name: String,
    /// What it may be used for, within the rights of its user; at least one.
    scopes: Vec<Scope>,
    /// Until when it is good; without it until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// A token that was made.
#[derive(SimpleObject)]
struct CreateTokenPayload {
    /// The token; null if it was refused.
    token: Option<ApiToken>,
    /// What to send as `Authorization: Bearer …`. It is not to be had again.
    secret: Option<String>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A token to be ended.
#[derive(InputObject)]
struct RevokeTokenInput {
    /// Which token.
    id: ID,
}

/// What became of a token.
#[derive(SimpleObject)]
struct RevokeTokenPayload {
    /// The token as it is now; null if it was refused.
    token: Option<ApiToken>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A session to be ended.
#[derive(InputObject)]
struct EndSessionInput {
    /// Which session.
    id: ID,
}

/// What became of a session.
#[derive(SimpleObject)]
struct EndSessionPayload {
    /// The session; null if it was refused.
    session: Option<Session>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// A user whose sessions are to be ended.
#[derive(InputObject)]
struct EndUserSessionsInput {
    /// Which user.
    user_id: ID,
}

/// What became of the sessions of a user.
#[derive(SimpleObject)]
struct EndUserSessionsPayload {
    /// How many live sessions have ended; null if it was refused.
    count: Option<u64>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Who is being forgotten.
#[derive(SimpleObject)]
struct ErasePersonPayload {
    /// What was held on them before; null if it was refused.
    report: Option<PersonReport>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}
