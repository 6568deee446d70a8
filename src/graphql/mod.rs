//! The GraphQL door: a schema over the domain.
//!
//! Types of the API are their own; they wrap what the domain returns. A resolver is a few lines:
//! it asks the viewer for a right and calls the domain with it.

mod api;
mod connection;
mod errors;
mod guard;
mod loader;
mod mutation;
mod query;
mod types;

use std::sync::Arc;

use async_graphql::{Context, EmptySubscription};

pub(crate) use api::{Api, Document};
pub(crate) use errors::present;
pub(crate) use loader::Loaders;
use loader::Selected;

use crate::activity::Activities;
use crate::auth::{Auth, Viewer};
use crate::config::Config;
use crate::error::Error;

/// The executable schema.
type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// Deepest nesting of fields. The usual introspection query needs 13.
const MAX_DEPTH: usize = 15;
/// Most directives on one field.
const MAX_DIRECTIVES: usize = 10;

/// What resolvers work on.
pub(crate) struct Domain {
    pub activities: Activities,
    pub auth: Arc<Auth>,
    pub config: Arc<Config>,
}

/// The schema in the schema definition language, sorted.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    builder().finish().sdl_with_options(options)
}

fn builder() -> async_graphql::SchemaBuilder<query::Query, mutation::Mutation, EmptySubscription> {
    Schema::build(query::Query, mutation::Mutation, EmptySubscription)
        .limit_depth(MAX_DEPTH)
        .limit_directives(MAX_DIRECTIVES)
}

fn domain<'a>(context: &Context<'a>) -> Result<&'a Domain, Error> {
    context.data().map_err(|error| Error::internal(error.message))
}

fn viewer<'a>(context: &Context<'a>) -> Result<&'a Viewer, Error> {
    context.data().map_err(|error| Error::internal(error.message))
}

fn loaders<'a>(context: &Context<'a>) -> Result<&'a Loaders, Error> {
    context.data().map_err(|error| Error::internal(error.message))
}
