//! What can go wrong, told to the client in a sentence and to the operator in the log.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Every failure of djaffar.
///
/// `Display` is the sentence for the client and holds nothing secret; `source()` is the cause, for
/// the log alone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request can't be understood, and repeating it won't help.
    #[error("{0}")]
    BadInput(Cow<'static, str>),
    /// The order can't be carried out as it stands, and whoever gave it can mend that.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The credentials are wrong, or there are none where some are needed.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The queue of the writer is full; nothing was stored.
    #[error("The server is busy; try again in a moment.")]
    Busy,
    /// The commit failed, and the writer has logged why; or the instance is stopping. With the same
    /// `id` a retry is safe.
    #[error("The activity could not be stored; try again in a moment.")]
    NotStored,
    /// The caller comes too often, and may come back after this time.
    #[error("Too many requests; try again later.")]
    RateLimited(Duration),
    /// The database took too long to answer, and was told to stop.
    #[error("The query took too long; narrow it down.")]
    TooSlow,
    /// A change takes longer than anybody should wait for. It goes on, and may well be done.
    #[error("This takes long and may be done yet; look whether it is before you try again.")]
    Unfinished,
    /// The database can't be opened, and why.
    #[error("The database {what} can't be opened: {cause}")]
    Unopened {
        /// Its file, or where it is.
        what: String,
        /// What the database or the system says.
        cause: String,
    },
    /// The database failed to answer.
    #[error("{}", if is_transient(.0) { UNAVAILABLE } else { INTERNAL })]
    Database(#[source] DbErr),
    /// The session store failed to answer.
    #[error("{UNAVAILABLE}")]
    Session(#[from] tower_sessions::session::Error),
    /// The keys that tokens are verified by can't be had; why is logged where it was found out.
    #[error("The token can't be verified at the moment; try again.")]
    Keys(Box<dyn std::error::Error + Send + Sync>),
    /// A fault of the server.
    #[error("{INTERNAL}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why an order is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What is at fault, by the name it has in the API.
    pub field: &'static str,
    /// The same for programs.
    pub reason: Reason,
    /// The same for people, in a sentence.
    pub message: Cow<'static, str>,
}

/// Why an order is refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not of the right form.
    Invalid,
    /// Somebody else has it.
    Taken,
    /// There is no such thing.
    NotFound,
    /// No active admin would be left.
    LastAdmin,
}

const UNAVAILABLE: &str = "The database does not answer; try again in a moment.";
const INTERNAL: &str = "Internal server error.";

impl Error {
    pub(crate) fn bad_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::BadInput(message.into())
    }

    pub(crate) fn refused(
        field: &'static str,
        reason: Reason,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Refused(Refusal { field, reason, message: message.into() })
    }

    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The HTTP status that says it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadInput(_) | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::TooSlow | Self::Unfinished => StatusCode::GATEWAY_TIMEOUT,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy
            | Self::NotStored
            | Self::Unopened { .. }
            | Self::Session(_)
            | Self::Keys(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(cause) if is_transient(cause) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code that GraphQL clients find in `extensions.code`.
    pub fn code(&self) -> &'static str {
        match self.status() {
            StatusCode::BAD_REQUEST => "BAD_USER_INPUT",
            StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
            StatusCode::FORBIDDEN => "FORBIDDEN",
            StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
            StatusCode::GATEWAY_TIMEOUT => "TIMEOUT",
            StatusCode::TOO_MANY_REQUESTS => "RATE_LIMITED",
            _ => "INTERNAL_SERVER_ERROR",
        }
    }

    /// After so many seconds the client should come back, if it should.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited(wait) => Some(wait.as_secs() + 1),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(1),
            _ => None,
        }
    }

    /// The headers that go with the status.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers
    }

    /// Writes the cause to the log, if there is one that isn't there yet.
    ///
    /// Called once, by whoever does not pass the error on: the door that answers the client, or a
    /// task in the background.
    pub(crate) fn log(&self) {
        if let Some(cause) = std::error::Error::source(self) {
            tracing::error!(error.cause = %cause, error.code = self.code(), "request failed");
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        // PostgreSQL: query_canceled, by its statement_timeout. SQLite: INTERRUPT.
        match code(&error).as_deref() {
            Some("57014" | "9") => Self::TooSlow,
            _ => Self::Database(error),
        }
    }
}

/// The code that the database gave its error.
fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return None;
    };
    let RuntimeErr::SqlxError(cause) = cause else { return None };
    cause.as_database_error()?.code().map(Cow::into_owned)
}

/// Whether another process has the SQLite file for itself (BUSY, with whatever the reason).
pub(crate) fn is_locked(error: &DbErr) -> bool {
    let number = code(error).and_then(|code| code.parse::<u32>().ok());
    number.is_some_and(|number| number & 0xff == 5)
}

/// Whether the database may well answer the next time: it was full, busy, restarting or away.
pub(crate) fn is_transient(error: &DbErr) -> bool {
    let (DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(cause) = cause else {
        return false;
    };
    match cause.as_ref() {
        SqlxError::Io(_) | SqlxError::PoolTimedOut | SqlxError::PoolClosed => true,
        SqlxError::WorkerCrashed => true,
        SqlxError::Database(cause) => cause.code().is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

/// PostgreSQL: classes 08, 25, 53, 57 and 58 (<https://www.postgresql.org/docs/15/errcodes-appendix.html>).
/// SQLite: BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN in the low byte
/// (<https://sqlite.org/rescode.html>); an error of the disk while the schema is read is CORRUPT.
fn is_transient_code(code: &str) -> bool {
    match code.len() {
        5 => ["08", "25", "53", "57", "58"].iter().any(|class| code.starts_with(class)),
        _ => {
            code.parse::<u32>().is_ok_and(|code| [5, 6, 8, 10, 11, 13, 14].contains(&(code & 0xff)))
        }
    }
}
