//! How many requests one client may make, decided before anything of them is read.
//!
//! Told as <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/> has it.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::address::Address;
use crate::app::App;
use crate::auth::Viewer;
use crate::config::Rates;
use crate::error::Error;
use crate::throttle::{Left, Throttle};

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// A burst is what comes together in so many seconds of the rate.
const BURST_SECONDS: u32 = 10;

/// The limits of an instance.
#[derive(Debug)]
pub(crate) struct RequestRates {
    clients: Throttle<IpAddr>,
    tokens: Throttle<u64>,
    /// Secrets are not kept, and nobody can choose two that are taken for one.
    hasher: RandomState,
}

impl RequestRates {
    pub(crate) fn new(rates: &Rates) -> Self {
        let throttle = |per_second: NonZeroU32| {
            let burst =
                per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
            (Duration::from_secs(1) / per_second.get(), burst)
        };
        let (client_period, client_burst) = throttle(rates.client);
        let (token_period, token_burst) = throttle(rates.token);
        Self {
            clients: Throttle::new(client_period, client_burst),
            tokens: Throttle::new(token_period, token_burst),
            hasher: RandomState::new(),
        }
    }

    /// Counts a request; what is left of the tighter limit.
    fn admit(
        &self,
        network: Option<IpAddr>,
        token: Option<&[u8]>,
    ) -> Result<Option<Left>, Refused> {
        let client = network.map(|network| self.clients.admit(network)).transpose();
        let client = client.map_err(|wait| Refused { left: self.clients.nothing(), wait })?;
        let token = token.map(|token| self.tokens.admit(self.hasher.hash_one(secret(token))));
        let token = token.transpose();
        let token = token.map_err(|wait| Refused { left: self.tokens.nothing(), wait })?;
        Ok(client.into_iter().chain(token).min_by_key(|left| left.burst))
    }
}

/// Somebody came too often.
struct Refused {
    left: Left,
    wait: Duration,
}

/// What stands behind the scheme, under which a token may be shown in two ways.
fn secret(authorization: &[u8]) -> &[u8] {
    let authorization = authorization.trim_ascii();
    authorization.rsplit(|byte| *byte == b' ').next().unwrap_or(authorization)
}

/// Counts what does not come as a request of its own: an operation of a WebSocket, a token in a body.
pub(super) fn count(
    app: &App,
    network: Option<IpAddr>,
    authorization: Option<&str>,
) -> Result<(), Error> {
    let Some(rates) = &app.rates else { return Ok(()) };
    let counted = rates.admit(network, authorization.map(str::as_bytes));
    counted.map(drop).map_err(|refused| Error::RateLimited(refused.wait))
}

/// Lets a request that logs so many activities count as one for each hundred.
pub(super) fn charge(app: &App, viewer: &Viewer, logged: u64) -> Result<(), Error> {
    let more = u32::try_from(logged.saturating_sub(1) / 100).unwrap_or(u32::MAX);
    let (Some(rates), Some(network), Some(more)) =
        (&app.rates, viewer.client.network, NonZeroU32::new(more))
    else {
        return Ok(());
    };
    rates.clients.admit_many(network, more).map(drop).map_err(Error::RateLimited)
}

/// Refuses a client who comes too often.
pub(super) async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match admit(&app, &request) {
        Ok(left) => {
            let mut response = next.run(request).await;
            tell(&mut response, left);
            response
        }
        Err(refusal) => *refusal,
    }
}

/// Counts a request; what its client has left, or the refusal.
pub(super) fn admit(app: &App, request: &Request) -> Result<Option<Left>, Box<Response>> {
    let Some(rates) = &app.rates else { return Ok(None) };
    let address = Address::of(request.headers(), request.extensions(), &app.config);
    let token = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    rates.admit(address.map(Address::network), token).map_err(|Refused { left, wait }| {
        let mut response = refuse(&Error::RateLimited(wait));
        tell(&mut response, Some(left));
        Box::new(response)
    })
}

/// Tells a client what is left; None: there are no limits.
pub(super) fn tell(response: &mut Response, left: Option<Left>) {
    let Some(left) = left else { return };
    let policy = format!("\"requests\";q={};w={BURST_SECONDS}", left.of);
    let state = format!("\"requests\";r={}", left.burst);
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// In words that the clients of every door understand.
fn refuse(error: &Error) -> Response {
    let extensions = json!({ "code": error.code(), "retryAfter": error.retry_after() });
    let errors = [json!({ "message": error.to_string(), "extensions": extensions })];
    let body = axum::Json(json!({ "detail": error.to_string(), "errors": errors }));
    (error.status(), error.headers(), body).into_response()
}
