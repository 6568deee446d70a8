//! What may be under way at once.
//!
//! Whoever comes when the service has its hands full is told so at once: to wait would only be to
//! answer everybody late. Who sends slowly takes no place until all of the body is there, so that
//! slow senders keep nobody else out.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};

use crate::error::Error;

/// Requests that are being executed.
const PLACES: usize = 512;
/// Bytes of large bodies that are being received.
const LARGE_BODIES: usize = 64 << 20;
/// A body up to this size counts for nothing; the number of connections bounds them.
const SMALL_BODY: usize = 16 << 10;
/// A body must have come within this time, however large it is.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Exports that are under way.
const EXPORTS: usize = 4;

/// The places and the room of an instance.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    large_bodies: Semaphore,
    exports: Arc<Semaphore>,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Incomplete {
    TooLarge,
    TooSlow,
    Refused(Error),
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self {
            places: Semaphore::new(PLACES),
            large_bodies: Semaphore::new(LARGE_BODIES),
            exports: Arc::new(Semaphore::new(EXPORTS)),
        }
    }

    /// A place to be kept until an export is complete.
    pub(super) fn export(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.exports.clone().try_acquire_owned().map_err(|_| Error::Busy)
    }

    /// A place to be kept until the request is answered.
    pub(super) fn enter(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.places.try_acquire().map_err(|_| Error::Busy)
    }

    /// Reads a body of at most `limit` bytes.
    pub(super) async fn body(&self, body: Body, limit: usize) -> Result<Bytes, Incomplete> {
        let size = body.size_hint();
        // What says of itself that it is too large is not waited for.
        if size.lower() > limit as u64 {
            return Err(Incomplete::TooLarge);
        }
        let size = size.upper().map_or(limit, |upper| limit.min(upper as usize));
        let read = async {
            let Ok(_room) = self.room(size) else {
                // To answer and hang up while the client still sends would lose it the answer.
                drain(body, limit).await;
                return Err(Incomplete::Refused(Error::Busy));
            };
            to_bytes(body, limit).await.map_err(|_| Incomplete::TooLarge)
        };
        tokio::time::timeout(BODY_TIMEOUT, read).await.unwrap_or(Err(Incomplete::TooSlow))
    }

    fn room(&self, size: usize) -> Result<Option<SemaphorePermit<'_>>, TryAcquireError> {
        if size <= SMALL_BODY {
            return Ok(None);
        }
        let permits = u32::try_from(size).unwrap_or(u32::MAX);
        self.large_bodies.try_acquire_many(permits).map(Some)
    }
}

/// Receives up to `limit` bytes and keeps none.
async fn drain(mut body: Body, limit: usize) {
    let mut received = 0;
    while received <= limit
        && let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        received += frame.data_ref().map_or(0, Bytes::len);
    }
}
