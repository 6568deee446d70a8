//! Shapes of the API, one file per noun.

pub(super) mod activity;
pub(super) mod audit;
pub(super) mod filter;
pub(super) mod node;
pub(super) mod person;
pub(super) mod retention;
pub(super) mod session;
pub(super) mod stats;
mod survey;
pub(super) mod token;
pub(super) mod user;
pub(super) mod user_error;
pub(super) mod viewer;

use async_graphql::{Context, Enum, ID};
use uuid::Uuid;

use super::{domain, viewer};
use crate::activity::Filter;
use crate::error::Error;

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum OrderDirection {
    /// The least first: the oldest, or A before B.
    Asc,
    /// The greatest first: the newest, or B before A.
    Desc,
}

/// Notes that staff look at these users or sessions, unless they are the caller's own.
async fn note_reading(
    context: &Context<'_>,
    people: &[Uuid],
    owner: Option<Uuid>,
) -> Result<(), Error> {
    let viewer = viewer(context)?;
    let is_own = owner.is_some() && owner == viewer.user().map(|user| user.id);
    if let (false, Ok(staff)) = (is_own, viewer.staff()) {
        domain(context)?.auth.audit.note_reading(&staff, people).await;
    }
    Ok(())
}

/// Notes that staff look at those whom a filter names, if there is one.
async fn note_filter(context: &Context<'_>, filter: Option<&Filter>) -> Result<(), Error> {
    if let (Some(filter), Ok(staff)) = (filter, viewer(context)?.staff()) {
        domain(context)?.auth.audit.note_filter(&staff, filter).await;
    }
    Ok(())
}

/// Every object is known by a UUID, whatever its type.
pub(super) fn parse_id(id: &ID) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Error::bad_input(format!("{:?} is not an id.", shown(id))))
}

/// No more of what a client has sent than a message can bear.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}
