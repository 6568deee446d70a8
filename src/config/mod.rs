//! Settings of an instance.

mod jwt;
mod limits;
mod rates;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use jwt::{JwtAlgorithm, JwtConfig, JwtKeys};
pub use limits::Limits;
pub use rates::Rates;

use crate::privacy::Retention;

/// How djaffar behaves. The defaults are right for production.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Production, or development with its open doors.
    pub mode: Mode,
    /// Origins whose pages may log, besides the service's own, like `https://app.example`. In
    /// development mode any page of the same machine may.
    pub allowed_origins: Vec<String>,
    /// Further origins whose pages may hand in what the tracker has queued, and nothing else; they
    /// never act with a cookie. `*`: any origin.
    pub tracker_origins: Vec<String>,
    /// The name of the session cookie.
    pub session_cookie: String,
    /// How long a session lives after its last use. None: until the browser is closed, and two
    /// weeks at most.
    pub session_age: Option<Duration>,
    /// How long a log-in by password lasts at most, however much it is used.
    pub log_in_age: Duration,
    /// How long staff may be away before they have to log in again; some minutes at least.
    pub staff_idle: Duration,
    /// Whether only known users may log activities.
    pub require_user: bool,
    /// Proxies whose word counts about where a request comes from; of anybody else it does not.
    pub trusted_proxies: Vec<IpNet>,
    /// In which header they say it.
    pub proxy_header: ProxyHeader,
    /// How much of a client's address is kept.
    pub ip_storage: IpStorage,
    /// How much one client may do in a while. None: no limit.
    pub rates: Option<Rates>,
    /// How large a GraphQL request may be.
    pub limits: Limits,
    /// Who may read the schema. None: everybody in development mode, else staff.
    pub introspection: Option<Introspection>,
    /// The tokens of the host application, if it issues any.
    pub jwt: Option<JwtConfig>,
    /// For how long things are kept; by default for ever.
    pub retention: Retention,
    /// How often the keys of expired sessions are removed; not zero.
    pub sweep_every: Duration,
    /// How often what happened is counted in advance, and how long a period of five minutes has to
    /// be left alone before that is worth the work; not zero.
    pub roll_up_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Production,
            allowed_origins: Vec::new(),
            tracker_origins: Vec::new(),
            session_cookie: "sessionid".to_owned(),
            session_age: None,
            // NIST SP 800-63B, 4.1.3 (AAL1).
            log_in_age: Duration::from_secs(30 * 24 * 60 * 60),
            staff_idle: Duration::from_secs(12 * 60 * 60),
            require_user: false,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            ip_storage: IpStorage::default(),
            rates: Some(Rates::default()),
            limits: Limits::default(),
            introspection: None,
            jwt: None,
            retention: Retention::default(),
            sweep_every: Duration::from_secs(600),
            roll_up_every: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// Who may read the schema.
    pub(crate) fn introspection(&self) -> Introspection {
        self.introspection.unwrap_or(match self.mode {
            Mode::Development => Introspection::All,
            Mode::Production => Introspection::Staff,
        })
    }
}

/// Who may read the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// Everybody. Then errors also suggest what may have been meant.
    All,
    /// Staff.
    Staff,
    /// Nobody.
    None,
}

impl std::str::FromStr for Introspection {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "all" => Ok(Self::All),
            "staff" => Ok(Self::Staff),
            "none" => Ok(Self::None),
            _ => Err("all, staff or none may read the schema".to_owned()),
        }
    }
}

/// Where an instance runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Cookies over HTTPS alone; the schema is shown to staff alone.
    #[default]
    Production,
    /// Cookies over plain HTTP; the schema is shown to everybody; any page of this machine may log.
    Development,
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            _ => Err("the mode is production or development".to_owned()),
        }
    }
}

/// The header in which a proxy says whom it speaks for. The other one is not read: a proxy may pass
/// it on from the client as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl std::str::FromStr for ProxyHeader {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("the header is x-forwarded-for or forwarded".to_owned()),
        }
    }
}

/// How much of a client's address is kept. What is not kept is not logged either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpStorage {
    /// All of it.
    #[default]
    Full,
    /// The network: /24 of IPv4, /48 of IPv6.
    Truncated,
    /// Nothing.
    None,
}

impl IpStorage {
    /// What is kept of an address.
    pub(crate) fn reduce(self, ip: IpAddr) -> Option<IpAddr> {
        match (self, ip) {
            (Self::Full, ip) => Some(ip),
            (Self::Truncated, IpAddr::V4(ip)) => {
                Ipv4Net::new(ip, 24).ok().map(|net| net.network().into())
            }
            (Self::Truncated, IpAddr::V6(ip)) => {
                Ipv6Net::new(ip, 48).ok().map(|net| net.network().into())
            }
            (Self::None, _) => None,
        }
    }
}

impl std::str::FromStr for IpStorage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "full" => Ok(Self::Full),
            "truncated" => Ok(Self::Truncated),
            "none" => Ok(Self::None),
            _ => Err("of an address full, truncated or none is kept".to_owned()),
        }
    }
}
