//! What can be watched.

use async_graphql::{Context, Error, ErrorExtensions, Subscription as Subscriptions};
use tokio_stream::{Stream, StreamExt};

use super::types::activity::Activity;
use super::types::filter::ActivityFilter;
use super::{domain, viewer};
use crate::activity::{Filter, Lagged};

/// What can be watched.
pub(crate) struct Subscription;

/// What can be watched.
#[Subscriptions]
impl Subscription {
    /// Activities as they are stored, by whichever node, from now on; for staff. Who takes them too
    /// slowly gets an error with the code `LAGGED` in place of those that were missed, and then the
    /// next ones.
    async fn activity_logged(
        &self,
        context: &Context<'_>,
        #[graphql(name = "where", desc = "Which activities are meant.")] filter: Option<
            ActivityFilter,
        >,
    ) -> Result<impl Stream<Item = Result<Activity, Error>> + use<>, Error> {
        let staff = viewer(context)?.staff()?;
        let filter = filter.map_or(Ok(Filter::All(Vec::new())), ActivityFilter::checked)?;
        let domain = domain(context)?;
        domain.auth.audit.note_filter(&staff, &filter).await;
        let activities = domain.activities.watch(&staff, filter);
        Ok(activities.map(|activity| activity.map(Activity).map_err(lagged)))
    }
}

fn lagged(Lagged(missed): Lagged) -> Error {
    let missed = missed.map_or("Some".to_owned(), |missed| missed.to_string());
    Error::new(format!("{missed} activities came too fast and were missed."))
        .extend_with(|_, extensions| extensions.set("code", "LAGGED"))
}
