//! Who is asking, and what they may do.
//!
//! A right is a value: a function that only staff may call takes a [`Staff`], and the only way to
//! get one is to ask the viewer for it.

use std::net::IpAddr;
use std::sync::Arc;

use tower_sessions::Session as Cookie;
use uuid::Uuid;

use super::audit::Actor;
use super::sessions::Live;
use super::token::{Scope, Token};
use super::{Role, User, Visitor};
use crate::error::Error;

/// What the server sees of the client itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    /// What may be kept of its address.
    pub ip_address: Option<IpAddr>,
    /// Whom a limit is for. Never kept.
    pub network: Option<IpAddr>,
    pub user_agent: String,
}

/// Whoever makes a request: known by cookie, by token, by the host application, or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(super) user: Option<Arc<User>>,
    /// Whether the user is known by a token: ours, or one of the host application.
    pub(super) is_bearer: bool,
    pub(super) token: Option<Arc<Token>>,
    pub(super) cookie: Cookie,
    /// The session that the cookie opened when the request came, or by a log-in since.
    pub(super) live: Option<Live>,
    /// Instead of the cookie, for a page of another site.
    pub(super) visitor: Option<Visitor>,
    pub(crate) client: Client,
}

/// The right to log activities.
pub(crate) struct Reporter<'a>(&'a Viewer);

/// The right to read everything.
#[derive(Clone, Debug)]
pub(crate) struct Staff(Actor);

/// The right to change things.
#[derive(Clone, Debug)]
pub(crate) struct Admin(Actor);

/// The right to read some activities: everybody's, or what is held on one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) only_user: Option<Uuid>,
}

impl Viewer {
    /// The verified user.
    pub(crate) fn user(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// Who is logged in by the cookie, whoever a token stands for.
    pub(super) fn logged_in(&self) -> Option<Uuid> {
        self.live.as_ref().and_then(|live| live.user_id)
    }

    /// What the viewer's credentials are good for.
    pub(crate) fn scopes(&self) -> &[Scope] {
        match (&self.token, &self.user) {
            (Some(token), _) => &token.scopes,
            (None, Some(_)) => &Scope::ALL,
            (None, None) => &[Scope::Log],
        }
    }

    /// The right to log, which everybody has whose token isn't for something else.
    pub(crate) fn reporter(&self, must_be_known: bool) -> Result<Reporter<'_>, Error> {
        if must_be_known && self.user.is_none() {
            return Err(Error::Unauthenticated("Log in first, or show a token."));
        }
        self.demand(Scope::Log)?;
        Ok(Reporter(self))
    }

    /// The right to read everything, for staff.
    pub(crate) fn staff(&self) -> Result<Staff, Error> {
        let user = self.reading_user()?;
        if user.role < Role::Staff {
            return Err(Error::Forbidden("Only staff may read this."));
        }
        Ok(Staff(self.actor()))
    }

    /// The right to change things, for admins.
    pub(crate) fn admin(&self) -> Result<Admin, Error> {
        let user = self.user.as_ref().ok_or(Error::Unauthenticated("Log in first."))?;
        self.demand(Scope::Admin)?;
        if user.role < Role::Admin {
            return Err(Error::Forbidden("Only admins may do this."));
        }
        Ok(Admin(self.actor()))
    }

    /// The viewer, as the audit log knows them.
    pub(super) fn actor(&self) -> Actor {
        Actor {
            user_id: self.user.as_ref().map(|user| user.id),
            ip_address: self.client.ip_address.map(|address| address.to_canonical().to_string()),
            is_operator: false,
        }
    }

    /// The right to read the activities of this user: one's own, or anybody's for staff.
    pub(crate) fn reader_of(&self, user_id: Option<Uuid>) -> Result<Reader, Error> {
        let user = self.reading_user()?;
        if user.role >= Role::Staff {
            return Ok(Reader { only_user: None });
        }
        if user_id != Some(user.id) {
            return Err(Error::Forbidden("Only staff may read this."));
        }
        Ok(Reader { only_user: user_id })
    }

    /// The right to read what is held on oneself.
    pub(crate) fn own_reader(&self) -> Result<Reader, Error> {
        Ok(Reader { only_user: Some(self.reading_user()?.id) })
    }

    pub(super) fn reading_user(&self) -> Result<&User, Error> {
        let user = self.user.as_ref().ok_or(Error::Unauthenticated("Log in first."))?;
        self.demand(Scope::Read)?;
        Ok(user)
    }

    fn demand(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes().iter().any(|held| *held == scope || *held == Scope::Admin) {
            Ok(())
        } else {
            Err(Error::Forbidden("The token is not for this: its scopes don't allow it."))
        }
    }
}

impl Reporter<'_> {
    /// Who reports.
    pub(crate) fn viewer(&self) -> &Viewer {
        self.0
    }
}

impl Staff {
    /// The right to read everybody's activities.
    pub(crate) fn reader(&self) -> Reader {
        Reader { only_user: None }
    }

    /// Who has it.
    pub(crate) fn actor(&self) -> &Actor {
        &self.0
    }
}

impl Admin {
    /// Whoever can open the database may change everything in it.
    pub(crate) fn operator() -> Self {
        Self(Actor { is_operator: true, ..Actor::default() })
    }

    /// Admins may do what staff may.
    pub(crate) fn staff(&self) -> Staff {
        Staff(self.0.clone())
    }

    /// Who has it.
    pub(crate) fn actor(&self) -> &Actor {
        &self.0
    }
}
