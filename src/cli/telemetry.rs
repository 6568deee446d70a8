//! The log of the process, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Result;
use super::settings::{Common, LogFormat};

/// Said of the libraries before the operator has a say. tower-sessions reports every forged cookie,
/// and every error of its store, which has been logged already.
const LIBRARIES: &str =
    "sqlx=warn,sea_orm_migration=warn,tower_sessions=off,tower_sessions_core=off";

/// Starts logging.
pub(super) fn start(settings: &Common) -> Result<()> {
    check(&settings.log)?;
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{}", settings.log))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // To be said on standard error too: if nobody reads that any more, it would be a panic, and
        // the end of whatever had something to log, such as that it stops.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    match settings.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
}

/// Refuses what is no level. A directive would take it for the name of a module, and log nothing else.
fn check(directives: &str) -> Result<()> {
    let names_module = |word: &str| word.contains(['=', '[']) || word.starts_with("djaffar");
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    let mut words = directives.split(',').map(str::trim).filter(|word| !word.is_empty());
    let Some(word) = words.find(|word| !names_module(word) && !is_level(word)) else {
        return Ok(());
    };
    let levels = "error, warn, info, debug, trace, or module=level";
    Err(format!("{word:?} is no level to log at: write {levels}").into())
}
