//! Passwords: argon2id, off the async threads, a bounded number at a time.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::audit::Actor;
use crate::error::{Error, Reason};

/// Hashes computed at the same time, 19 MiB each; further log-ins wait.
const CONCURRENT: usize = 2;
/// Log-ins that wait for that, some seconds; more are told to come back.
const WAITING: usize = 64;
/// Shortest password, in characters (OWASP ASVS 5.0, 6.2.1).
const MIN_CHARACTERS: usize = 8;
/// Longest password, in bytes.
const MAX_BYTES: usize = 1024;

/// Hashes and verifies passwords. Cheap to clone.
///
/// The parameters are the library's defaults, those of OWASP's password storage cheat sheet:
/// m = 19,456 KiB, t = 2, p = 1.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let places = Arc::new(Semaphore::new(WAITING));
        Self { permits: Arc::new(Semaphore::new(CONCURRENT)), places }
    }

    /// The PHC string of a password, with a salt of its own. Whoever can open the database may choose
    /// any: the command line warns.
    pub(crate) async fn hash(&self, password: String, actor: &Actor) -> Result<String, Error> {
        let shortest = if actor.is_operator { 1 } else { MIN_CHARACTERS };
        if password.chars().count() < shortest || password.len() > MAX_BYTES {
            let message = format!(
                "A password has at least {MIN_CHARACTERS} characters, and at most 1,024 bytes."
            );
            return Err(Error::refused("password", Reason::Invalid, message));
        }
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(Error::internal)
        })
        .await?
    }

    /// Whether the password is right. Takes as long if there is no hash to compare with.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Error> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        self.run(move || {
            let argon2 = Argon2::default();
            let Some(hash) = hash else {
                let _ = argon2.hash_password(password.as_bytes());
                return false;
            };
            PasswordHash::new(&hash)
                .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.places.try_acquire().map_err(|_| Error::Busy)?;
        let permit = self.permits.clone().acquire_owned().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .map_err(Error::internal)
    }
}
