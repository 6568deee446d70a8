//! Accounts: who there is, and looking them up fast.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::password::Passwords;
use super::remembered::Remembered;
use super::{Actor, Identity, Role, Staff, User};
use crate::error::{Error, Reason};
use crate::store::entity::user;
use crate::store::keyset::{CappedCount, Page, Slice};
use crate::store::users::{Filter, SortKey};
use crate::store::{Store, Timestamp, without_nul};

/// A change made by another process is seen here after so long at the latest.
pub(super) const CACHE_TIME: Duration = Duration::from_secs(10);
const CACHED: u64 = 20_000;
/// Longest username, in characters.
const MAX_USERNAME: usize = 150;
/// Longest id of a user in the host application, in bytes.
pub(super) const MAX_EXTERNAL_ID: usize = 255;
/// An id that is longer, in characters, does not stand in a name: its hash does.
const MAX_ID_IN_NAME: usize = 64;

/// The users. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    store: Store,
    passwords: Passwords,
    by_id: Remembered<Uuid, Arc<User>>,
    by_identity: Remembered<String, (Identity, Arc<User>)>,
}

impl Users {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            passwords: Passwords::new(),
            by_id: Remembered::new(CACHED),
            by_identity: Remembered::new(CACHED),
        }
    }

    /// A user who may use the service, from the cache if possible. None: unknown or disabled.
    pub(crate) async fn active(&self, id: Uuid) -> Result<Option<Arc<User>>, Error> {
        if let Some(user) = self.by_id.get(&id).await {
            return Ok(Some(user));
        }
        let reading = self.by_id.reading();
        let Some(user) = self.by_ids(&[id]).await?.pop().filter(|user| user.active) else {
            return Ok(None);
        };
        let user = Arc::new(user);
        self.by_id.insert(id, user.clone(), reading).await;
        Ok(Some(user))
    }

    /// The user that the host application speaks of, made at first sight.
    pub(crate) async fn of_identity(&self, identity: &Identity) -> Result<Arc<User>, Error> {
        if let Some((known, user)) = self.by_identity.get(&identity.external_id).await
            && known == *identity
        {
            return Ok(user);
        }
        if !(1..=MAX_EXTERNAL_ID).contains(&identity.external_id.len()) {
            return Err(Error::Unauthenticated("An id of a user has 1 to 255 bytes."));
        }
        let reading = self.by_identity.reading();
        let user = match self.store.user_by_external_id(&identity.external_id).await? {
            Some(user) => self.follow(user, identity).await?,
            None => self.adopt(identity).await?,
        };
        if !user.active {
            return Err(Error::Forbidden("This user is disabled."));
        }
        let user = Arc::new(User::from(user));
        let known = (identity.clone(), user.clone());
        self.by_identity.insert(identity.external_id.clone(), known, reading).await;
        Ok(user)
    }

    /// Makes a user of the host's.
    async fn adopt(&self, identity: &Identity) -> Result<user::Model, Error> {
        for username in names(identity) {
            let mut user = new_user(&username, identity.role.unwrap_or_default());
            user.external_id = Some(identity.external_id.clone());
            self.store.insert_user(user).await?;
            // Another request may have been faster.
            if let Some(user) = self.store.user_by_external_id(&identity.external_id).await? {
                return Ok(user);
            }
        }
        Err(NAME_TAKEN)
    }

    /// Takes over a name and a role that have changed at the host's.
    async fn follow(
        &self,
        mut user: user::Model,
        identity: &Identity,
    ) -> Result<user::Model, Error> {
        let names = names(identity);
        let role = identity.role.map_or_else(|| user.role.clone(), |role| role.as_str().to_owned());
        if names.contains(&user.username) && user.role == role {
            return Ok(user);
        }
        for username in names {
            if self.store.rename_user(user.id, username.clone(), &role).await? {
                user.username = username;
                user.role = role;
                return Ok(user);
            }
        }
        Err(NAME_TAKEN)
    }

    /// The user, if the password is theirs and they may log in.
    pub(crate) async fn by_password(
        &self,
        username: &str,
        password: String,
    ) -> Result<Option<Arc<User>>, Error> {
        let username = without_nul(username.trim().to_owned());
        let user = self.store.user_by_name(&username).await?.filter(|user| user.active);
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_right = self.passwords.verify(password, hash).await?;
        Ok(user.filter(|_| is_right).map(|user| Arc::new(user.into())))
    }

    /// What is kept of a password.
    pub(super) async fn hash(&self, password: String, actor: &Actor) -> Result<String, Error> {
        self.passwords.hash(password, actor).await
    }

    /// Looks everybody up anew.
    pub(super) fn forget(&self) {
        self.by_id.forget();
        self.by_identity.forget();
    }

    /// The id of the user of this name.
    pub(crate) async fn id_of(&self, username: &str) -> Result<Uuid, Error> {
        let user = self.store.user_by_name(username).await?;
        let message = || format!("There is no user called {username}.");
        let unknown = || Error::refused("username", Reason::NotFound, message());
        Ok(user.ok_or_else(unknown)?.id)
    }

    /// The user of this name, disabled or not.
    pub(crate) async fn by_name(&self, _: &Staff, username: &str) -> Result<Option<User>, Error> {
        let username = without_nul(username.to_owned());
        Ok(self.store.user_by_name(&username).await?.map(User::from))
    }

    /// One page of users.
    pub(crate) async fn page(
        &self,
        _: &Staff,
        filter: &Filter,
        key: SortKey,
        descending: bool,
        page: &Page,
    ) -> Result<Slice<User>, Error> {
        Ok(self.store.users(filter, key, descending, page).await?.map(User::from))
    }

    /// How many users the filter lets through.
    pub(crate) async fn count(
        &self,
        _: &Staff,
        filter: &Filter,
        cap: u64,
    ) -> Result<CappedCount, Error> {
        self.store.count_users(filter, cap).await
    }

    /// Those of the users that exist, in no order. For those who have the right to each of them.
    pub(crate) async fn by_ids(&self, ids: &[Uuid]) -> Result<Vec<User>, Error> {
        Ok(self.store.users_by_id(ids).await?.into_iter().map(User::from).collect())
    }

    /// All users by name. For the command line.
    pub(crate) async fn all(&self) -> Result<Vec<User>, Error> {
        Ok(self.store.all_users().await?.into_iter().map(User::from).collect())
    }

    /// Whether there is any user yet.
    pub(crate) async fn exist(&self) -> Result<bool, Error> {
        self.store.has_users().await
    }
}

const NAME_TAKEN: Error =
    Error::BadInput(Cow::Borrowed("The name of this user is taken by another one."));

/// The names to try for a user of the host's: the bare one, and one that nobody else should have. Both
/// are names that somebody can be called by.
fn names(identity: &Identity) -> [String; 2] {
    let printable = |text: &str| text.trim().replace(char::is_control, "\u{fffd}");
    let cut = |text: &str, length: usize| text.chars().take(length).collect::<String>();
    let mut id = printable(&identity.external_id);
    if id.is_empty() || id.chars().count() > MAX_ID_IN_NAME {
        let hash = Sha256::digest(&identity.external_id);
        id = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    }
    let name = Some(printable(&identity.name)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| id.clone());
    let room = MAX_USERNAME - id.chars().count() - 3;
    [cut(&name, MAX_USERNAME), format!("{} ({id})", cut(&name, room))]
}

/// A name that somebody can be called by.
pub(super) fn checked_username(username: &str) -> Result<&str, Error> {
    let username = username.trim();
    let length = username.chars().count();
    if !(1..=MAX_USERNAME).contains(&length) || username.contains(char::is_control) {
        let message = "A username has 1 to 150 printable characters.";
        return Err(Error::refused("username", Reason::Invalid, message));
    }
    Ok(username)
}

pub(super) fn new_user(username: &str, role: Role) -> user::Model {
    let now = Timestamp::now();
    user::Model {
        id: Uuid::now_v7(),
        username: username.to_owned(),
        external_id: None,
        password_hash: None,
        role: role.as_str().to_owned(),
        active: true,
        created_at: now,
        credentials_changed_at: now,
        last_seen_at: None,
    }
}
