//! `djaffar user`

use std::io::{BufRead, IsTerminal};

use clap::Subcommand;

use super::{Result, open, shown};
use crate::auth::{Role, Users};

/// A password shorter than this is accepted, with a warning (NIST SP 800-63B-4, section 3.1.1.2).
const SHORT: usize = 15;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make a user; asks for the password
    Create {
        /// The name they log in with
        name: String,
        /// user, staff or admin
        #[arg(long, default_value = "user")]
        role: Role,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users
    List,
    /// Give a user a new password, and end their sessions; asks for the password
    SetPassword {
        /// The name they log in with
        name: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lock a user out; what they did stays in the log
    Disable {
        /// The name they log in with
        name: String,
    },
}

pub(super) async fn run(database_url: &str, user: User) -> Result<()> {
    let password = match &user {
        User::Create { password_stdin, .. } | User::SetPassword { password_stdin, .. } => {
            read_password(*password_stdin)?
        }
        _ => String::new(),
    };
    let djaffar = open(database_url).await?;
    let result = change(&djaffar.auth().users, user, password).await;
    djaffar.shutdown().await;
    result
}

async fn change(users: &Users, user: User, password: String) -> Result<()> {
    match user {
        User::Create { name, role, .. } => {
            let user = users.create(&name, role, password).await?;
            println!("{} {} is there", user.role, user.username);
        }
        User::List => {
            println!("{:<8} {:<8} {:<17} {:<17} NAME", "ROLE", "STATE", "CREATED", "LAST SEEN");
            for user in users.all().await? {
                let state = if user.active { "active" } else { "disabled" };
                let created = shown(Some(user.created_at));
                let seen = shown(user.last_seen_at);
                let (role, name) = (user.role.as_str(), user.username);
                println!("{role:<8} {state:<8} {created:<17} {seen:<17} {name}");
            }
        }
        User::SetPassword { name, .. } => {
            users.set_password(&name, password).await?;
            println!("{name} has a new password; all their sessions have ended");
        }
        User::Disable { name } => {
            users.disable(&name).await?;
            println!("{name} is disabled");
        }
    }
    Ok(())
}

fn read_password(from_stdin: bool) -> Result<String> {
    let password = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    } else if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Once more: ")? != password {
            return Err("The two passwords differ.".into());
        }
        password
    } else {
        return Err("No terminal to ask for the password; use --password-stdin.".into());
    };
    if password.chars().count() < SHORT {
        eprintln!("warning: a password of fewer than {SHORT} characters is weak");
    }
    Ok(password)
}
