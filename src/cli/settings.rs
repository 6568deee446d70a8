//! Settings: flags, variables, and the file.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, ValueEnum};
use ipnet::IpNet;

use super::jwt::Jwt;
use super::limits::Limits;
use super::prune::Keep;
use super::{Cli, Result};
use crate::config::{Config, Introspection, IpStorage, Mode, ProxyHeader, Rates};

/// The file of settings, unless `DJAFFAR_CONFIG` names another one.
const FILE: &str = "djaffar.toml";

/// Settings of every command.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// sqlite://path/to/file.db, or postgres://user:password@host/database
    #[arg(
        long,
        global = true,
        env = "DJAFFAR_DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite://djaffar.db"
    )]
    pub database_url: String,
    /// What to log: error, warn, info, debug or trace, or of a module, like `info,sqlx=debug`
    #[arg(long, global = true, env = "DJAFFAR_LOG", default_value = "info")]
    pub log: String,
    /// How to log
    #[arg(long, global = true, env = "DJAFFAR_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

/// Settings of the server.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on
    #[arg(long, env = "DJAFFAR_LISTEN", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,
    /// production, or development: cookies over plain HTTP, and the schema for everybody
    #[arg(long, env = "DJAFFAR_MODE", default_value = "production")]
    pub mode: Mode,
    /// Origins whose pages may use the whole API as whoever is signed in here, like
    /// `https://app.example`; several by commas. To log, tracker-origins is enough
    #[arg(long, env = "DJAFFAR_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// Further origins whose pages may log by the tracker, and nothing else; `*` for any
    #[arg(long, env = "DJAFFAR_TRACKER_ORIGINS", value_delimiter = ',', value_parser = tracker_origin)]
    pub tracker_origins: Vec<String>,
    /// The name of the session cookie
    #[arg(long, env = "DJAFFAR_SESSION_COOKIE", value_parser = cookie_name, default_value = "sessionid")]
    pub session_cookie: String,
    /// How long a session lives after its last use, like 14d; without it: until the browser closes
    #[arg(long, env = "DJAFFAR_SESSION_AGE", value_parser = period)]
    pub session_age: Option<Duration>,
    /// How long a log-in by password lasts at most, like 30d
    #[arg(long, env = "DJAFFAR_LOG_IN_AGE", value_parser = period, default_value = "30d")]
    pub log_in_age: Duration,
    /// How long staff may be away before they have to log in again, like 12h
    #[arg(long, env = "DJAFFAR_STAFF_IDLE", value_parser = staff_idle, default_value = "12h")]
    pub staff_idle: Duration,
    /// Whether only known users may log activities
    #[arg(
        long,
        env = "DJAFFAR_REQUIRE_USER",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        default_value = "false",
        default_missing_value = "true"
    )]
    pub require_user: bool,
    /// Proxies whose word counts about where a request comes from: addresses or networks, by commas
    #[arg(long, env = "DJAFFAR_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it: x-forwarded-for, or forwarded (RFC 7239)
    #[arg(long, env = "DJAFFAR_PROXY_HEADER", default_value = "x-forwarded-for")]
    pub proxy_header: ProxyHeader,
    /// What is kept of the address of a client: full, truncated (/24 and /48) or none
    #[arg(long, env = "DJAFFAR_IP_STORAGE", default_value = "full")]
    pub ip_storage: IpStorage,
    /// on, or off: for benchmarks, or behind something that limits
    #[arg(long, env = "DJAFFAR_RATE_LIMITS", default_value = "on")]
    pub rate_limits: Switch,
    /// Requests a second from one address; ten times as many at once
    #[arg(long, env = "DJAFFAR_CLIENT_RATE", default_value_t = Rates::default().client)]
    pub client_rate: NonZeroU32,
    /// Requests a second with one token; ten times as many at once
    #[arg(long, env = "DJAFFAR_TOKEN_RATE", default_value_t = Rates::default().token)]
    pub token_rate: NonZeroU32,
    /// New sessions a minute from one address; ten times as many at once
    #[arg(long, env = "DJAFFAR_SESSION_RATE", default_value_t = Rates::default().sessions)]
    pub session_rate: NonZeroU32,
    /// Attempts to log in a minute from one address, half as many of them on one account
    #[arg(long, env = "DJAFFAR_LOG_IN_RATE", default_value_t = Rates::default().log_ins)]
    pub log_in_rate: NonZeroU32,
    /// Open WebSockets of one address
    #[arg(long, env = "DJAFFAR_CLIENT_SOCKETS", default_value_t = Rates::default().sockets)]
    pub client_sockets: NonZeroU32,
    /// Who may read the schema: all, staff or none; by default staff, in development mode all
    #[arg(long, env = "DJAFFAR_INTROSPECTION")]
    pub introspection: Option<Introspection>,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub jwt: Jwt,
    #[command(flatten)]
    pub keep: Keep,
    /// How long a query may read before it is given up, like 8s
    #[arg(long, env = "DJAFFAR_READ_TIMEOUT", value_parser = read_timeout, default_value = "8s")]
    pub read_timeout: Duration,
    /// How often what happened is counted in advance, like 60s
    #[arg(long, env = "DJAFFAR_ROLL_UP_EVERY", value_parser = period, default_value = "60s")]
    pub roll_up_every: Duration,
}

impl Serve {
    /// What the library is to know of it.
    pub(super) fn config(&self) -> Result<Config> {
        Ok(Config {
            mode: self.mode,
            allowed_origins: named(&self.allowed_origins),
            tracker_origins: named(&self.tracker_origins),
            session_cookie: self.session_cookie.clone(),
            session_age: self.session_age,
            log_in_age: self.log_in_age,
            staff_idle: self.staff_idle,
            require_user: self.require_user,
            trusted_proxies: self.trusted_proxies.clone(),
            proxy_header: self.proxy_header,
            ip_storage: self.ip_storage,
            rates: (self.rate_limits == Switch::On).then_some(Rates {
                client: self.client_rate,
                token: self.token_rate,
                sessions: self.session_rate,
                log_ins: self.log_in_rate,
                sockets: self.client_sockets,
            }),
            limits: (&self.limits).into(),
            introspection: self.introspection,
            jwt: self.jwt.config()?,
            roll_up_every: self.roll_up_every,
            retention: self.keep.retention(),
            ..Config::default()
        })
    }
}

/// The command line, with the values of the file as its defaults.
pub(super) fn command() -> Result<clap::Command> {
    let (path, must_exist) = match std::env::var_os("DJAFFAR_CONFIG") {
        Some(path) => (PathBuf::from(path), true),
        None => (PathBuf::from(FILE), false),
    };
    let mut command = Cli::command();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(command);
        }
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
    };
    let settings: toml::Table =
        text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    for (name, value) in settings {
        let id = name.replace('-', "_");
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(values) => {
                let texts: Vec<_> = values.iter().filter_map(toml::Value::as_str).collect();
                texts.join(",")
            }
            value => value.to_string(),
        };
        if has(&command, &id) {
            command = command
                .mut_arg(&id, |argument| argument.default_value(value).hide_default_value(true));
            continue;
        }
        let mut is_known = false;
        for subcommand in ["serve", "prune"] {
            if command.find_subcommand(subcommand).is_some_and(|command| has(command, &id)) {
                is_known = true;
                let value = value.clone();
                command = command.mut_subcommand(subcommand, |command| {
                    command.mut_arg(&id, |argument| {
                        argument.default_value(value).hide_default_value(true)
                    })
                });
            }
        }
        if !is_known {
            return Err(format!("{}: there is no setting called {name}", path.display()).into());
        }
    }
    Ok(command)
}

/// When somebody was seen last is known to the minute.
fn staff_idle(text: &str) -> std::result::Result<Duration, String> {
    let idle = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let least = Duration::from_secs(300);
    (idle >= least).then_some(idle).ok_or("at least 5 minutes, please".to_owned())
}

/// A token of RFC 9110, 5.6.2, which is all that RFC 6265, 4.1.1, lets a cookie be called. What the
/// prefixes ask for depends on where the service is mounted.
fn cookie_name(text: &str) -> std::result::Result<String, String> {
    let is_token = |byte| {
        matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
            || byte.is_ascii_alphanumeric()
    };
    let is_name = !text.is_empty() && text.bytes().all(is_token);
    is_name.then(|| text.to_owned()).ok_or("a name of letters, digits, - and _, please".to_owned())
}

/// A time that passes.
pub(super) fn period(text: &str) -> std::result::Result<Duration, String> {
    let period = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if period.is_zero() { Err("it must be more than nothing".to_owned()) } else { Ok(period) }
}

/// Scheme, host and perhaps port, as a browser sends it; an empty text names none.
fn origin(text: &str) -> std::result::Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let uri: axum::http::Uri = text.parse().map_err(|_| NO_ORIGIN)?;
    let default_port = match uri.scheme_str() {
        Some("http") => ":80",
        Some("https") => ":443",
        _ => return Err(NO_ORIGIN.to_owned()),
    };
    match uri.authority().map(axum::http::uri::Authority::as_str) {
        Some(authority)
            if uri.path() == "/" && uri.query().is_none() && !authority.contains('@') =>
        {
            let authority = authority.strip_suffix(default_port).unwrap_or(authority);
            Ok(format!("{}://{authority}", uri.scheme_str().unwrap_or_default()))
        }
        _ => Err(NO_ORIGIN.to_owned()),
    }
}

/// Between what a database can measure and what it takes for an age.
fn read_timeout(text: &str) -> std::result::Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let bounds = Duration::from_millis(1)..=Duration::from_secs(86_400);
    bounds.contains(&timeout).then_some(timeout).ok_or("between 1ms and 1day, please".to_owned())
}

/// A network, or an address alone.
fn network(text: &str) -> std::result::Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("{text:?} is not like 10.0.0.1, 10.0.0.0/8 or fd00::/8"))
}

/// The same, or `*` for any.
fn tracker_origin(text: &str) -> std::result::Result<String, String> {
    if text.trim() == "*" { Ok("*".to_owned()) } else { origin(text) }
}

fn named(origins: &[String]) -> Vec<String> {
    origins.iter().filter(|origin| !origin.is_empty()).cloned().collect()
}

const NO_ORIGIN: &str = "an origin is like https://app.example, without a path";

fn has(command: &clap::Command, id: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_id() == id)
}
