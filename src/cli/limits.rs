//! Settings of how large a GraphQL request may be.

use std::time::Duration;

use clap::Args;

use super::settings::period;
use crate::config;

/// What is refused beyond.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Limits {
    /// Longest GraphQL document, in bytes
    #[arg(long, env = "DJAFFAR_MAX_BYTES", default_value_t = config::Limits::default().bytes)]
    max_bytes: usize,
    /// Most tokens of a document
    #[arg(long, env = "DJAFFAR_MAX_TOKENS", default_value_t = config::Limits::default().tokens)]
    max_tokens: usize,
    /// Deepest nesting of brackets in a document
    #[arg(long, env = "DJAFFAR_MAX_NESTING", default_value_t = config::Limits::default().nesting)]
    max_nesting: usize,
    /// Deepest nesting of fields
    #[arg(long, env = "DJAFFAR_MAX_DEPTH", default_value_t = config::Limits::default().depth)]
    max_depth: usize,
    /// Most aliases of a document
    #[arg(long, env = "DJAFFAR_MAX_ALIASES", default_value_t = config::Limits::default().aliases)]
    max_aliases: usize,
    /// Most directives of a document
    #[arg(long, env = "DJAFFAR_MAX_DIRECTIVES", default_value_t = config::Limits::default().directives)]
    max_directives: usize,
    /// Most fields at the root of an operation
    #[arg(long, env = "DJAFFAR_MAX_ROOT_FIELDS", default_value_t = config::Limits::default().root_fields)]
    max_root_fields: u64,
    /// Most selections of an operation, fragments counted where they are spread
    #[arg(long, env = "DJAFFAR_MAX_SELECTIONS", default_value_t = config::Limits::default().selections)]
    max_selections: u64,
    /// What a request may cost: one for each object, lists within lists multiplied
    #[arg(long, env = "DJAFFAR_MAX_COST", value_parser = clap::value_parser!(u64).range(1..), default_value_t = config::Limits::default().cost)]
    max_cost: u64,
    /// Most items of a page
    #[arg(long, env = "DJAFFAR_MAX_PAGE", value_parser = clap::value_parser!(u64).range(1..=200), default_value_t = config::Limits::default().page)]
    max_page: u64,
    /// Most errors in an answer
    #[arg(long, env = "DJAFFAR_MAX_ERRORS", default_value_t = config::Limits::default().errors)]
    max_errors: usize,
    /// Most operations of a request; 1: no arrays of them
    #[arg(long, env = "DJAFFAR_MAX_OPERATIONS", default_value_t = config::Limits::default().operations)]
    max_operations: usize,
    /// Largest body of a GraphQL request, in bytes
    #[arg(long, env = "DJAFFAR_MAX_BODY", default_value_t = config::Limits::default().body)]
    max_body: usize,
    /// The same where it may be an array of operations
    #[arg(long, env = "DJAFFAR_MAX_BATCH_BODY", default_value_t = config::Limits::default().batch_body)]
    max_batch_body: usize,
    /// Largest body of the form and of what a tracker hands in, in bytes
    #[arg(long, env = "DJAFFAR_MAX_LOG_BODY", default_value_t = config::Limits::default().log_body)]
    max_log_body: usize,
    /// How long queries may take to be answered, like 10s
    #[arg(long, env = "DJAFFAR_QUERY_TIMEOUT", value_parser = period, default_value = "10s")]
    query_timeout: Duration,
    /// How long a mutation is waited for, which goes on to its end all the same, like 30s
    #[arg(long, env = "DJAFFAR_MUTATION_TIMEOUT", value_parser = period, default_value = "30s")]
    mutation_timeout: Duration,
}

impl From<&Limits> for config::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            bytes: limits.max_bytes,
            tokens: limits.max_tokens,
            nesting: limits.max_nesting,
            depth: limits.max_depth,
            aliases: limits.max_aliases,
            directives: limits.max_directives,
            root_fields: limits.max_root_fields,
            selections: limits.max_selections,
            cost: limits.max_cost,
            page: limits.max_page,
            errors: limits.max_errors,
            operations: limits.max_operations,
            body: limits.max_body,
            batch_body: limits.max_batch_body,
            log_body: limits.max_log_body,
            time: limits.query_timeout,
            mutation_time: limits.mutation_timeout,
        }
    }
}
