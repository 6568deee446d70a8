//! What can be done.

use async_graphql::{Context, InputObject, MergedObject, Object, SimpleObject};

use super::account::Account;
use super::admin::Administration;
use super::types::activity::{Activity, LogActivityInput};
use super::types::user_error::{UserError, UserErrorCode};
use super::types::viewer::Viewer;
use super::weights::MAX_LOGGED;
use super::{domain, set_viewer, viewer};
use crate::activity::{Draft, Report};
use crate::error::Error;

/// What can be done.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(Everybody, Account, Administration);

/// What everybody can do.
#[derive(Default)]
struct Everybody;

/// What everybody can do.
#[Object]
impl Everybody {
    /// Logs an activity. The answer comes when it is on disk.
    ///
    /// Anybody may log. Who did it is told by the session cookie or the bearer token, never by the
    /// input. A visitor without a session gets one.
    async fn log_activity(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The activity.")] input: LogActivityInput,
    ) -> Result<LogActivityPayload, Error> {
        let mut results = record(context, vec![input]).await?;
        results.pop().ok_or_else(|| Error::internal("no result for an activity"))
    }

    /// Logs up to 500 activities at once, with one result for each, in their order. The bad ones
    /// are named, all others are stored together.
    async fn log_activities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The activities.")] input: LogActivitiesInput,
    ) -> Result<LogActivitiesPayload, Error> {
        let count = input.activities.len();
        if !(1..=MAX_LOGGED).contains(&count) {
            let message = format!("Give between 1 and {MAX_LOGGED} activities, not {count}.");
            let code = if count == 0 { UserErrorCode::Required } else { UserErrorCode::TooMany };
            let user_errors = vec![UserError::new("activities", code, message)];
            return Ok(LogActivitiesPayload { results: Vec::new(), user_errors });
        }
        let results = record(context, input.activities).await?;
        Ok(LogActivitiesPayload { results, user_errors: Vec::new() })
    }

    /// Logs you in: the answer sets the session cookie.
    async fn log_in(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who you are.")] input: LogInInput,
    ) -> Result<LogInPayload, Error> {
        let auth = &domain(context)?.auth;
        let viewer = auth.log_in(&viewer(context)?, &input.username, input.password).await?;
        let Some(viewer) = viewer else {
            let user_errors = vec![UserError::invalid_credentials()];
            return Ok(LogInPayload { viewer: None, user_errors });
        };
        set_viewer(context, viewer.clone())?;
        Ok(LogInPayload { viewer: Some(Viewer(viewer)), user_errors: Vec::new() })
    }

    /// Logs you out and ends your session. What you did in it stays in the log.
    async fn log_out(&self, context: &Context<'_>) -> Result<LogOutPayload, Error> {
        let viewer = domain(context)?.auth.log_out(&viewer(context)?).await?;
        set_viewer(context, viewer.clone())?;
        Ok(LogOutPayload { viewer: Viewer(viewer) })
    }
}

/// Stores the good ones of some activities; the result of each, in their order.
async fn record(
    context: &Context<'_>,
    inputs: Vec<LogActivityInput>,
) -> Result<Vec<LogActivityPayload>, Error> {
    let domain = domain(context)?;
    let viewer = viewer(context)?;
    let reporter = viewer.reporter(domain.config.require_user)?;
    let mut drafts = Vec::with_capacity(inputs.len());
    let mut results = Vec::with_capacity(inputs.len());
    for input in inputs {
        match Draft::parse(Report::from(input)) {
            Ok(draft) => {
                drafts.push(draft);
                results.push(None);
            }
            Err(errors) => results.push(Some(errors)),
        }
    }
    let mut recorded = Vec::new().into_iter();
    if !drafts.is_empty() {
        recorded = domain.activities.record(&reporter, drafts).await?.into_iter();
    }
    let payload = |errors: Option<Vec<_>>| match errors {
        None => LogActivityPayload {
            activity: recorded.next().flatten().map(Activity),
            user_errors: Vec::new(),
        },
        Some(errors) => LogActivityPayload {
            activity: None,
            user_errors: errors.into_iter().map(UserError::from).collect(),
        },
    };
    Ok(results.into_iter().map(payload).collect())
}

/// What became of an activity: it is stored if there are no `userErrors`.
#[derive(SimpleObject)]
struct LogActivityPayload {
    /// The activity as it is stored. Null if it was refused, or if its id belongs to somebody
    /// else's activity.
    activity: Option<Activity>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Activities to log.
#[derive(InputObject)]
struct LogActivitiesInput {
    /// Between 1 and 500.
    activities: Vec<LogActivityInput>,
}

/// What became of the activities.
#[derive(SimpleObject)]
struct LogActivitiesPayload {
    /// One result for each activity, in their order.
    results: Vec<LogActivityPayload>,
    /// Why all of them were refused.
    user_errors: Vec<UserError>,
}

/// Who wants to log in.
#[derive(InputObject)]
struct LogInInput {
    /// The name.
    username: String,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// Who you are now.
#[derive(SimpleObject)]
struct LogInPayload {
    /// Who the server thinks you are from now on; null if it was refused.
    viewer: Option<Viewer>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Who you are now.
#[derive(SimpleObject)]
struct LogOutPayload {
    /// Who the server thinks you are from now on: nobody.
    viewer: Viewer,
}
