//! `djaffar session`

use clap::Subcommand;
use uuid::Uuid;

use super::{Result, open, printable, shown};
use crate::auth::{Admin, Auth};

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List the sessions of a user, the newest first
    List {
        /// Whose
        #[arg(long)]
        user: String,
    },
    /// End sessions; what was done in them stays in the log
    End {
        /// The session's id, as the list shows it
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        id: Option<Uuid>,
        /// All sessions of this user
        #[arg(long)]
        user: Option<String>,
    },
}

pub(super) async fn run(database_url: &str, session: Session) -> Result<()> {
    let djaffar = open(database_url).await?;
    let result = change(djaffar.auth(), session).await;
    djaffar.shutdown().await;
    result
}

async fn change(auth: &Auth, session: Session) -> Result<()> {
    let admin = Admin::operator();
    match session {
        Session::List { user } => {
            let user_id = auth.users.id_of(&user).await?;
            println!("{:<36} {:<8} {:<17} {:<17} USER AGENT", "ID", "STATE", "BEGAN", "LAST SEEN");
            for (session, is_active) in auth.sessions.of_user(&admin, user_id).await? {
                let state = if is_active { "active" } else { "ended" };
                let (began, seen) =
                    (shown(Some(session.first_seen_at)), shown(Some(session.last_seen_at)));
                // What the browser sent must not speak to the terminal.
                let user_agent = printable(&session.user_agent);
                println!("{} {state:<8} {began:<17} {seen:<17} {user_agent}", session.id);
            }
        }
        Session::End { id: Some(id), .. } => {
            auth.end_session(&admin, id).await?;
            println!("{id} has ended");
        }
        Session::End { id: None, user } => {
            let user = user.ok_or("Name a session or a user.")?;
            let user_id = auth.users.id_of(&user).await?;
            let count = auth.end_user_sessions(&admin, user_id).await?;
            println!("{count} sessions of {user} have ended");
        }
    }
    Ok(())
}
