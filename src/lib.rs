//! Know what your users do, even when they never hit your server.
//!
//! A front end reports each activity; djaffar adds what the browser can't be trusted to say (the
//! verified user, the browser session, the user agent, the IP address) and keeps it. Staff read it
//! by GraphQL. This is the library: nest its router in your own axum application, or run the
//! `djaffar` program.
//!
//! # Layout
//!
//! Five rooms, and data flows one way: doors, domain, store.
//!
//! - `http`, `graphql` and `cli` are the doors: they read what somebody asks and word the answer.
//! - `activity`, `auth` and `privacy` are the domain: what an activity is, who the caller is and
//!   what they may, and what is held on people.
//! - `store` holds the database: connections, the writer, every query by name.
//!
//! An activity comes in through `http::log` or `graphql::mutation`, becomes a `Draft` in
//! `activity`, which finds its session in `auth` and hands the row to the writer of `store`; the
//! answer goes back when the row is on disk.
//!
//! # Nesting
//!
//! The README shows it in ten lines, which are tested; [`Djaffar`] is where to begin.

// Some of the administration has no other door than the command line.
#![cfg_attr(not(feature = "cli"), expect(dead_code))]

mod activity;
mod app;
mod auth;
mod backlog;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod config;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod graphql;
mod http;
mod metrics;
mod privacy;
mod store;
mod throttle;
mod uncancelled;

pub use app::{Builder, Djaffar};
pub use auth::{Identity, Role};
pub use config::{
    Config, Introspection, IpStorage, JwtAlgorithm, JwtConfig, JwtKeys, Limits, Mode, ProxyHeader,
    Rates,
};
pub use error::Error;
pub use graphql::sdl;
pub use privacy::Retention;
pub use store::Database;

/// Runs the Rust examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
