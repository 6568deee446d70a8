//! Expected refusals: what the client can mend by itself.

use async_graphql::{Enum, SimpleObject};

use crate::activity::{Fault, FieldError};
use crate::error::{Reason, Refusal};

/// Why something was refused that the client can mend.
#[derive(Clone, SimpleObject)]
pub(in crate::graphql) struct UserError {
    /// The input field at fault, from the outside in; null: the input as a whole.
    field: Option<Vec<&'static str>>,
    /// A sentence for people.
    message: String,
    /// The same for programs.
    code: UserErrorCode,
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum UserErrorCode {
    /// It must be given.
    Required,
    /// It must not be blank.
    Blank,
    /// It is not of the right form.
    Invalid,
    /// There are too many.
    TooMany,
    /// The name or the password is wrong.
    InvalidCredentials,
    /// Somebody else has it.
    Taken,
    /// There is no such thing.
    NotFound,
    /// No active admin would be left.
    LastAdmin,
}

impl UserError {
    pub(in crate::graphql) fn new(
        field: &'static str,
        code: UserErrorCode,
        message: impl Into<String>,
    ) -> Self {
        Self { field: Some(vec![field]), message: message.into(), code }
    }

    /// The same whichever of the two is wrong.
    pub(in crate::graphql) fn invalid_credentials() -> Self {
        let message = "The name or the password is wrong.".to_owned();
        Self { field: None, message, code: UserErrorCode::InvalidCredentials }
    }
}

impl From<FieldError> for UserError {
    fn from(error: FieldError) -> Self {
        let code = match error.fault {
            Fault::Required => UserErrorCode::Required,
            Fault::Blank => UserErrorCode::Blank,
            Fault::Invalid => UserErrorCode::Invalid,
            Fault::TooMany => UserErrorCode::TooMany,
        };
        Self::new(error.field, code, error.message)
    }
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.reason {
            Reason::Invalid => UserErrorCode::Invalid,
            Reason::Taken => UserErrorCode::Taken,
            Reason::NotFound => UserErrorCode::NotFound,
            Reason::LastAdmin => UserErrorCode::LastAdmin,
        };
        Self::new(refusal.field, code, refusal.message)
    }
}
