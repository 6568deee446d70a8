//! Settings of an instance.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

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
    /// The tokens of the host application, if it issues any.
    pub jwt: Option<JwtConfig>,
    /// How often the keys of expired sessions are removed; not zero.
    pub sweep_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Production,
            allowed_origins: Vec::new(),
            tracker_origins: Vec::new(),
            session_cookie: "sessionid".to_owned(),
            session_age: None,
            require_user: false,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            ip_storage: IpStorage::default(),
            rates: Some(Rates::default()),
            jwt: None,
            sweep_every: Duration::from_secs(600),
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
    /// Attempts to log in a minute from one address; for one account half as many.
    pub log_ins: NonZeroU32,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |number: u32| NonZeroU32::MIN.saturating_add(number - 1);
        Self { client: rate(100), token: rate(200), sessions: rate(120), log_ins: rate(10) }
    }
}

/// How the tokens of the host application (RFC 7519) are verified, and what they say.
#[derive(Clone)]
#[non_exhaustive]
pub struct JwtConfig {
    /// The only algorithm that is accepted.
    pub algorithm: JwtAlgorithm,
    /// What they are verified by.
    pub keys: JwtKeys,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// What `aud` must have.
    pub audience: Option<String>,
    /// The claim with the id of the user, which never changes.
    pub id_claim: String,
    /// The claim with the name of the user; the id if there is none.
    pub name_claim: String,
    /// The claim with one or several of `user`, `staff` and `admin`. None: roles are given here, and
    /// tokens leave them as they are.
    pub role_claim: Option<String>,
}

impl JwtConfig {
    /// Tokens with the usual claims, of any issuer and audience.
    pub fn new(algorithm: JwtAlgorithm, keys: JwtKeys) -> Self {
        Self {
            algorithm,
            keys,
            issuer: None,
            audience: None,
            id_claim: "sub".to_owned(),
            name_claim: "name".to_owned(),
            role_claim: None,
        }
    }
}

/// Never shows the keys.
impl std::fmt::Debug for JwtConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtConfig")
            .field("algorithm", &self.algorithm)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// What tokens are verified by.
#[derive(Clone)]
pub enum JwtKeys {
    /// A secret (HS256, 32 bytes at least), a public key (PEM), or a set of keys (JSON, RFC 7517).
    Bytes(Vec<u8>),
    /// Where the host application publishes its set of keys.
    Url(String),
}

/// How tokens are signed (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// By a secret that both sides know.
    Hs256,
    /// By RSA.
    Rs256,
    /// By ECDSA on P-256.
    Es256,
    /// By Ed25519.
    EdDsa,
}

impl std::str::FromStr for JwtAlgorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "HS256" => Ok(Self::Hs256),
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err("the algorithm is HS256, RS256, ES256 or EdDSA".to_owned()),
        }
    }
}
