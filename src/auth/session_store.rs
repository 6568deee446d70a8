//! What tower-sessions needs to keep its sessions in our tables.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use uuid::Uuid;

use super::sessions::{Live, Sessions, hash, key};
use crate::store::entity::{session, session_key};
use crate::store::{Batch, Seen, Subject, Timestamp};

#[async_trait]
impl SessionStore for Sessions {
    /// Writes a session under a new key. A key that exists is an error, never overwritten.
    async fn create(&self, record: &mut Record) -> Result<()> {
        let Some(id) = field(record, key::ID) else {
            return Err(Error::Encode("a session without a public id".to_owned()));
        };
        let user_id: Option<Uuid> = field(record, key::USER);
        let now = Timestamp::now();
        let expires_at = timestamp(record.expiry_date);
        let session = session::Model {
            id,
            user_id,
            user_agent: field(record, key::USER_AGENT).unwrap_or_default(),
            first_seen_at: now,
            last_seen_at: now,
        };
        let key_hash = hash(&record.id);
        let key =
            session_key::Model { key_hash, session_id: id, user_id, created_at: now, expires_at };
        let batch = Batch { sessions: vec![session], session_keys: vec![key], ..Batch::default() };
        self.store.commit(batch).await.map_err(backend)?;
        let live = Live { id, user_id, seen_at: now, expires_at };
        self.live.insert(record.id, Some(live)).await;
        Ok(())
    }

    /// Notes a sign of life. A session that was ended meanwhile stays so: this only updates.
    async fn save(&self, record: &Record) -> Result<()> {
        let Some(mut live) = self.live.get(&record.id).await.flatten() else { return Ok(()) };
        let seen_at = field(record, key::SEEN).map_or(live.seen_at, Timestamp);
        if seen_at <= live.seen_at {
            return Ok(());
        }
        let expires_at = timestamp(record.expiry_date);
        let key_hash = hash(&record.id);
        let subjects = [
            Some(Subject::Session(live.id)),
            Some(Subject::SessionKey { key_hash, expires_at }),
            live.user_id.map(Subject::User),
        ];
        let seen = subjects.into_iter().flatten().map(|what| Seen { what, at: seen_at });
        self.store.note(seen.collect());
        live.seen_at = seen_at;
        live.expires_at = expires_at;
        self.live
            .entry(record.id)
            .and_compute_with(async |entry| match entry.map(|entry| entry.into_value()) {
                Some(Some(_)) => moka::ops::compute::Op::Put(Some(live)),
                _ => moka::ops::compute::Op::Nop,
            })
            .await;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(live) = self.find(id).await.map_err(backend)? else { return Ok(None) };
        let mut data = std::collections::HashMap::with_capacity(3);
        data.insert(key::ID.to_owned(), Value::String(live.id.to_string()));
        data.insert(key::SEEN.to_owned(), Value::from(live.seen_at.0));
        if let Some(user_id) = live.user_id {
            data.insert(key::USER.to_owned(), Value::String(user_id.to_string()));
        }
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

fn timestamp(date: OffsetDateTime) -> Timestamp {
    Timestamp(i64::try_from(date.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
}

fn backend(error: crate::error::Error) -> Error {
    error.log();
    Error::Backend(error.to_string())
}
