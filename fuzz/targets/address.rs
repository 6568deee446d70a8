//! `X-Forwarded-For` and `Forwarded`: only a trusted proxy says where a request comes from.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use djaffar::{Config, ProxyHeader, fuzzing::address};
use libfuzzer_sys::fuzz_target;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

fuzz_target!(|input: &[u8]| {
    let [flag, value @ ..] = input else { return };
    let is_forwarded = flag % 2 == 1;
    let end = value.iter().position(|byte| *byte == b'\n').unwrap_or(value.len());
    let (value, protocol) = (&value[..end], value.get(end + 1..).unwrap_or_default());
    let mut config = Config::default();
    config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    let name = if is_forwarded { "forwarded" } else { "x-forwarded-for" };
    config.proxy_header =
        if is_forwarded { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
    let headers = [(name, value), ("x-forwarded-proto", protocol)];
    // None: no such headers can be sent.
    let Some((told, _)) = address(PROXY, &headers, &config) else { return };
    assert_eq!(address(STRANGER, &headers, &config), Some((STRANGER, false)));
    assert_eq!(told, told.to_canonical());
    let is_proxy = |ip: IpAddr| matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 10);
    // What a stranger puts at the left end changes nothing.
    let invented: &[u8] = if is_forwarded { b"for=192.0.2.99" } else { b"192.0.2.99" };
    let more = [(name, invented), headers[0], headers[1]];
    let (with_more, _) = address(PROXY, &more, &config).expect("it could be sent before");
    assert!(with_more == told || is_proxy(told), "{with_more} instead of {told}");
    // Another header than the operator's says nothing.
    let other = if is_forwarded { "x-forwarded-for" } else { "forwarded" };
    let unheard = address(PROXY, &[(other, value)], &config).expect("it could be sent before");
    assert_eq!(unheard, (PROXY, false));
});
