//! How many requests may be under way at once.
//!
//! Whoever comes when all places are taken is told so at once, before anything of the request is
//! looked at: to wait would only be to answer everybody late.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::refuse;
use crate::error::{Error, RETRY_AFTER_SECONDS};

/// Requests under way. Each may hold a body of 256 KiB, so they bound the memory as well.
const PLACES: usize = 1_024;

/// The places. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

/// Takes a place for as long as the request is under way, or answers 503.
pub(super) async fn admit(State(places): State<Places>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.0.try_acquire() else {
        let busy = Error::Busy;
        let refusal = refuse(StatusCode::SERVICE_UNAVAILABLE, busy.code(), &busy.to_string());
        return ([(RETRY_AFTER, RETRY_AFTER_SECONDS)], refusal).into_response();
    };
    next.run(request).await
}
