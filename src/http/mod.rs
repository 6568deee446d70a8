//! The HTTP door.

mod address;
mod admission;
mod batch;
mod caller;
mod export;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gate;
mod graphql;
mod headers;
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
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
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
    // Layers are put on together: axum boxes what each call of `layer` makes, and clones all boxes
    // for each request. Whichever stands first sees a request first.
    let behind = |doors: Router<Arc<App>>, origins: Origins| {
        doors.layer((
            origins.cors(),
            from_fn_with_state((app.clone(), origins), gate::pass),
            // A fault is answered with the headers of any other answer.
            CatchPanicLayer::new(),
            sessions.clone(),
        ))
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
        .layer((
            from_fn_with_state(app.clone(), headers::complete),
            // What fails is logged with its cause, where it is answered.
            TraceLayer::new_for_http().make_span_with(trace::span).on_failure(()),
            CatchPanicLayer::new(),
        ))
        .with_state(app)
}
