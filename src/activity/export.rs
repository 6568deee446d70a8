//! Everything that a filter lets through, row by row, as a file.
//!
//! Chunk by chunk by keyset: what is held in memory is one chunk, and nothing is read before it is
//! asked for. It is no snapshot: a row that comes in behind the place that was reached is not there.

mod csv;
mod ndjson;

use std::collections::HashMap;

use uuid::Uuid;

use super::{Activities, Activity, Filter, Key, Page, Position, readable};
use crate::auth::{Session, Staff, User};
use crate::error::Error;

/// Rows of a chunk.
const CHUNK: u64 = 1_000;

/// Which activities, in which order, and from where on.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub filter: Filter,
    pub descending: bool,
    pub after: Option<Position>,
}

/// What the file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For spreadsheets.
    Csv,
    /// For programs: one JSON object a line.
    Ndjson,
}

impl Format {
    /// The name of the format, as a file's name ends.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err("the format is csv or ndjson".to_owned()),
        }
    }
}

/// An export that is under way.
#[derive(Debug)]
pub(crate) struct Export {
    activities: Activities,
    selection: Selection,
    format: Format,
    cursor: fn(&Position) -> String,
    /// A file that goes on where another one has stopped has no header.
    needs_header: bool,
    is_done: bool,
}

/// An activity with what belongs to it.
struct Row<'a> {
    cursor: String,
    activity: &'a Activity,
    user: Option<&'a User>,
    session: Option<&'a Session>,
}

impl Activities {
    /// An export of what the selection lets through. The cursor in each row is worded by the door.
    pub(crate) fn export(
        &self,
        staff: &Staff,
        selection: Selection,
        format: Format,
        cursor: fn(&Position) -> String,
    ) -> Export {
        let filter = readable(&staff.reader(), selection.filter);
        let needs_header = selection.after.is_none();
        let selection = Selection { filter, ..selection };
        Export { activities: self.clone(), selection, format, cursor, needs_header, is_done: false }
    }
}

impl Export {
    /// The next piece of the file. None: it is complete.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.is_done {
            return Ok(None);
        }
        let Selection { filter, descending, after } = &self.selection;
        let page = Page { limit: CHUNK, after: after.clone(), ..Page::default() };
        let store = &self.activities.store;
        let slice = store.activities(filter, *descending, &page).await?.map(Activity::from);
        let users = by_id(slice.rows.iter().filter_map(|row| row.user_id));
        let users = store.users_by_id(&users).await?.into_iter();
        let users: HashMap<Uuid, User> = users.map(|user| (user.id, user.into())).collect();
        let sessions = by_id(slice.rows.iter().filter_map(|row| row.session_id));
        let sessions = store.sessions_by_id(&sessions).await?.into_iter();
        let sessions: HashMap<Uuid, Session> = sessions.map(|it| (it.id, it.into())).collect();
        let rows = slice.rows.iter().map(|activity| Row {
            cursor: (self.cursor)(&position(activity)),
            activity,
            user: activity.user_id.and_then(|id| users.get(&id)),
            session: activity.session_id.and_then(|id| sessions.get(&id)),
        });
        let piece = match self.format {
            Format::Csv => csv::write(rows, self.needs_header)?,
            Format::Ndjson => ndjson::write(rows)?,
        };
        self.needs_header = false;
        self.is_done = !slice.has_next;
        self.selection.after = slice.rows.last().map(position);
        Ok(Some(piece))
    }
}

fn position(activity: &Activity) -> Position {
    Position { key: Key::Time(activity.date.into()), id: activity.id }
}

/// Each id once.
fn by_id(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
