//! An export for programs: every value as it is.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::Row;
use super::csv::time;
use crate::error::Error;

/// A line. The names are those of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    cursor: &'a str,
    id: Uuid,
    date: String,
    received_at: String,
    name: &'a str,
    path: &'a str,
    referer: Option<&'a str>,
    user: Option<User<'a>>,
    session: Option<Session<'a>>,
    ip_address: Option<&'a str>,
    properties: Option<&'a Value>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    id: Uuid,
    username: Option<&'a str>,
    external_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    id: Uuid,
    first_seen_at: Option<String>,
    last_seen_at: Option<String>,
    user_agent: Option<&'a str>,
}

/// Rows as lines of JSON.
pub(super) fn write<'a>(rows: impl Iterator<Item = Row<'a>>) -> Result<Vec<u8>, Error> {
    let mut lines = Vec::with_capacity(256 << 10);
    for Row { cursor, activity, user, session } in rows {
        let line = Line {
            cursor: &cursor,
            id: activity.id,
            date: time(activity.date),
            received_at: time(activity.received_at),
            name: &activity.name,
            path: &activity.path,
            referer: activity.referer.as_deref(),
            user: activity.user_id.map(|id| User {
                id,
                username: user.map(|user| user.username.as_str()),
                external_id: user.and_then(|user| user.external_id.as_deref()),
            }),
            session: activity.session_id.map(|id| Session {
                id,
                first_seen_at: session.map(|session| time(session.first_seen_at)),
                last_seen_at: session.map(|session| time(session.last_seen_at)),
                user_agent: session.map(|session| session.user_agent.as_str()),
            }),
            ip_address: activity.ip_address.as_deref(),
            properties: activity.properties.as_ref(),
            truncated: activity.truncated,
        };
        serde_json::to_writer(&mut lines, &line).map_err(Error::internal)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
