//! Shapes of the API, one file per noun.

pub(super) mod activity;
pub(super) mod audit;
pub(super) mod filter;
pub(super) mod node;
pub(super) mod person;
pub(super) mod session;
pub(super) mod stats;
pub(super) mod token;
pub(super) mod user;
pub(super) mod user_error;
pub(super) mod viewer;

use async_graphql::{Enum, ID};
use uuid::Uuid;

use crate::error::Error;

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum OrderDirection {
    /// The least first: the oldest, or A before B.
    Asc,
    /// The greatest first: the newest, or B before A.
    Desc,
}

/// Every object is known by a UUID, whatever its type.
pub(super) fn parse_id(id: &ID) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Error::bad_input(format!("{:?} is not an id.", shown(id))))
}

/// No more of what a client has sent than a message can bear.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}
