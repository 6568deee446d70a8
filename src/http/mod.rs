//! The HTTP door.

mod address;
mod admission;
mod batch;
mod caller;
mod export;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod graphql;
mod health;
mod log;
mod operation;
mod origin;
mod pages;
mod rate;
mod report;
mod socket;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

pub(crate) use self::admission::Admission;
use self::origin::Origins;
pub(crate) use self::rate::RequestRates;
use self::trace::request_id;
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

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
/// For answers that are no page, should a browser show one all the same.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
);

/// Every path. It may be nested anywhere: no handler knows where it is mounted.
pub(crate) fn router(app: Arc<App>) -> Router {
    let sessions = SessionManagerLayer::new(app.auth.sessions.clone())
        .with_name(app.config.session_cookie.clone())
        .with_expiry(app.auth.sessions.expiry())
        .with_same_site(SameSite::Lax)
        .with_secure(app.config.mode == Mode::Production);

    let mut api = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/graphql/ws", get(socket::upgrade));
    for path in LOG_PATHS {
        api = api.route(path, post(log::post));
    }
    for (path, export) in [
        ("/export/activities.csv", get(export::csv)),
        ("/export/activities.ndjson", get(export::ndjson)),
        ("/export/person.ndjson", get(export::person)),
    ] {
        api = api.route(path, export.layer(CompressionLayer::new()));
    }
    let trackers = Router::new().route("/logs/batch", post(batch::post));
    let readiness = health::Readiness::default();
    let behind = |doors: Router<Arc<App>>, origins: Origins| {
        doors
            // Handlers read the body themselves, each up to its own limit.
            .layer(DefaultBodyLimit::disable())
            .layer(sessions.clone())
            .layer(from_fn_with_state(origins.clone(), origin::guard))
            .layer(from_fn_with_state(app.clone(), rate::limit))
            // Its answer has the headers of any other.
            .layer(CatchPanicLayer::new())
            // Answers are for the one who asked, and for nobody's cache.
            .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, NO_STORE))
            .layer(origins.cors())
    };
    behind(api, Origins::of_api(&app.config))
        .merge(behind(trackers, Origins::of_trackers(&app.config)))
        .merge(pages::router(app.config.mode).layer(from_fn_with_state(app.clone(), rate::limit)))
        .route("/healthz", get(health::live))
        .route(
            "/readyz",
            get(async move |State(app): State<Arc<App>>| health::ready(&app, &readiness).await),
        )
        .route("/metrics", get(health::metrics))
        .layer(CatchPanicLayer::new())
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, NO_SNIFF))
        .layer(SetResponseHeaderLayer::if_not_present(REFERRER_POLICY, SAME_ORIGIN))
        .layer(SetResponseHeaderLayer::if_not_present(CONTENT_SECURITY_POLICY, NO_PAGE))
        .layer(from_fn_with_state(app.clone(), address::require_https))
        .layer(PropagateRequestIdLayer::x_request_id())
        // What fails is logged with its cause, where it is answered.
        .layer(TraceLayer::new_for_http().make_span_with(trace::span).on_failure(()))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(from_fn_with_state(app.clone(), trace::distrust_ids))
        .with_state(app)
}
