//! The keys by which the host application's tokens are verified.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use url::Url;

use crate::config::{JwtAlgorithm, JwtConfig, JwtKeys};
use crate::error::Error;

/// Shorter ones can be guessed (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;
/// Keys are fetched anew when they are so old.
const FETCH_EVERY: Duration = Duration::from_secs(3_600);
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
    Published(Arc<Published>),
}

/// A set of keys that is fetched from time to time.
#[derive(Debug)]
pub(super) struct Published {
    url: String,
    known: RwLock<Option<(Arc<JwkSet>, Instant)>>,
    /// When it was tried last; held while it is being tried.
    fetching: Arc<Mutex<Option<Instant>>>,
    /// A token of an unknown key makes us look again, but not more often than this.
    look_at_most_every: Duration,
}

/// What came of an attempt to fetch a set of keys.
enum Fetched {
    Set(Arc<JwkSet>),
    /// That has been tried a moment ago.
    TriedAlready,
    /// Somebody else is at it. Nobody waits for that: who comes with a token takes a place.
    UnderWay,
}

impl Keys {
    /// # Errors
    ///
    /// If the keys are none, or too weak.
    pub(super) fn new(config: &JwtConfig) -> Result<Self, Error> {
        let JwtConfig { algorithm, look_at_most_every, .. } = *config;
        match &config.keys {
            JwtKeys::Url(url) if !is_safe(url) => Err(Error::bad_input(format!(
                "The keys of tokens must be fetched by https, unless from this machine: {url}."
            ))),
            JwtKeys::Url(url) => Ok(Self::Published(Arc::new(Published {
                url: url.clone(),
                known: RwLock::new(None),
                fetching: Arc::default(),
                look_at_most_every,
            }))),
            JwtKeys::Bytes(bytes) => Self::read(bytes, algorithm).map_err(|cause| {
                Error::bad_input(format!(
                    "The key that tokens are verified by is unusable: {cause}."
                ))
            }),
        }
    }

    fn read(bytes: &[u8], algorithm: JwtAlgorithm) -> Result<Self, Cause> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Set(read_set(bytes)?));
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
                match published.fetch().await? {
                    Fetched::Set(set) => Ok(pick(&set, id)),
                    Fetched::TriedAlready => Ok(None),
                    Fetched::UnderWay => Err(under_way()),
                }
            }
        }
    }
}

impl Published {
    async fn set(self: &Arc<Self>) -> Result<Arc<JwkSet>, Error> {
        let known = || self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let old = match known() {
            Some((set, at)) if at.elapsed() < FETCH_EVERY => return Ok(set),
            old => old,
        };
        match (self.fetch().await, old) {
            (Ok(Fetched::Set(set)), _) => Ok(set),
            // Old keys are better than none.
            (_, Some((set, _))) => Ok(set),
            (Err(error), None) => Err(error),
            (Ok(Fetched::UnderWay), None) => Err(under_way()),
            // Perhaps with success.
            (Ok(Fetched::TriedAlready), None) => match known() {
                Some((set, _)) => Ok(set),
                None => Err(Error::Keys("they could not be fetched a moment ago".into())),
            },
        }
    }

    /// Fetches the keys, to the end even if whoever needs them goes away.
    async fn fetch(self: &Arc<Self>) -> Result<Fetched, Error> {
        let Ok(mut tried_at) = self.fetching.clone().try_lock_owned() else {
            return Ok(Fetched::UnderWay);
        };
        if tried_at.is_some_and(|at| at.elapsed() < self.look_at_most_every) {
            return Ok(Fetched::TriedAlready);
        }
        *tried_at = Some(Instant::now());
        let published = self.clone();
        let fetched = tokio::task::spawn_blocking(move || {
            let fetched = download(&published.url).map(Arc::new);
            if let Ok(set) = &fetched {
                let mut known = published.known.write().unwrap_or_else(PoisonError::into_inner);
                *known = Some((set.clone(), Instant::now()));
            }
            drop(tried_at);
            fetched
        });
        match fetched.await.map_err(Cause::from) {
            Ok(Ok(set)) => Ok(Fetched::Set(set)),
            Ok(Err(cause)) | Err(cause) => {
                tracing::error!(error.cause = %cause, url = self.url, "no keys for tokens");
                Err(Error::Keys(cause))
            }
        }
    }
}

fn under_way() -> Error {
    Error::Keys("they are being fetched".into())
}

/// Whether nobody on the way can put other keys in the place of these.
fn is_safe(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    url.scheme() == "https" || url.scheme() == "http" && is_here
}

fn download(url: &str) -> Result<JwkSet, Cause> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_TIMEOUT))
        .https_only(url.starts_with("https:"));
    let mut response = ureq::Agent::new_with_config(config.build()).get(url).call()?;
    let text = response.body_mut().with_config().limit(MAX_SET).read_to_string()?;
    read_set(text.as_bytes())
}

/// A set of keys, none of which can be guessed.
fn read_set(text: &[u8]) -> Result<JwkSet, Cause> {
    let set: JwkSet = serde_json::from_slice(text)?;
    let is_weak = |key: &Jwk| match &key.algorithm {
        AlgorithmParameters::OctetKey(key) => {
            URL_SAFE_NO_PAD.decode(&key.value).is_ok_and(|secret| secret.len() < MIN_SECRET)
        }
        _ => false,
    };
    match set.keys.iter().any(is_weak) {
        true => Err("a secret has 32 bytes at least".into()),
        false => Ok(set),
    }
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
