//! The way in while there is nobody: a token that only whoever starts the service gets to see.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The setup token of this process, of which it keeps the hash. Cheap to clone.
///
/// Each of several nodes that start on an empty database has one of its own, and each is good: the
/// database lets only one of them make the first admin, and from then on none is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    hash: Arc<Mutex<Option<[u8; 32]>>>,
}

impl Setup {
    /// Makes a token: 256 random bits. An older one is void.
    pub(crate) fn open(&self) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.set(Some(hash(&token)));
        token
    }

    /// Whether this is the token.
    pub(super) fn admits(&self, token: &str) -> bool {
        let expected = *self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        expected.is_some_and(|expected| expected.ct_eq(&hash(token)).into())
    }

    /// There is somebody now.
    pub(super) fn close(&self) {
        self.set(None);
    }

    fn set(&self, hash: Option<[u8; 32]>) {
        *self.hash.lock().unwrap_or_else(PoisonError::into_inner) = hash;
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
