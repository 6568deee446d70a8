//! Parses, validates and executes documents; each text only once, if it can be helped.
//!
//! An application sends the same few documents again and again, with other variables. What has
//! passed the full validation is remembered by its text; the variables are checked each time, when
//! they are read.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request, Response, ServerError, ValidationMode};
use moka::sync::Cache;

use super::{Domain, Schema, builder};

/// Remembered documents, in bytes of their texts.
const REMEMBERED: u64 = 1 << 20;
/// A text that is longer is not remembered.
const MAX_REMEMBERED: usize = 16 << 10;

/// The schema, ready to execute.
pub(crate) struct Api {
    strict: Schema,
    /// The same, for documents that have passed the strict one.
    trusting: Schema,
    valid: Cache<String, Arc<ExecutableDocument>>,
}

/// A document that can be read; whether it fits the schema may yet have to be found out.
pub(crate) struct Document {
    text: String,
    parsed: Arc<ExecutableDocument>,
    is_valid: bool,
}

impl Document {
    pub(crate) fn parsed(&self) -> &ExecutableDocument {
        &self.parsed
    }
}

impl Api {
    pub(crate) fn new(domain: Domain) -> Self {
        let domain = Arc::new(domain);
        let valid = Cache::builder()
            .weigher(|text: &String, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .max_capacity(REMEMBERED);
        Self {
            strict: builder().data(domain.clone()).finish(),
            trusting: builder().data(domain).validation_mode(ValidationMode::Fast).finish(),
            valid: valid.build(),
        }
    }

    /// Reads a document, or remembers it.
    pub(crate) fn document(&self, text: String) -> Result<Document, ServerError> {
        if let Some(parsed) = self.valid.get(&text) {
            return Ok(Document { text, parsed, is_valid: true });
        }
        let parsed = Arc::new(parse_query(&text)?);
        Ok(Document { text, parsed, is_valid: false })
    }

    /// Executes a request, which brings everything but its document.
    pub(crate) async fn execute(&self, document: Document, mut request: Request) -> Response {
        let Document { text, parsed, is_valid } = document;
        request.set_parsed_query(ExecutableDocument::clone(&parsed));
        if is_valid {
            return self.trusting.execute(request).await;
        }
        let response = self.strict.execute(request).await;
        let has_passed = response.errors.iter().all(|error| !error.path.is_empty());
        if has_passed && text.len() <= MAX_REMEMBERED {
            self.valid.insert(text, parsed);
        }
        response
    }
}
