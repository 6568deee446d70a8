//! Readers of this door, for the fuzz targets.

use std::net::{IpAddr, SocketAddr};

use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::http::Request;
use futures_util::FutureExt;

use super::address::Address;
use super::log::draft;
use super::report::Fields;
use crate::activity::Draft;
use crate::config::Config;

/// The date in microseconds, the path and the referer of an activity that `POST /logs` takes; None:
/// it refuses the body.
pub fn report(content_type: &str, body: Vec<u8>) -> Option<(i64, String, Option<String>)> {
    let fields = Fields::parse(content_type, Bytes::from(body)).now_or_never()?.ok()?;
    let Draft { date, path, referer, .. } = draft(fields, None).ok()?;
    Some((date?.timestamp_micros(), path, referer))
}

/// Where a request comes from that has these headers, and whether by HTTPS.
pub fn address(peer: IpAddr, headers: &[(&str, &[u8])], config: &Config) -> Option<(IpAddr, bool)> {
    let request =
        headers.iter().fold(Request::builder(), |it, (name, value)| it.header(*name, *value));
    let (mut parts, ()) = request.body(()).ok()?.into_parts();
    parts.extensions.insert(ConnectInfo(SocketAddr::new(peer, 0)));
    Address::of(&parts.headers, &parts.extensions, config)
        .map(|address| (address.ip, address.is_secure))
}
