//! Reads documents, each text only once if it can be helped.
//!
//! An application sends the same few documents again and again, with other variables. Those that
//! have passed the validation are remembered as they were parsed; they are validated each time, as
//! that is what checks the variables.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError};
use moka::sync::Cache;
use serde_json::{Map, Value};
use tokio_stream::{Stream, StreamExt};

use super::guard::Measured;
use super::nulls::Nulls;
use super::persisted::Persisted;
use super::{Domain, Mutation, Query, Schema, Subscription, guard};
use crate::config::{Introspection, Limits};

/// Remembered documents, in bytes of their texts. Parsed, one takes up to fifty times as much.
const REMEMBERED: u64 = 256 << 10;
/// Most directives on one field.
const MAX_DIRECTIVES: usize = 10;
/// A text that is longer is not remembered.
const MAX_REMEMBERED: usize = 8 << 10;

/// The schema, ready to execute.
pub(crate) struct Api {
    schema: Schema,
    nulls: Nulls,
    limits: Limits,
    known: Cache<String, Arc<ExecutableDocument>>,
    pub(crate) persisted: Persisted,
}

/// A document that can be read; whether it fits the schema is found out when it is executed.
pub(crate) struct Document {
    pub(crate) parsed: Arc<ExecutableDocument>,
    /// What it costs at most, as `extensions.cost` says it.
    pub(crate) cost: u64,
    /// How many activities it logs at most.
    pub(crate) logged: u64,
    /// None: it is known already.
    text: Option<String>,
}

impl Api {
    pub(crate) fn new(domain: Domain) -> Self {
        let known = Cache::builder()
            .weigher(|text: &String, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .max_capacity(REMEMBERED);
        let limits = domain.config.limits.clone();
        let mut schema = Schema::build(Query, Mutation::default(), Subscription)
            .limit_directives(MAX_DIRECTIVES);
        if domain.config.introspection() != Introspection::All {
            // They tell the names of the schema one by one.
            schema = schema.disable_suggestions();
        }
        let schema = schema.data(domain).finish();
        let nulls = Nulls::new(schema.clone());
        Self { schema, nulls, limits, known: known.build(), persisted: Persisted::new() }
    }

    /// Reads a document, or remembers it.
    ///
    /// # Errors
    ///
    /// If it is no document, or too large a one; with the code that says which.
    pub(crate) fn document(
        &self,
        text: String,
        variables: &Map<String, Value>,
    ) -> Result<Document, ServerError> {
        let (parsed, text) = match self.known.get(&text) {
            Some(parsed) => (parsed, None),
            None => (parse(&text, &self.limits)?, Some(text)),
        };
        let Measured { cost, logged } =
            guard::check(&parsed, variables, &self.limits).map_err(refusal)?;
        Ok(Document { parsed, cost, logged, text })
    }

    /// Executes a request, which brings everything but its document.
    pub(crate) async fn execute(&self, document: Document, mut request: Request) -> Response {
        let Document { parsed, text, .. } = document;
        let name = request.operation_name.clone();
        request.set_parsed_query(ExecutableDocument::clone(&parsed));
        let mut response = self.schema.execute(request).await;
        self.nulls.hand_up(&mut response, &parsed, name.as_deref());
        let has_passed = response.errors.iter().all(|error| !error.path.is_empty());
        if let Some(text) = text.filter(|text| has_passed && text.len() <= MAX_REMEMBERED) {
            self.known.insert(text, parsed);
        }
        response
    }

    /// Answers to a subscription as they come; to a query just one.
    pub(crate) fn subscribe(
        &self,
        document: Document,
        mut request: Request,
    ) -> impl Stream<Item = Response> + Send + use<> {
        let (parsed, name) = (document.parsed, request.operation_name.clone());
        request.set_parsed_query(ExecutableDocument::clone(&parsed));
        let nulls = self.nulls.clone();
        self.schema.execute_stream(request).map(move |mut response| {
            nulls.hand_up(&mut response, &parsed, name.as_deref());
            response
        })
    }
}

fn parse(text: &str, limits: &Limits) -> Result<Arc<ExecutableDocument>, ServerError> {
    guard::check_text(text, limits).map_err(refusal)?;
    let parsed = parse_query(text).map_err(|error| ServerError {
        extensions: extensions("GRAPHQL_PARSE_FAILED"),
        ..error.into()
    })?;
    Ok(Arc::new(parsed))
}

/// What operations get that would cost too much together.
pub(crate) fn too_dear(cost: u64, limits: &Limits) -> ServerError {
    refusal(guard::too_dear(cost, limits))
}

fn refusal(message: String) -> ServerError {
    error("COST_LIMIT_EXCEEDED", message)
}

pub(super) fn error(code: &str, message: impl Into<String>) -> ServerError {
    ServerError { extensions: extensions(code), ..ServerError::new(message, None) }
}

fn extensions(code: &str) -> Option<ErrorExtensionValues> {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    Some(extensions)
}
