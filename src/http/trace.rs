//! What a request is called in the log and in its answer.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::RequestId;

use super::address;
use crate::app::App;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over from a proxy.
const MAX_ID: usize = 64;

/// Takes an id away that a client has made up. Those of a trusted proxy, and of a host application,
/// are taken over.
pub(super) async fn distrust_ids(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_good = |id: &HeaderValue| {
        (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let is_of_host = request.extensions().get::<RequestId>().is_some();
    let is_of_proxy = address::is_of_proxy(request.extensions(), &app.config)
        && request.headers().get(REQUEST_ID).is_some_and(is_good);
    if !is_of_host && !is_of_proxy {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
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
