//! Who makes a request, from its head.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderName, request::Parts};
use tower_sessions::Session;

use crate::activity::fit;
use crate::app::App;
use crate::auth::{Client, Credentials, Identity, Viewer};
use crate::error::Error;

/// Longest user agent, in bytes; what is longer is cut.
const MAX_USER_AGENT: usize = 512;

/// Decides who makes the request.
pub(super) async fn viewer(app: &App, parts: &Parts) -> Result<Viewer, Error> {
    let cookie = parts.extensions.get::<Session>().cloned();
    let cookie = cookie.ok_or_else(|| Error::internal("the session layer is missing"))?;
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let user_agent = header(parts, &USER_AGENT).unwrap_or_default();
    let credentials = Credentials {
        authorization: header(parts, &AUTHORIZATION),
        identity: parts.extensions.get::<Identity>().cloned(),
        cookie,
        client: Client {
            ip_address: peer.map(|ConnectInfo(address)| address.ip()),
            user_agent: fit(user_agent, MAX_USER_AGENT, &mut false),
        },
    };
    app.auth.viewer(credentials).await
}

/// The text of a header; bytes that are no UTF-8 are replaced.
pub(super) fn header(parts: &Parts, name: &HeaderName) -> Option<String> {
    let value = parts.headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
