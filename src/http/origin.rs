//! Which pages may speak to the service: those of its own origin, and those that the operator has
//! named.
//!
//! A browser says of each request whether it comes from the same origin (`Sec-Fetch-Site`) and from
//! which one (`Origin`); what is no browser says neither, and carries no cookie that is not its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::rate::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::trace::REQUEST_ID;
use crate::config::{Config, Mode};

/// A browser need not ask again for so long whether it may send a request.
const PREFLIGHT_AGE: Duration = Duration::from_secs(7_200);

/// What a page of another site may send. The last ones come from clients of GraphQL that force a
/// preflight by them.
const ALLOWED_HEADERS: [HeaderName; 6] = [
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("graphql-require-preflight"),
    HeaderName::from_static("x-apollo-operation-name"),
];

/// Whose pages may log.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    /// Like `https://app.example`, in lower case; `*`: any.
    allowed: Arc<HashSet<String>>,
    /// Whether any page of this machine may.
    loopback: bool,
    /// Whether they may act with the cookies of their visitors.
    credentials: bool,
}

/// Where the page is from that sent a request; in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// Our own origin, or no page at all.
    Own,
    /// Another origin, which may send it.
    Other,
}

impl Origins {
    /// Those whose pages may use all doors.
    pub(super) fn of_api(config: &Config) -> Self {
        Self::new(config, config.allowed_origins.iter(), true)
    }

    /// Those whose pages may hand in what their trackers have queued.
    pub(super) fn of_trackers(config: &Config) -> Self {
        let origins = config.allowed_origins.iter().chain(&config.tracker_origins);
        Self::new(config, origins, false)
    }

    fn new<'a>(
        config: &Config,
        origins: impl Iterator<Item = &'a String>,
        credentials: bool,
    ) -> Self {
        let normal = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self {
            allowed: Arc::new(origins.map(normal).collect()),
            loopback: config.mode == Mode::Development,
            credentials,
        }
    }

    /// Lets the browser read the answers that it gets for a page of another origin.
    pub(super) fn cors(&self) -> CorsLayer {
        let origins = self.clone();
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(move |origin, _| origins.names(origin)))
            .allow_credentials(self.credentials)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(ALLOWED_HEADERS)
            .expose_headers([RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY, REQUEST_ID])
            .max_age(PREFLIGHT_AGE)
    }

    /// Notes where a request comes from; the refusal, if it may not come from there.
    pub(super) fn admit(&self, request: &mut Request) -> Result<(), Box<Response>> {
        if let Some(site) = self.site(request) {
            request.extensions_mut().insert(site);
            return Ok(());
        }
        let setting = if self.credentials { "allowed-origins" } else { "tracker-origins" };
        let message = format!("This origin may not speak to the service: see {setting}.");
        let error = json!({ "message": message, "extensions": { "code": "FORBIDDEN" } });
        let body = json!({ "detail": message, "errors": [error] });
        Err(Box::new((StatusCode::FORBIDDEN, axum::Json(body)).into_response()))
    }

    /// Where a request comes from; None: it may not come from there.
    fn site(&self, request: &Request) -> Option<Site> {
        const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        let headers = request.headers();
        let said = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let Some(origin) = headers.get(ORIGIN) else {
            // A page of elsewhere that does not say which. Links may lead here from anywhere.
            let is_foreign = matches!(said, Some(b"cross-site" | b"same-site"));
            return match is_foreign && !request.method().is_safe() {
                true => self.allowed.contains("*").then_some(Site::Other),
                false => Some(Site::Own),
            };
        };
        match said {
            // Also behind a proxy that gives the service another name.
            Some(b"same-origin" | b"none") => Some(Site::Own),
            None if is_host(origin, host(request)) => Some(Site::Own),
            _ => self.names(origin).then_some(Site::Other),
        }
    }

    fn names(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.allowed.contains(&origin.to_ascii_lowercase())
            || self.allowed.contains("*")
            || self.loopback && is_loopback(origin)
    }
}

/// The name and port by which the service was called; over HTTP/2 they stand in the URI.
fn host(request: &Request) -> Option<&str> {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| request.uri().authority().map(Authority::as_str))
}

fn is_host(origin: &HeaderValue, host: Option<&str>) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.zip(host).is_some_and(|(authority, host)| host.eq_ignore_ascii_case(authority))
}

fn is_loopback(origin: &str) -> bool {
    let uri = origin.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
