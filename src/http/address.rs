//! Where a request comes from: the peer, or whom a proxy that the operator trusts speaks for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header::FORWARDED;
use axum::http::{Extensions, HeaderMap, HeaderName};

use crate::config::{Config, ProxyHeader};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client's own address, and how it reached the first proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub ip: IpAddr,
    /// Whether by HTTPS. Only a proxy can say so.
    pub is_secure: bool,
}

impl Address {
    /// None: the host application does not say who the peer is.
    ///
    /// Each proxy adds at the right end of the header whom it was called by. So the list is read
    /// from the right, as long as it is trusted proxies that are named; what stands further left
    /// may be anybody's invention.
    pub(super) fn of(
        headers: &HeaderMap,
        extensions: &Extensions,
        config: &Config,
    ) -> Option<Self> {
        let mut address = Self { ip: peer(extensions)?, is_secure: false };
        let is_trusted = |ip| is_trusted(ip, config);
        if !is_trusted(address.ip) {
            return Some(address);
        }
        let (hops, protocol) = match config.proxy_header {
            ProxyHeader::XForwardedFor => {
                let protocol = items(headers, &X_FORWARDED_PROTO).pop();
                (items(headers, &X_FORWARDED_FOR), protocol)
            }
            ProxyHeader::Forwarded => {
                let items = items(headers, &FORWARDED);
                let protocol = items.last().and_then(|item| parameter(item, "proto"));
                (items.into_iter().map(|it| parameter(it, "for").unwrap_or("")).collect(), protocol)
            }
        };
        address.is_secure = protocol.is_some_and(|it| it.eq_ignore_ascii_case("https"));
        for hop in hops.into_iter().rev() {
            let Some(ip) = ip(hop) else { break };
            address.ip = ip;
            if !is_trusted(ip) {
                break;
            }
        }
        Some(address)
    }

    /// Whom a limit is for: an address, or the /64 that a household has of IPv6.
    pub(super) fn network(self) -> IpAddr {
        match self.ip {
            IpAddr::V4(_) => self.ip,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        }
    }
}

/// Whether it is a trusted proxy who speaks.
pub(super) fn is_of_proxy(extensions: &Extensions, config: &Config) -> bool {
    peer(extensions).is_some_and(|peer| is_trusted(peer, config))
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.ip().to_canonical())
}

fn is_trusted(ip: IpAddr, config: &Config) -> bool {
    config.trusted_proxies.iter().any(|it| it.contains(&ip))
}

/// The items of a list that may stand in several lines.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// A parameter of an item of `Forwarded` (<https://www.rfc-editor.org/rfc/rfc7239>).
fn parameter<'a>(item: &'a str, name: &str) -> Option<&'a str> {
    item.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port. Nothing else: not `unknown`, nor an obfuscated name.
fn ip(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let ip = bare.parse().or_else(|_| node.parse().map(|node: SocketAddr| node.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}
