//! What a request is called in the log and in its answer.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{Extensions, HeaderName, HeaderValue};
use tower_http::request_id::{MakeRequestId, MakeRequestUuid, RequestId};

use super::address;
use crate::config::Config;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over from a proxy.
const MAX_ID: usize = 64;

/// Gives a request an id, in its extensions. That of a host application is kept, and that of a
/// trusted proxy taken over; what a client has made up is nothing.
pub(super) fn identify(request: &mut Request, config: &Config) -> Option<HeaderValue> {
    if let Some(id) = request.extensions().get::<RequestId>() {
        return Some(id.header_value().clone());
    }
    let is_good = |id: &&HeaderValue| {
        (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let is_of_proxy = address::is_of_proxy(request.extensions(), config);
    let given = request.headers().get(REQUEST_ID).filter(|_| is_of_proxy).filter(is_good);
    let id = match given {
        Some(id) => RequestId::new(id.clone()),
        None => MakeRequestUuid.make_request_id(request)?,
    };
    request.extensions_mut().insert(id.clone());
    Some(id.into_header_value())
}

/// What every log line of a request carries. No query string: it may hold anything.
pub(super) fn span(request: &Request) -> tracing::Span {
    // Beyond ASCII there are orders to terminals too, which JSON leaves as they are.
    let path = request.uri().path();
    let path = match path.is_ascii() {
        true => Cow::Borrowed(path),
        false => path.replace(char::is_control, "\u{fffd}").into(),
    };
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = path.as_ref(),
        id = request_id(request.extensions()),
    )
}

/// The id of a request.
pub(super) fn request_id(extensions: &Extensions) -> &str {
    extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or("")
}
