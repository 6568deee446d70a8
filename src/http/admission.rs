//! What may be under way at once.
//!
//! Whoever comes when the service has its hands full is told so at once: to wait would only be to
//! answer everybody late. Who sends slowly takes no place until all of the body is there, so that
//! slow senders keep nobody else out.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;

/// Requests that are being executed.
const PLACES: usize = 512;
/// Bytes of large bodies that are being received.
const LARGE_BODIES: usize = 64 << 20;
/// A body up to this size counts for nothing; the number of connections bounds them.
const SMALL_BODY: usize = 16 << 10;
/// A body must have come within this time, however large it is.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The places and the room of an instance.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    large_bodies: Semaphore,
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
        Self { places: Semaphore::new(PLACES), large_bodies: Semaphore::new(LARGE_BODIES) }
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
        if self.places.available_permits() == 0 {
            return Err(Incomplete::Refused(Error::Busy));
        }
        let _room = self.room(size.upper().map_or(limit, |upper| limit.min(upper as usize)))?;
        match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
            Ok(read) => read.map_err(|_| Incomplete::TooLarge),
            Err(_) => Err(Incomplete::TooSlow),
        }
    }

    fn room(&self, size: usize) -> Result<Option<SemaphorePermit<'_>>, Incomplete> {
        if size <= SMALL_BODY {
            return Ok(None);
        }
        let permits = u32::try_from(size).unwrap_or(u32::MAX);
        let room = self.large_bodies.try_acquire_many(permits);
        room.map(Some).map_err(|_| Incomplete::Refused(Error::Busy))
    }
}
