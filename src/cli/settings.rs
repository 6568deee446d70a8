//! Settings: flags, variables, and the file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, ValueEnum};

use super::prune::Keep;
use super::{Cli, Result};
use crate::config::{Config, Mode};

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
    /// What to log: error, warn, info, debug, trace, or directives as of tracing-subscriber
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

/// Settings of the server.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on
    #[arg(long, env = "DJAFFAR_LISTEN", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,
    /// production, or development: cookies over plain HTTP, and the schema for everybody
    #[arg(long, env = "DJAFFAR_MODE", default_value = "production")]
    pub mode: Mode,
    /// Origins whose pages may log from another site, like `https://app.example`; several by commas
    #[arg(long, env = "DJAFFAR_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// The name of the session cookie
    #[arg(long, env = "DJAFFAR_SESSION_COOKIE", default_value = "sessionid")]
    pub session_cookie: String,
    /// How long a session lives after its last use, like 14d; without it: until the browser closes
    #[arg(long, env = "DJAFFAR_SESSION_AGE", value_parser = humantime::parse_duration)]
    pub session_age: Option<Duration>,
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
    #[command(flatten)]
    pub keep: Keep,
    /// How long a query may read before it is given up, like 8s
    #[arg(long, env = "DJAFFAR_READ_TIMEOUT", value_parser = humantime::parse_duration, default_value = "8s")]
    pub read_timeout: Duration,
}

impl Serve {
    /// What the library is to know of it.
    pub(super) fn config(&self) -> Config {
        Config {
            mode: self.mode,
            allowed_origins: {
                let origins = self.allowed_origins.iter();
                origins.filter(|origin| !origin.is_empty()).cloned().collect()
            },
            session_cookie: self.session_cookie.clone(),
            session_age: self.session_age,
            require_user: self.require_user,
            retention: self.keep.retention(),
            ..Config::default()
        }
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

const NO_ORIGIN: &str = "an origin is like https://app.example, without a path";

fn has(command: &clap::Command, id: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_id() == id)
}
