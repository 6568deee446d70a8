//! API tokens: opaque, prefixed, 256 random bits, kept as their SHA-256 alone.
//!
//! A fast hash is right here: there is nothing to guess in 256 random bits.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Admin;
use super::remembered::Remembered;
use crate::error::{Error, Reason};
use crate::store::entity::api_token;
use crate::store::{Store, Timestamp};

/// By this the token is known when it turns up where it shouldn't.
pub(super) const PREFIX: &str = "djf_";
const CACHED: u64 = 10_000;

/// What a token may be used for, within the rights of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To log activities.
    Log,
    /// To read.
    Read,
    /// For everything.
    Admin,
}

impl Scope {
    /// All scopes.
    pub(crate) const ALL: [Self; 3] = [Self::Log, Self::Read, Self::Admin];

    /// The name by which it is stored, and known on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == name)
            .ok_or_else(|| format!("no scope is called {name:?}: use log, read or admin"))
    }
}

/// A token without its secret.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<api_token::Model> for Token {
    fn from(row: api_token::Model) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            name: row.name,
            // A scope of a newer version gives no rights to this one.
            scopes: row.scopes.split(',').filter_map(|name| name.parse().ok()).collect(),
            created_at: row.created_at.into(),
            expires_at: row.expires_at.map(Into::into),
            last_used_at: row.last_used_at.map(Into::into),
            revoked_at: row.revoked_at.map(Into::into),
        }
    }
}

impl Token {
    /// A new token as it is kept, and its secret.
    pub(super) fn row(
        user_id: Uuid,
        name: &str,
        scopes: &[Scope],
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(api_token::Model, String), Error> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 150 || name.contains(char::is_control) {
            let message = "A token's name has 1 to 150 printable characters.";
            return Err(Error::refused("name", Reason::Invalid, message));
        }
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let names = Scope::ALL.iter().filter(|scope| scopes.contains(scope));
        let names: Vec<_> = names.map(|scope| scope.as_str()).collect();
        let row = api_token::Model {
            id: Uuid::now_v7(),
            user_id,
            name: name.to_owned(),
            token_hash: hash(&secret).to_vec(),
            scopes: names.join(","),
            created_at: Timestamp::now(),
            expires_at: expires_at.map(Into::into),
            last_used_at: None,
            revoked_at: None,
        };
        Ok((row, secret))
    }
}

/// The API tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    store: Store,
    by_hash: Remembered<[u8; 32], Arc<Token>>,
}

impl Tokens {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, by_hash: Remembered::new(CACHED) }
    }

    /// The token that a client has shown, from the cache if possible. None: not valid.
    pub(crate) async fn verify(&self, secret: &str) -> Result<Option<Arc<Token>>, Error> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let hash = hash(secret);
        if let Some(token) = self.by_hash.get(&hash).await {
            let is_live = token.expires_at.is_none_or(|at| at > Utc::now());
            return Ok(Some(token).filter(|_| is_live));
        }
        let reading = self.by_hash.reading();
        let Some(token) = self.store.token_by_hash(&hash).await? else { return Ok(None) };
        let token = Arc::new(Token::from(token));
        self.by_hash.insert(hash, token.clone(), reading).await;
        Ok(Some(token))
    }

    /// All tokens, those of one user if one is named; the newest first.
    pub(crate) async fn list(&self, _: &Admin, user: Option<Uuid>) -> Result<Vec<Token>, Error> {
        Ok(self.store.tokens(user).await?.into_iter().map(Token::from).collect())
    }

    /// Those of the tokens that exist, in no order.
    pub(crate) async fn by_ids(&self, _: &Admin, ids: &[Uuid]) -> Result<Vec<Token>, Error> {
        Ok(self.store.tokens_by_id(ids).await?.into_iter().map(Token::from).collect())
    }

    /// Looks every token up anew.
    pub(super) fn forget(&self) {
        self.by_hash.forget();
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}
