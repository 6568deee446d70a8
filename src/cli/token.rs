//! `djaffar token`

use std::time::Duration;

use chrono::Utc;
use clap::Subcommand;
use uuid::Uuid;

use super::{Result, open, printable, shown};
use crate::auth::admin::NewToken;
use crate::auth::{Admin, Auth, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token and print it, once
    Create {
        /// Whose rights it carries
        #[arg(long)]
        user: String,
        /// What to call it
        #[arg(long)]
        name: String,
        /// log, read or admin; several by commas or by repeating the flag
        #[arg(long, required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// How long it is good for, like 90d; without it: until it is revoked
        #[arg(long, value_parser = humantime::parse_duration)]
        expires: Option<Duration>,
    },
    /// List tokens
    List {
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
    },
    /// End a token
    Revoke {
        /// The token's id, as the list shows it
        id: Uuid,
    },
}

pub(super) async fn run(database_url: &str, token: Token) -> Result<()> {
    let djaffar = open(database_url).await?;
    let result = change(djaffar.auth(), token).await;
    djaffar.shutdown().await;
    result
}

async fn change(auth: &Auth, token: Token) -> Result<()> {
    let admin = Admin::operator();
    match token {
        Token::Create { user, name, scope, expires } => {
            let user_id = auth.users.id_of(&user).await?;
            let expires_at = match expires.map(chrono::Duration::from_std).transpose()? {
                Some(age) => Some(Utc::now().checked_add_signed(age).ok_or("too far away")?),
                None => None,
            };
            let new = NewToken { user_id, name, scopes: scope, expires_at };
            println!("{}", auth.create_token(&admin, new).await?.1);
        }
        Token::List { user } => {
            let user_id = match user {
                Some(name) => Some(auth.users.id_of(&name).await?),
                None => None,
            };
            let users = auth.users.all().await?;
            println!(
                "{:<36} {:<15} {:<17} {:<17} {:<17} STATE    USER / NAME",
                "ID", "SCOPES", "CREATED", "EXPIRES", "LAST USED"
            );
            for token in auth.tokens.list(&admin, user_id).await? {
                let state = if token.revoked_at.is_some() {
                    "revoked"
                } else if token.expires_at.is_some_and(|at| at <= Utc::now()) {
                    "expired"
                } else {
                    "valid"
                };
                let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
                let owner = users.iter().find(|user| user.id == token.user_id);
                println!(
                    "{:<36} {:<15} {:<17} {:<17} {:<17} {state:<8} {} / {}",
                    token.id,
                    scopes.join(","),
                    shown(Some(token.created_at)),
                    shown(token.expires_at),
                    shown(token.last_used_at),
                    owner.map_or("?".to_owned(), |user| printable(&user.username)),
                    printable(&token.name),
                );
            }
        }
        Token::Revoke { id } => {
            auth.revoke_token(&admin, id).await?;
            println!("{id} is revoked");
        }
    }
    Ok(())
}
