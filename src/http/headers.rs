//! What stands in the head of every answer.
//!
//! One function for all of it: axum clones whatever stands behind a middleware, for each request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::address::Address;
use super::trace::{REQUEST_ID, identify};
use crate::app::App;

const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
/// For answers that are no page, should a browser show one all the same.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
);
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Gives the request an id, and its answer the headers that all have.
pub(super) async fn complete(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = identify(&mut request, &app.config);
    let address = Address::of(request.headers(), request.extensions(), &app.config);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(id) = id {
        headers.entry(REQUEST_ID).or_insert(id);
    }
    secure(headers);
    if address.is_some_and(|address| address.is_secure) {
        // Who came by HTTPS is to do so from now on (RFC 6797).
        headers.insert(STRICT_TRANSPORT_SECURITY, A_YEAR);
    }
    response
}

fn secure(headers: &mut HeaderMap) {
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    headers.entry(REFERRER_POLICY).or_insert(SAME_ORIGIN);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
}
