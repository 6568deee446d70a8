//! Bodies of requests, read up to a size and within a time.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};

/// A body must have come within this time, however large it is.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body was not read to its end.
#[derive(Debug, PartialEq)]
pub(super) enum Incomplete {
    TooLarge,
    TooSlow,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Incomplete> {
    // What says of itself that it is too large is not waited for.
    if body.size_hint().lower() > limit as u64 {
        return Err(Incomplete::TooLarge);
    }
    match tokio::time::timeout(TIMEOUT, to_bytes(body, limit)).await {
        Ok(read) => read.map_err(|_| Incomplete::TooLarge),
        Err(_) => Err(Incomplete::TooSlow),
    }
}
