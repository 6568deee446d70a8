//! What tower-sessions needs to keep its sessions in our tables.

use std::collections::HashMap;
use std::error::Error as _;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::sessions::{Sessions, hash, key};
use crate::store::Timestamp;

#[async_trait]
impl SessionStore for Sessions {
    /// Takes over a session that has just been written, under a key of its own: an insert, which
    /// never overwrites.
    async fn create(&self, record: &mut Record) -> Result<()> {
        let key = field(record, key::KEY).and_then(|key: String| key.parse().ok());
        record.id = key.ok_or_else(|| Error::Encode("a session was not opened".to_owned()))?;
        Ok(())
    }

    /// Notes a sign of life. A session that was ended meanwhile stays so: this only updates.
    async fn save(&self, record: &Record) -> Result<()> {
        if let Some(seen_at) = field(record, key::SEEN) {
            self.seen(record.id, Timestamp(seen_at), timestamp(record.expiry_date)).await;
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(live) = self.find(id).await.map_err(backend)? else { return Ok(None) };
        let data = HashMap::from([(key::SEEN.to_owned(), Value::from(live.seen_at.0))]);
        let nanos = i128::from(live.expires_at.0) * 1_000;
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    /// Takes the key away; the session and its activities stay.
    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.delete_session_key(hash(id)).await.map_err(backend)?;
        self.forget(id).await;
        Ok(())
    }
}

fn field<T: DeserializeOwned>(record: &Record, key: &str) -> Option<T> {
    record.data.get(key).and_then(|value| T::deserialize(value).ok())
}

pub(super) fn timestamp(date: OffsetDateTime) -> Timestamp {
    Timestamp(i64::try_from(date.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
}

/// The cause as text, which is all that tower-sessions carries; the door logs it.
fn backend(error: crate::error::Error) -> Error {
    Error::Backend(error.source().map_or_else(|| error.to_string(), ToString::to_string))
}
