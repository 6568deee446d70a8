//! Automatic persisted queries: a client sends the SHA-256 of a document in its place, and the
//! document as well if the server does not remember it
//! (<https://www.apollographql.com/docs/apollo-server/performance/apq>).

use async_graphql::ServerError;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::api::error;

/// Remembered texts, in bytes. What is asked for often outlasts a flood of what is not.
const REMEMBERED: u64 = 1 << 20;
/// A text that is longer is not remembered: its client sends it each time.
const MAX_REMEMBERED: usize = 16 << 10;

/// Texts of documents by their hash. Forgetting one costs its client a round trip.
pub(crate) struct Persisted(Cache<String, String>);

/// What a client says in `extensions.persistedQuery`.
#[derive(Deserialize)]
struct Claim {
    version: u8,
    #[serde(rename = "sha256Hash")]
    hash: String,
}

impl Persisted {
    pub(super) fn new() -> Self {
        let size = |hash: &String, text: &String| hash.len() + text.len();
        let texts = Cache::builder()
            .weigher(move |hash, text| u32::try_from(size(hash, text)).unwrap_or(u32::MAX))
            .max_capacity(REMEMBERED);
        Self(texts.build())
    }

    /// The text of the document that a client means.
    ///
    /// # Errors
    ///
    /// If it is not remembered, or is not what was hashed, or nothing was sent.
    pub(crate) fn text(
        &self,
        query: Option<String>,
        extensions: &Map<String, Value>,
    ) -> Result<String, ServerError> {
        let claim = match extensions.get("persistedQuery") {
            None | Some(Value::Null) => {
                return query.ok_or_else(|| bad("There is no query."));
            }
            Some(claim) => Claim::deserialize(claim)
                .map_err(|error| bad(&format!("persistedQuery can't be read: {error}")))?,
        };
        if claim.version != 1 {
            return Err(bad("The version of persistedQuery must be 1."));
        }
        let Some(text) = query else {
            // Clients know it by these very words.
            let unknown = || error("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound");
            return self.0.get(&claim.hash).ok_or_else(unknown);
        };
        if claim.hash != hash(&text) {
            return Err(bad("sha256Hash is not the hash of the query."));
        }
        if text.len() <= MAX_REMEMBERED {
            self.0.insert(claim.hash, text.clone());
        }
        Ok(text)
    }
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bad(message: &str) -> ServerError {
    error("BAD_REQUEST", message)
}
