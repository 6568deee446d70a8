//! What may be under way at once.
//!
//! Whoever comes when the service has its hands full is told so at once: to wait would only be to
//! answer everybody late. Who sends slowly takes no place until all of the body is there, so that
//! slow senders keep nobody else out.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::task::yield_now;

use crate::backlog::Backlog;
use crate::error::Error;

/// Requests that are being executed.
const PLACES: usize = 512;
/// Open WebSockets.
const SOCKETS: usize = 1_000;
/// A client that has all it may have may try again after this time.
const SOCKET_WAIT: Duration = Duration::from_secs(10);
/// Bytes of large bodies that are being received.
const LARGE_BODIES: usize = 64 << 20;
/// A body up to this size counts for nothing: the number of connections, which open files bound, does
/// for them.
const SMALL_BODY: usize = 16 << 10;
/// A body must have come within this time, however large it is.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// A request should not wait for a processor any longer.
const LONGEST_TURN: Duration = Duration::from_millis(100);

/// Exports that are under way.
const EXPORTS: usize = 4;

/// The places and the room of an instance.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    large_bodies: Semaphore,
    turns: Backlog,
    sockets: Arc<Semaphore>,
    shares: Shares,
    exports: Arc<Semaphore>,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Incomplete {
    /// Than so many bytes.
    TooLarge(usize),
    TooSlow,
    Refused(Error),
}

impl Incomplete {
    /// What the client is told, and the status that says it.
    pub(super) fn told(&self) -> (StatusCode, String) {
        match self {
            Self::TooLarge(limit) => {
                let limit = match limit % 1024 {
                    0 => format!("{} KiB", limit >> 10),
                    _ => format!("{limit} bytes"),
                };
                (StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {limit}."))
            }
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "The body did not come in time.".to_owned())
            }
            Self::Refused(error) => (error.status(), error.to_string()),
        }
    }
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self {
            places: Semaphore::new(PLACES),
            large_bodies: Semaphore::new(LARGE_BODIES),
            turns: Backlog::new(LONGEST_TURN),
            sockets: Arc::new(Semaphore::new(SOCKETS)),
            shares: Shares::default(),
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

    /// A place to be kept as long as a WebSocket is open, of which a client may have so many.
    pub(super) fn socket(&self, most: Option<(IpAddr, NonZeroU32)>) -> Result<SocketPlace, Error> {
        let place = self.sockets.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let share = most.map(|(network, most)| Share::of(&self.shares, network, most));
        Ok(SocketPlace { _place: place, _share: share.transpose()? })
    }

    /// Reads a body of at most `limit` bytes, and waits for its turn.
    pub(super) async fn body(&self, body: Body, limit: usize) -> Result<Bytes, Incomplete> {
        // What says of itself that it is too large is not waited for.
        if body.size_hint().lower() > limit as u64 {
            return Err(Incomplete::TooLarge(limit));
        }
        let mut is_refused = false;
        let read = tokio::time::timeout(BODY_TIMEOUT, self.read(body, limit, &mut is_refused));
        let body = match read.await {
            Ok(read) => read?,
            Err(_) if is_refused => return Err(Incomplete::Refused(Error::Busy)),
            Err(_) => return Err(Incomplete::TooSlow),
        };
        self.turn(body.len()).await?;
        Ok(body)
    }

    /// Waits for a turn on a processor, behind all who have come before.
    ///
    /// Whoever else is at the door meanwhile comes to this point too: only so it is known how many
    /// there are, before work is done for any of them.
    async fn turn(&self, bytes: usize) -> Result<(), Incomplete> {
        let place = self.turns.enter(bytes).ok_or(Incomplete::Refused(Error::Busy))?;
        yield_now().await;
        place.adapt(place.bytes());
        Ok(())
    }

    /// Takes room for a large body as it comes: what is not there yet takes none.
    async fn read(
        &self,
        mut body: Body,
        limit: usize,
        is_refused: &mut bool,
    ) -> Result<Bytes, Incomplete> {
        let mut bytes = Vec::new();
        let mut room: Option<SemaphorePermit<'_>> = None;
        while let Some(data) = next(&mut body).await? {
            if bytes.is_empty() && body.is_end_stream() && data.len() <= SMALL_BODY {
                return Ok(data);
            }
            bytes.extend_from_slice(&data);
            if bytes.len() > limit {
                return Err(Incomplete::TooLarge(limit));
            }
            let held = room.as_ref().map_or(0, SemaphorePermit::num_permits);
            if bytes.len() <= SMALL_BODY || bytes.len() <= held {
                continue;
            }
            let more = u32::try_from(bytes.len() - held).unwrap_or(u32::MAX);
            match self.large_bodies.try_acquire_many(more) {
                Ok(more) => match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                },
                Err(_) => {
                    *is_refused = true;
                    drop((room, std::mem::take(&mut bytes)));
                    // To answer and hang up while the client still sends would lose it the answer.
                    drain(body, limit).await;
                    return Err(Incomplete::Refused(Error::Busy));
                }
            }
        }
        Ok(bytes.into())
    }
}

/// How many WebSockets each client has open: no more clients than there are sockets.
type Shares = Arc<Mutex<HashMap<IpAddr, u32>>>;

/// A place of a WebSocket.
#[derive(Debug)]
pub(super) struct SocketPlace {
    _place: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// One of the WebSockets of a client.
#[derive(Debug)]
struct Share {
    shares: Shares,
    network: IpAddr,
}

impl Share {
    fn of(shares: &Shares, network: IpAddr, most: NonZeroU32) -> Result<Self, Error> {
        let mut open = shares.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= most.get() {
            return Err(Error::RateLimited(SOCKET_WAIT));
        }
        *count += 1;
        Ok(Self { shares: shares.clone(), network })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

/// The next part of a body; None: there are no more.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Incomplete> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            // A client that goes away in the middle hears nothing anyway.
            Some(Err(_)) => return Err(Incomplete::TooSlow),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Receives up to `limit` bytes and keeps none.
async fn drain(mut body: Body, limit: usize) {
    let mut received = 0;
    while received <= limit
        && let Ok(Some(data)) = next(&mut body).await
    {
        received += data.len();
    }
}
