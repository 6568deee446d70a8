//! Loads the users and sessions of many activities with one statement each.
//!
//! Made anew for each request, so nothing is shared between callers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, Loader};
use uuid::Uuid;

use crate::auth::{Auth, Session, User};
use crate::error::Error;

/// The loaders of a request.
pub(crate) struct Loaders {
    pub users: DataLoader<UserLoader>,
    pub sessions: DataLoader<SessionLoader>,
}

impl Loaders {
    pub(crate) fn new(auth: &Auth) -> Self {
        let users = DataLoader::new(UserLoader(auth.clone()), tokio::spawn);
        let sessions = DataLoader::new(SessionLoader(auth.clone()), tokio::spawn);
        Self { users: users.delay(Duration::ZERO), sessions: sessions.delay(Duration::ZERO) }
    }
}

/// Users by id.
pub(crate) struct UserLoader(Auth);

impl Loader<Uuid> for UserLoader {
    type Value = User;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, User>, Arc<Error>> {
        let users = self.0.users.by_ids(ids).await.map_err(Arc::new)?;
        Ok(users.into_iter().map(|user| (user.id, user)).collect())
    }
}

/// Sessions by id.
pub(crate) struct SessionLoader(Auth);

impl Loader<Uuid> for SessionLoader {
    type Value = Session;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Session>, Arc<Error>> {
        let sessions = self.0.sessions.by_ids(ids).await.map_err(Arc::new)?;
        Ok(sessions.into_iter().map(|session| (session.id, session)).collect())
    }
}
