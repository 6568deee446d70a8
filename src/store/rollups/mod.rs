//! Rollups: what happened in each five minutes, each hour and on each day, counted in advance.
//!
//! # What is kept
//!
//! For each five minutes, each hour and each day of UTC: how many activities, the exact sets of their
//! users and sessions, and the same for each path, referer, host of a referer, name, user and user
//! agent. Five minutes are short, because of what lies at the ends of a range, or is still being
//! written to, the log itself is read; and the days of all time zones begin with them.
//! Users, sessions and texts are known by small numbers ([`terms`]), so a set is a byte or two for each member
//! ([`packed`]), and sets of several periods are merged without an error: no count is estimated.
//!
//! # Why it costs the writer nothing
//!
//! The log is the truth, and a rollup is never adjusted: it is computed anew from the log
//! ([`fold`]). What has to be right at every moment is only the knowledge of which rollups can be
//! relied on: a period is *stale* while `djaffar_rollup_stale` has a row for it, and of a stale
//! period the log itself is read, by its index on the date. So:
//!
//! - Whoever writes, changes or deletes activities of a period makes sure of such a row in the same
//!   transaction. The writer does so for the first batch only: it *holds* the row, knows that it is
//!   there, and writes later batches in one statement as if there were no rollups ([`claims`]).
//!   When nothing has come for the period for a while, it lets go.
//! - Whoever rolls up first reads the rows of a period, then the log, and then in one transaction
//!   writes the rollup and deletes the rows that it has read. If one of them is gone, somebody else
//!   was faster, and nothing is written. If one has come meanwhile, the period stays stale.
//! - An hour is made of its five minutes in the same manner, and a day of its hours: writing one of them
//!   makes the whole stale.
//!
//! On SQLite there is one connection that writes, so whoever rolls up counts and packs beforehand, and
//! has it for short transactions only.
//!
//! Terms of which nothing is counted any more are forgotten, every day and before an erasure is
//! complete ([`sweep`]).
//!
//! Late events, retries, erasures and crashes need nothing of their own: a late event makes an old
//! period stale, a repeated id stores nothing, and what a killed process held is taken over after
//! [`HELD_FOR`]. Counting each batch into the rollups instead would cost the writer a second
//! statement and a transaction around both, and still need all of this for what is erased.

mod claims;
mod fold;
mod packed;
mod stale;
mod summary;
mod sweep;
pub(super) mod terms;

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait};

pub(super) use claims::Claims;
pub(crate) use stale::mark_stale;
use stale::stale;
pub(super) use stale::{insert_stale, mark_sessions_stale};
pub(crate) use summary::{Dimension, Totals};
pub(super) use summary::{Item, Items, PackedItems, renumber_items};
pub(super) use terms::Kind;

use super::Timestamp;

/// What a writer holds without a sign of life for so long may be rolled up.
const HELD_FOR: Duration = Duration::from_secs(600);

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    FiveMinutes,
    Hour,
    Day,
}

impl Level {
    /// In microseconds; so the tables know it.
    pub(super) const fn length(self) -> i64 {
        match self {
            Self::FiveMinutes => 300_000_000,
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
        }
    }

    /// What it is made of; None: of the log.
    const fn part(self) -> Option<Self> {
        match self {
            Self::FiveMinutes => None,
            Self::Hour => Some(Self::FiveMinutes),
            Self::Day => Some(Self::Hour),
        }
    }

    /// What is made of it.
    const fn whole(self) -> Option<Self> {
        match self {
            Self::FiveMinutes => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// Where the parts of a period begin.
    fn parts(self, part: Self, start: Timestamp) -> impl Iterator<Item = Timestamp> {
        (0..self.length() / part.length()).map(move |n| start.plus_micros(n * part.length()))
    }

    /// The beginning of the period in which a date lies.
    pub(super) fn start_of(self, date: Timestamp) -> Timestamp {
        Timestamp(date.0 - date.0.rem_euclid(self.length()))
    }

    /// The end of that period, as the database works it out: there the remainder of a date before 1970 is
    /// negative.
    fn end_of(self, date: Expr) -> Expr {
        let length = self.length();
        let after_start = date.clone().modulo(length).add(length).modulo(length);
        date.sub(after_start).add(length)
    }

    /// The first beginning of a period at or after a date.
    pub(super) fn next_start(self, date: Timestamp) -> Timestamp {
        self.start_of(date.plus_micros(self.length() - 1))
    }
}

/// Who has shown no sign of life since is dead.
fn died_before() -> Timestamp {
    Timestamp::now().plus_seconds(-HELD_FOR.as_secs().cast_signed())
}
