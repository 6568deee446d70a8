//! The keys by which the host application's tokens are verified.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use crate::config::{JwtAlgorithm, JwtKeys};
use crate::error::Error;

/// Shorter ones can be guessed (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;
/// Keys are fetched anew when they are so old.
const FETCH_EVERY: Duration = Duration::from_secs(3_600);
/// A token of an unknown key makes us look again, but not more often than this.
const FETCH_AT_MOST_EVERY: Duration = Duration::from_secs(30);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest set of keys, in bytes.
const MAX_SET: u64 = 256 << 10;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Where the keys come from.
#[derive(Debug)]
pub(super) enum Keys {
    /// One key for all tokens.
    One(Box<DecodingKey>),
    /// The one that the token names.
    Set(JwkSet),
    /// The same, published by the host application.
    Published(Published),
}

/// A set of keys that is fetched from time to time.
#[derive(Debug)]
pub(super) struct Published {
    url: String,
    known: RwLock<Option<(Arc<JwkSet>, Instant)>>,
    /// When it was tried last; held while it is being tried.
    fetching: Mutex<Option<Instant>>,
}

impl Keys {
    /// # Errors
    ///
    /// If the keys are none, or too weak.
    pub(super) fn new(keys: &JwtKeys, algorithm: JwtAlgorithm) -> Result<Self, Error> {
        match keys {
            JwtKeys::Url(url) => Ok(Self::Published(Published {
                url: url.clone(),
                known: RwLock::new(None),
                fetching: Mutex::new(None),
            })),
            JwtKeys::Bytes(bytes) => Self::read(bytes, algorithm).map_err(|cause| {
                Error::bad_input(format!(
                    "The key that tokens are verified by is unusable: {cause}."
                ))
            }),
        }
    }

    fn read(bytes: &[u8], algorithm: JwtAlgorithm) -> Result<Self, Cause> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Set(serde_json::from_slice(bytes)?));
        }
        let key = match algorithm {
            JwtAlgorithm::Hs256 if bytes.len() < MIN_SECRET => {
                return Err("a secret has 32 bytes at least".into());
            }
            // The public key of another algorithm would be a secret that everybody knows.
            JwtAlgorithm::Hs256 if bytes.starts_with(b"-----BEGIN") => {
                return Err("this is a key for RS256, ES256 or EdDSA, not a secret".into());
            }
            JwtAlgorithm::Hs256 => DecodingKey::from_secret(bytes),
            JwtAlgorithm::Rs256 => DecodingKey::from_rsa_pem(bytes)?,
            JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(bytes)?,
            JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(bytes)?,
        };
        Ok(Self::One(Box::new(key)))
    }

    /// The key with this id. None: there is no such key.
    ///
    /// # Errors
    ///
    /// [`Error::Keys`] if the keys can't be had.
    pub(super) async fn find(&self, id: Option<&str>) -> Result<Option<DecodingKey>, Error> {
        match self {
            Self::One(key) => Ok(Some((**key).clone())),
            Self::Set(set) => Ok(pick(set, id)),
            Self::Published(published) => {
                let key = pick(&*published.set().await?, id);
                if key.is_some() {
                    return Ok(key);
                }
                // It may have been published since.
                Ok(published.fetch().await?.and_then(|set| pick(&set, id)))
            }
        }
    }
}

impl Published {
    async fn set(&self) -> Result<Arc<JwkSet>, Error> {
        let known = || self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known() {
            Some((set, at)) if at.elapsed() < FETCH_EVERY => return Ok(set),
            // Old keys are better than none.
            Some((set, _)) => return Ok(self.fetch().await.ok().flatten().unwrap_or(set)),
            None => {}
        }
        match self.fetch().await? {
            Some(set) => Ok(set),
            // Somebody else has just tried.
            None => match known() {
                Some((set, _)) => Ok(set),
                None => Err(Error::Keys("they could not be fetched a moment ago".into())),
            },
        }
    }

    /// Fetches the keys. None: that has been tried a moment ago.
    async fn fetch(&self) -> Result<Option<Arc<JwkSet>>, Error> {
        let mut tried_at = self.fetching.lock().await;
        if tried_at.is_some_and(|at| at.elapsed() < FETCH_AT_MOST_EVERY) {
            return Ok(None);
        }
        *tried_at = Some(Instant::now());
        let url = self.url.clone();
        let fetched = tokio::task::spawn_blocking(move || download(&url)).await;
        let set = match fetched.map_err(Cause::from) {
            Ok(Ok(set)) => Arc::new(set),
            Ok(Err(cause)) | Err(cause) => {
                tracing::error!(error.cause = %cause, url = self.url, "no keys for tokens");
                return Err(Error::Keys(cause));
            }
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some((set.clone(), Instant::now()));
        Ok(Some(set))
    }
}

fn download(url: &str) -> Result<JwkSet, Cause> {
    let config = ureq::Agent::config_builder().timeout_global(Some(FETCH_TIMEOUT)).build();
    let mut response = ureq::Agent::new_with_config(config).get(url).call()?;
    let text = response.body_mut().with_config().limit(MAX_SET).read_to_string()?;
    Ok(serde_json::from_str(&text)?)
}

/// The key with this id; without one the only key there is.
fn pick(set: &JwkSet, id: Option<&str>) -> Option<DecodingKey> {
    let key = match id {
        Some(id) => set.find(id),
        None => set.keys.first().filter(|_| set.keys.len() == 1),
    };
    key.and_then(|key| DecodingKey::from_jwk(key).ok())
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::Hs256 => Self::HS256,
            JwtAlgorithm::Rs256 => Self::RS256,
            JwtAlgorithm::Es256 => Self::ES256,
            JwtAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}
