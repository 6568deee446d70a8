//! The HTTP door.

mod caller;
mod graphql;
mod health;
mod log;
mod report;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

use crate::app::App;
use crate::config::Mode;

/// The form, as the old clients spell it, and as new ones may.
const LOG_PATHS: [&str; 8] = [
    "/logs",
    "/logs/",
    "/log",
    "/log/",
    "/djaffar/logs",
    "/djaffar/logs/",
    "/djaffar/log",
    "/djaffar/log/",
];

/// Every path. It may be nested anywhere: no handler knows where it is mounted.
pub(crate) fn router(app: Arc<App>) -> Router {
    let sessions = SessionManagerLayer::new(app.auth.sessions.clone())
        .with_name(app.config.session_cookie.clone())
        .with_expiry(app.auth.sessions.expiry())
        .with_same_site(SameSite::Lax)
        .with_secure(app.config.mode == Mode::Production);

    let mut doors = Router::new().route("/graphql", get(graphql::get).post(graphql::post));
    for path in LOG_PATHS {
        doors = doors.route(path, post(log::post));
    }
    doors
        // Handlers read the body themselves, each up to its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(sessions)
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        // What fails is logged with its cause, where it is answered.
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(app)
}

/// What every log line of a request carries. No query string: it may hold anything.
fn span(request: &Request) -> tracing::Span {
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        id = request_id(request.extensions()),
    )
}

fn request_id(extensions: &axum::http::Extensions) -> &str {
    extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or("")
}
