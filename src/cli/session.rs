//! `djaffar session`

use clap::Subcommand;
use uuid::Uuid;

use super::{Result, open, printable, shown};
use crate::auth::{Admin, Auth};

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List the newest thousand sessions, the newest first
    List {
        /// Those of this user alone
        #[arg(long)]
        user: Option<String>,
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
            let user_id = match user {
                Some(name) => Some(auth.users.id_of(&name).await?),
                None => None,
            };
            let sessions = auth.sessions.newest(&admin, user_id).await?;
            let users: Vec<_> =
                sessions.iter().filter_map(|(session, _)| session.user_id).collect();
            let users = auth.users.by_ids(&users).await?;
            println!(
                "{:<36} {:<8} {:<17} {:<17} {:<20} USER AGENT",
                "ID", "STATE", "BEGAN", "LAST SEEN", "USER"
            );
            for (session, is_active) in sessions {
                let user = users.iter().find(|user| Some(user.id) == session.user_id);
                let user = user.map_or("-", |user| &user.username);
                let state = if is_active { "active" } else { "ended" };
                let (began, seen) =
                    (shown(Some(session.first_seen_at)), shown(Some(session.last_seen_at)));
                // What the browser sent must not speak to the terminal.
                let user_agent = printable(&session.user_agent);
                println!(
                    "{} {state:<8} {began:<17} {seen:<17} {user:<20} {user_agent}",
                    session.id
                );
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
