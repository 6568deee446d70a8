//! What the fuzz targets reach of the parts that read what strangers send. Not built otherwise.

#![allow(missing_docs)]

pub use crate::graphql::fuzzing::{cost, cursor, cursor_of};
pub use crate::http::fuzzing::{address, report};
