//! `djaffar user`

use std::io::{BufRead, IsTerminal};

use clap::Subcommand;

use super::{Result, open, open_or_make, printable, shown};
use crate::auth::admin::{NewUser, UserUpdate};
use crate::auth::{Admin, Auth, Role};

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
    /// Give a user another name
    Rename {
        /// The name they log in with
        name: String,
        /// The name they shall log in with
        new_name: String,
    },
    /// Give a user another role
    Role {
        /// The name they log in with
        name: String,
        /// user, staff or admin
        role: Role,
    },
    /// Give a user a new password, and end their sessions and tokens; asks for the password
    SetPassword {
        /// The name they log in with
        name: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lock a user out, and end their sessions and tokens; what they did stays in the log
    Disable {
        /// The name they log in with
        name: String,
    },
    /// Let a user in again, with new tokens
    Enable {
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
    let djaffar = match user {
        User::Create { .. } => open_or_make(database_url).await?,
        _ => open(database_url).await?,
    };
    let result = change(djaffar.auth(), user, password).await;
    djaffar.shutdown().await;
    result
}

async fn change(auth: &Auth, user: User, password: String) -> Result<()> {
    let admin = Admin::operator();
    let update = async |name: &str, update| {
        let id = auth.users.id_of(name).await?;
        auth.update_user(&admin, id, update).await
    };
    match user {
        User::Create { name, role, .. } => {
            let password = Some(password);
            let new = NewUser { username: name, role, password, external_id: None };
            let user = auth.create_user(&admin, new).await?;
            println!("{} {} is there", user.role, user.username);
        }
        User::List => {
            println!("{:<8} {:<8} {:<17} {:<17} NAME", "ROLE", "STATE", "CREATED", "LAST SEEN");
            for user in auth.users.all().await? {
                let state = if user.active { "active" } else { "disabled" };
                let created = shown(Some(user.created_at));
                let seen = shown(user.last_seen_at);
                let (role, name) = (user.role.as_str(), printable(&user.username));
                println!("{role:<8} {state:<8} {created:<17} {seen:<17} {name}");
            }
        }
        User::SetPassword { name, .. } => {
            let id = auth.users.id_of(&name).await?;
            auth.set_password(&admin, id, password).await?;
            println!("{name} has a new password; all their sessions and tokens have ended");
        }
        User::Rename { name, new_name } => {
            let renamed = UserUpdate { username: Some(new_name), ..UserUpdate::default() };
            let user = update(&name, renamed).await?;
            println!("{name} is called {} now", user.username);
        }
        User::Role { name, role } => {
            update(&name, UserUpdate { role: Some(role), ..UserUpdate::default() }).await?;
            println!("{name} is {role} now");
        }
        User::Disable { name } => {
            update(&name, UserUpdate { active: Some(false), ..UserUpdate::default() }).await?;
            println!("{name} is disabled");
        }
        User::Enable { name } => {
            update(&name, UserUpdate { active: Some(true), ..UserUpdate::default() }).await?;
            println!("{name} is active");
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
