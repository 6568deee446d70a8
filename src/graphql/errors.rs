//! Errors as GraphQL clients get them.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Response, ServerError};

use crate::error::Error;

/// Gives every error its code, and writes the causes to the log.
///
/// An internal error carries the id of the request, by which the operator finds the cause; its own
/// text says nothing.
/// Of more than `most` errors the rest is left out; their causes are logged all the same.
pub(crate) fn present(response: &mut Response, request_id: &str, most: usize) {
    for error in &mut response.errors {
        let mut retry_after = None;
        let code = match cause(error) {
            Some(cause) => {
                cause.log();
                retry_after = cause.retry_after();
                cause.code()
            }
            // The library's own: the document does not fit the schema, or a value its type.
            None if error.path.is_empty() => "GRAPHQL_VALIDATION_FAILED",
            None => "BAD_USER_INPUT",
        };
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", code);
        }
        if let Some(seconds) = retry_after {
            extensions.set("retryAfter", seconds);
        }
        if code == "INTERNAL_SERVER_ERROR" {
            extensions.set("requestId", request_id);
        }
    }
    response.errors.truncate(most);
}

/// What went wrong, if it is not the library that says so.
pub(crate) fn cause(error: &ServerError) -> Option<&Error> {
    let shared = || error.source::<Arc<Error>>().map(AsRef::as_ref);
    error.source::<Error>().or_else(shared)
}
