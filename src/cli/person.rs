//! `djaffar person`

use std::io::Write;

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Result, open};
use crate::app::Djaffar;
use crate::auth::Admin;
use crate::config::IpStorage;
use crate::graphql::cursor;
use crate::privacy::{Mode, Person, PersonExport, Report};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Count what is held on one person
    Report {
        #[command(flatten)]
        who: Who,
    },
    /// Write what is held on one person, one JSON object a line
    Export {
        #[command(flatten)]
        who: Who,
    },
    /// Forget one person; returns when nothing is left
    Erase {
        #[command(flatten)]
        who: Who,
        /// delete, or anonymise: what was done stays, but not who did it
        #[arg(long)]
        mode: Mode,
        /// Only count what would be erased
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Who {
    #[command(flatten)]
    name: Name,
    /// What the server keeps of an address: full, truncated or none
    #[arg(long, env = "DJAFFAR_IP_STORAGE", default_value = "full")]
    ip_storage: IpStorage,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Name {
    /// The name that the user logs in with
    #[arg(long)]
    user: Option<String>,
    /// The id of a browser session
    #[arg(long)]
    session: Option<Uuid>,
    /// A network address
    #[arg(long)]
    ip: Option<String>,
}

pub(super) async fn run(database_url: &str, command: Command) -> Result<()> {
    let djaffar = open(database_url).await?;
    let result = execute(&djaffar, command).await;
    djaffar.shutdown().await;
    result
}

async fn execute(djaffar: &Djaffar, command: Command) -> Result<()> {
    let admin = Admin::operator();
    let privacy = djaffar.privacy();
    let (who, order) = match command {
        Command::Report { who } => (who, None),
        Command::Export { who } => {
            let person = person(djaffar, who).await?;
            return write(privacy.export(&admin, &person, cursor).await?).await;
        }
        Command::Erase { who, mode, dry_run } => (who, Some(mode).filter(|_| !dry_run)),
    };
    let person = person(djaffar, who).await?;
    let report = match order {
        None => privacy.report(&admin.staff(), &person).await?,
        Some(_) => privacy.count(&admin.staff(), &person).await?,
    };
    let Report { activities, sessions, tokens, .. } = report;
    println!("{activities} activities, {sessions} sessions, {tokens} tokens");
    if let Some(mode) = order {
        let id = privacy.erase(&admin, &person, mode).await?;
        eprintln!(
            "waiting until no server knows the person any more; it goes on without this command"
        );
        privacy.erased(id).await?;
        println!("erased");
    }
    Ok(())
}

async fn person(djaffar: &Djaffar, who: Who) -> Result<Person> {
    let Name { user, session, ip } = who.name;
    let user = match user {
        Some(name) => Some(djaffar.auth().users.id_of(&name).await?),
        None => None,
    };
    Ok(Person::one_of(user, session, ip, who.ip_storage)?)
}

async fn write(mut export: PersonExport) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    while let Some(piece) = export.next().await? {
        stdout.write_all(&piece)?;
    }
    Ok(stdout.flush()?)
}
