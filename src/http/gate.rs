//! What a request has to pass before a door of the API opens.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::Next;
use axum::response::Response;

use super::origin::Origins;
use super::rate;
use crate::app::App;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Counts the request, refuses it to pages that may not speak to the service, and keeps its answer
/// out of all caches: it is for the one who asked.
pub(super) async fn pass(
    State((app, origins)): State<(Arc<App>, Origins)>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match rate::admit(&app, &request) {
        Ok(left) => {
            let mut response = match origins.admit(&mut request) {
                Ok(()) => next.run(request).await,
                Err(refusal) => *refusal,
            };
            rate::tell(&mut response, left);
            response
        }
        Err(refusal) => *refusal,
    };
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
