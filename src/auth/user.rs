//! Users, as the doors see them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::store::entity::user;

/// Somebody who uses the application, or works on it.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub id: Uuid,
    pub username: String,
    pub external_id: Option<String>,
    pub role: Role,
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// What a user may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Is recognised, and may read what is held on them.
    #[default]
    User,
    /// May read everything.
    Staff,
    /// May change things.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 3] = [Self::User, Self::Staff, Self::Admin];

    /// The name by which it is stored, and known on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| format!("no role is called {name:?}: use user, staff or admin"))
    }
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self {
            id: row.id,
            username: row.username,
            external_id: row.external_id,
            // A role of a newer version gives no rights to this one.
            role: row.role.parse().unwrap_or_default(),
            active: row.active,
            created_at: row.created_at.into(),
            last_seen_at: row.last_seen_at.map(Into::into),
        }
    }
}
