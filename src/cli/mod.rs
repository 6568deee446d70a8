//! The command line.

mod audit;
mod demo;
mod export;
mod jwt;
mod limits;
mod migrate;
mod person;
mod prune;
mod serve;
mod session;
mod settings;
mod stats;
mod telemetry;
mod token;
mod user;

use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::{FromArgMatches, Subcommand};
use tokio::runtime::{self, Runtime};

use crate::app::Djaffar;
use crate::config::Config;
use crate::store::Database;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Know what your users do, even when they never hit your server.
#[derive(Debug, clap::Parser)]
#[command(name = "djaffar", version)]
struct Cli {
    #[command(flatten)]
    settings: settings::Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database up to date and serve
    Serve(Box<settings::Serve>),
    /// Bring the database up to date, or show whether it is
    Migrate(migrate::Migrate),
    /// Make, list and change users
    #[command(subcommand)]
    User(user::User),
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Make up data to try things on
    #[command(subcommand)]
    Demo(demo::Demo),
    /// Look after what is counted in advance
    #[command(subcommand)]
    Stats(stats::Stats),
    /// List and end browser sessions
    #[command(subcommand)]
    Session(session::Session),
    /// Show what staff and admins did
    Audit(audit::Audit),
    /// Write activities to standard output
    Export(export::Export),
    /// Count what is held on one person, or forget it
    #[command(subcommand)]
    Person(person::Command),
    /// Forget what is too old
    Prune(prune::Prune),
    /// Print the GraphQL schema
    Schema,
}

/// Runs the command that the process was started with.
///
/// A setting is taken from its flag, else from its `DJAFFAR_…` variable, else from `djaffar.toml`,
/// else it has its default. Brings a runtime of its own, so not to be called within one.
pub fn run() -> ExitCode {
    match runtime().map_err(Into::into).and_then(|runtime| runtime.block_on(try_run())) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has read enough: `djaffar export | head`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// What runs the requests: a thread for each processor but one.
///
/// That one is for the thread that writes and for the database. Each commit is handed to them and
/// back several times; behind threads that all have requests to work on they would wait for a
/// processor each time, and the requests of all who wait for the commit with them (`make bench`).
fn runtime() -> std::io::Result<Runtime> {
    let processors = available_parallelism().map_or(1, NonZero::get);
    let workers = processors.saturating_sub(1).max(1);
    runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
}

async fn try_run() -> Result<()> {
    let matches = settings::command()?.get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    telemetry::start(&cli.settings)?;
    let url = &cli.settings.database_url;
    match cli.command {
        Command::Serve(serve) => serve::run(url, *serve).await,
        Command::Migrate(migrate) => migrate::run(url, migrate).await,
        Command::User(user) => user::run(url, user).await,
        Command::Token(token) => token::run(url, token).await,
        Command::Demo(demo) => demo::run(url, demo).await,
        Command::Stats(stats) => stats::run(url, stats).await,
        Command::Session(session) => session::run(url, session).await,
        Command::Audit(audit) => audit::run(url, audit).await,
        Command::Export(export) => export::run(url, export).await,
        Command::Person(person) => person::run(url, person).await,
        Command::Prune(prune) => prune::run(url, prune).await,
        Command::Schema => {
            print!("{}", crate::graphql::sdl());
            Ok(())
        }
    }
}

/// To look into a database that is not there, or to forget somebody in it, is a slip of the pen.
fn must_exist(database_url: &str) -> Result<()> {
    match Database::missing_file(database_url) {
        Some(file) => {
            let file = file.display();
            Err(format!("there is no database {file}; `djaffar migrate` makes one").into())
        }
        None => Ok(()),
    }
}

/// An instance to administer, without a server, on a database that is there.
async fn open(database_url: &str) -> Result<Djaffar> {
    must_exist(database_url)?;
    open_or_make(database_url).await
}

/// The same, also on a new one.
async fn open_or_make(database_url: &str) -> Result<Djaffar> {
    let database = Database::connect(database_url).await?;
    Ok(Djaffar::builder(database, Config::default()).start().await?)
}

/// A text of somebody's as lists show it: nothing in it may move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// A time as lists show it.
fn shown(time: Option<chrono::DateTime<chrono::Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string())
}
