//! One test binary. Tests speak through the public doors, each on a database of its own.
//!
//! On SQLite, or on PostgreSQL if `DJAFFAR_TEST_POSTGRES_URL` names a server on which databases may
//! be made.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod harness;

mod addresses;
mod admin;
mod asvs;
mod audit;
mod browser;
mod clients;
mod command_line;
mod console;
mod exactly_once;
mod export;
mod faults;
mod filters;
mod graphql_http;
mod host;
mod hostile;
mod jwt;
mod layering;
mod legacy_form;
mod limits;
mod log_activity;
mod operation;
mod origins;
mod overload;
mod pages;
mod persisted_queries;
mod privacy;
mod rates;
mod retention;
mod rights;
mod rollups;
mod schema;
mod schemathesis;
mod sessions;
mod setup;
mod stats;
mod subscriptions;
mod timeline;
mod tokens;
mod tracker;
mod tracker_batch;
mod web;
