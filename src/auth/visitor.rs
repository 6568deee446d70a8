//! Visitors of pages of other sites, where no cookie of ours reaches.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// By this the token is known when it turns up where it shouldn't.
const PREFIX: &str = "djv_";

/// The secret by which a page knows its visitor: 128 random bits, kept by the page, not by us.
///
/// The visitor's session has the hash of the secret as its id. So nothing needs to be signed or
/// looked up, and the ids that staff see open nothing. It proves no user: that takes a token.
#[derive(Clone)]
pub(crate) struct Visitor([u8; 16]);

impl Visitor {
    /// Somebody who has not been here before.
    pub(crate) fn new() -> Self {
        Self(rand::random())
    }

    /// The public id of the visitor's session.
    pub(super) fn session_id(&self) -> Uuid {
        self.hash(b"")
    }

    /// The same, of a user who came to the page after another one.
    pub(super) fn session_id_of(&self, user_id: Uuid) -> Uuid {
        self.hash(user_id.as_bytes())
    }

    fn hash(&self, more: &[u8]) -> Uuid {
        let hash = Sha256::new().chain_update(self.0).chain_update(more).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Uuid::new_v8(bytes)
    }
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Never shows the secret.
impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visitor")
    }
}

impl FromStr for Visitor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let secret = text.strip_prefix(PREFIX).ok_or(())?;
        let bytes = URL_SAFE_NO_PAD.decode(secret).map_err(drop)?;
        Ok(Self(bytes.try_into().map_err(drop)?))
    }
}
