//! Who makes a request, from its head.

use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderName, request::Parts};
use tower_sessions::Session;

use super::address::Address;
use crate::activity::fit;
use crate::app::App;
use crate::auth::{Client, Credentials, Identity, Viewer};
use crate::error::Error;

/// Longest user agent, in bytes; what is longer is cut.
const MAX_USER_AGENT: usize = 512;

/// Decides who makes the request.
pub(super) async fn viewer(app: &App, parts: &Parts) -> Result<Viewer, Error> {
    let viewer = app.auth.viewer(credentials(app, parts)?).await;
    // It is not the client who asks too much here.
    viewer.map_err(|error| if matches!(error, Error::TooSlow) { Error::Busy } else { error })
}

/// What the head of a request shows of who makes it.
pub(super) fn credentials(app: &App, parts: &Parts) -> Result<Credentials, Error> {
    let cookie = parts.extensions.get::<Session>().cloned();
    let cookie = cookie.ok_or_else(|| Error::internal("the session layer is missing"))?;
    let address = Address::of(&parts.headers, &parts.extensions, &app.config);
    let user_agent = header(parts, &USER_AGENT).unwrap_or_default();
    Ok(Credentials {
        authorization: header(parts, &AUTHORIZATION),
        identity: parts.extensions.get::<Identity>().cloned(),
        cookie,
        visitor: None,
        client: Client {
            ip_address: address.and_then(|address| app.config.ip_storage.reduce(address.ip)),
            network: address.map(Address::network),
            user_agent: fit(user_agent, MAX_USER_AGENT, &mut false),
        },
    })
}

/// The text of a header; bytes that are no UTF-8 are replaced.
pub(super) fn header(parts: &Parts, name: &HeaderName) -> Option<String> {
    let value = parts.headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
