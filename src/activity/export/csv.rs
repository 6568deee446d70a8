//! An export for spreadsheets, which take some cells for formulas.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};

use super::Row;
use crate::error::Error;

const HEADER: [&str; 17] = [
    "cursor",
    "id",
    "date",
    "receivedAt",
    "name",
    "path",
    "referer",
    "userId",
    "username",
    "externalId",
    "sessionId",
    "sessionFirstSeenAt",
    "sessionLastSeenAt",
    "userAgent",
    "ipAddress",
    "properties",
    "truncated",
];

/// Rows as lines of CSV (RFC 4180).
pub(super) fn write<'a>(
    rows: impl Iterator<Item = Row<'a>>,
    with_header: bool,
) -> Result<Vec<u8>, Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::with_capacity(256 << 10));
    if with_header {
        writer.write_record(HEADER).map_err(Error::internal)?;
    }
    for Row { cursor, activity, user, session } in rows {
        let properties = activity.properties.as_ref().map(ToString::to_string);
        let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let cells = [
            cursor.into(),
            activity.id.to_string().into(),
            time(activity.date).into(),
            time(activity.received_at).into(),
            safe(&activity.name),
            safe(&activity.path),
            safe(activity.referer.as_deref().unwrap_or_default()),
            id(activity.user_id).into(),
            safe(user.map_or("", |user| &user.username)),
            safe(user.and_then(|user| user.external_id.as_deref()).unwrap_or_default()),
            id(activity.session_id).into(),
            session.map(|session| time(session.first_seen_at)).unwrap_or_default().into(),
            session.map(|session| time(session.last_seen_at)).unwrap_or_default().into(),
            safe(session.map_or("", |session| &session.user_agent)),
            safe(activity.ip_address.as_deref().unwrap_or_default()),
            safe(properties.as_deref().unwrap_or_default()),
            activity.truncated.to_string().into(),
        ];
        writer
            .write_record(cells.iter().map(|cell: &Cow<'_, str>| cell.as_bytes()))
            .map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A text that no spreadsheet takes for a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>), nor a terminal for an order.
fn safe(text: &str) -> Cow<'_, str> {
    let is_formula =
        text.trim_start_matches(' ').starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if !is_formula && !text.contains(char::is_control) {
        return text.into();
    }
    let quote = if is_formula { "'" } else { "" };
    format!("{quote}{}", text.replace(char::is_control, "\u{FFFD}")).into()
}
