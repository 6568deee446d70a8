//! For operators and their machines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::sync::Mutex;

use crate::app::App;
use crate::error::Error;

/// The database is asked no more often: anybody may ask us.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What was found out a moment ago.
#[derive(Clone, Default)]
pub(super) struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Readiness {
    /// Whether the database answers. Who asks while it is being asked waits for that answer.
    async fn ask(&self, ping: impl AsyncFnOnce() -> Result<(), Error>) -> bool {
        let mut known = self.0.lock().await;
        if let Some((at, is_ready)) = *known
            && at.elapsed() < ASK_EVERY
        {
            return is_ready;
        }
        let is_ready = ping().await.inspect_err(Error::log).is_ok();
        *known = Some((Instant::now(), is_ready));
        is_ready
    }
}

/// The process is alive.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// The database answers.
pub(super) async fn ready(app: &App, readiness: &Readiness) -> (StatusCode, &'static str) {
    let is_stopping = app.stopped().now_or_never().is_some();
    match !is_stopping && readiness.ask(async || app.store.ping().await).await {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

/// All counters.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match app.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_make_one_ping() {
        let (readiness, pings) = (Readiness::default(), AtomicU32::new(0));
        let ask = || {
            readiness.ask(async || {
                pings.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Err(Error::Busy)
            })
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (false, false, false));
        assert_eq!(pings.load(Ordering::SeqCst), 1);
    }
}
