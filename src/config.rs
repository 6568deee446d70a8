//! Settings of an instance.

use std::time::Duration;

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
    /// The name of the session cookie.
    pub session_cookie: String,
    /// How long a session lives after its last use. None: until the browser is closed, and two
    /// weeks at most.
    pub session_age: Option<Duration>,
    /// Whether only known users may log activities.
    pub require_user: bool,
    /// For how long things are kept; by default for ever.
    pub retention: Retention,
    /// How often the keys of expired sessions are removed; not zero.
    pub sweep_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Production,
            allowed_origins: Vec::new(),
            session_cookie: "sessionid".to_owned(),
            session_age: None,
            require_user: false,
            retention: Retention::default(),
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
