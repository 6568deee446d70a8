//! The GraphQL door: a schema over the domain.
//!
//! Types of the API are their own; they wrap what the domain returns. A resolver is a few lines:
//! it asks the viewer for a right and calls the domain with it.

mod account;
mod admin;
mod api;
mod connection;
mod errors;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod guard;
mod loader;
mod mutation;
mod nulls;
mod persisted;
mod query;
mod selection;
mod subscription;
mod types;
mod weights;

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;

pub(crate) use api::{Api, Document, too_dear};
pub(crate) use errors::{cause, present};
use loader::Loaders;
pub(crate) use loader::Loading;
use loader::Selected;
use mutation::Mutation;
use query::Query;
pub(crate) use selection::{cursor, selection};
use subscription::Subscription;

use crate::activity::Activities;
use crate::auth::{Auth, Viewer};
use crate::config::Config;
use crate::error::Error;
use crate::privacy::Privacy;

/// The executable schema.
type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// What resolvers work on.
pub(crate) struct Domain {
    pub activities: Activities,
    pub auth: Arc<Auth>,
    pub privacy: Privacy,
    pub config: Arc<Config>,
}

/// The schema in the schema definition language, sorted.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    let schema = Schema::build(Query, Mutation::default(), Subscription).finish();
    schema.sdl_with_options(options)
}

fn domain<'a>(context: &Context<'a>) -> Result<&'a Domain, Error> {
    context.data().map_err(|error| Error::internal(error.message))
}

/// Who asks: after a log-in or log-out, whoever they are then.
fn viewer(context: &Context<'_>) -> Result<Viewer, Error> {
    let asking: &Asking = context.data().map_err(|error| Error::internal(error.message))?;
    Ok(asking.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// The fields of the operation that come later are asked by somebody else.
fn set_viewer(context: &Context<'_>, viewer: Viewer) -> Result<(), Error> {
    let asking: &Asking = context.data().map_err(|error| Error::internal(error.message))?;
    *asking.0.lock().unwrap_or_else(PoisonError::into_inner) = viewer;
    Ok(())
}

/// Who asks, in the data of a request.
pub(crate) struct Asking(Mutex<Viewer>);

impl Asking {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self(Mutex::new(viewer))
    }
}

fn loaders<'a>(context: &Context<'a>) -> Result<&'a Loaders, Error> {
    let loading: &Loading = context.data().map_err(|error| Error::internal(error.message))?;
    Ok(loading.loaders(domain(context)?))
}
