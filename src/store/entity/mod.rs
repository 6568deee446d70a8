//! Rows as the database holds them, one file per table.

pub(crate) mod activity;
pub(crate) mod api_token;
pub(crate) mod audit_event;
pub(crate) mod erasure;
pub(crate) mod rollup;
pub(crate) mod rollup_item;
pub(crate) mod rollup_stale;
pub(crate) mod rollup_state;
pub(crate) mod rollup_term;
pub(crate) mod session;
pub(crate) mod session_key;
pub(crate) mod user;
