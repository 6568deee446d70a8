//! How often one client may come.

use std::num::NonZeroU32;

/// How much one client may do in a while. For a short time it may be more: what comes together in
/// ten seconds, or minutes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rates {
    /// Requests a second from one address (IPv6: from one /64).
    pub client: NonZeroU32,
    /// Requests a second with one `Authorization`.
    pub token: NonZeroU32,
    /// New sessions a minute from one address.
    pub sessions: NonZeroU32,
    /// Attempts to log in a minute from one address; on one account half as many, and ten times as many
    /// from all addresses together.
    pub log_ins: NonZeroU32,
    /// Open WebSockets of one address.
    pub sockets: NonZeroU32,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |number: u32| NonZeroU32::MIN.saturating_add(number - 1);
        Self {
            client: rate(100),
            token: rate(200),
            sessions: rate(120),
            log_ins: rate(10),
            sockets: rate(50),
        }
    }
}
