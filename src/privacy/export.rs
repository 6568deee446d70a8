//! Everything that is held on one person, as a file: one JSON object a line.
//!
//! First what is known of them: a line for the `user`, for each `token`, for each `session`. Between
//! these, what they did, as the log is exported. Chunk by chunk, like that.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Privacy;
use super::person::{Person, SESSIONS, unknown};
use crate::activity::{Export, Filter, Format, Key, Page, Position, Selection};
use crate::auth::audit::Action;
use crate::auth::{Admin, Session, SessionFilter, SessionSortKey, Staff, Token, User};
use crate::error::Error;

/// An export of one person that is under way.
#[derive(Debug)]
pub(crate) struct PersonExport {
    privacy: Privacy,
    staff: Staff,
    cursor: fn(&Position) -> String,
    parts: VecDeque<Part>,
}

#[derive(Debug)]
enum Part {
    Lines(Vec<Line>),
    Activities(Box<Export>),
    /// The sessions of a user from here on, and what was done in them before somebody logged in.
    Sessions(Uuid, Page),
}

/// A line about somebody. The names are those of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    #[serde(rename_all = "camelCase")]
    User {
        id: Uuid,
        username: String,
        external_id: Option<String>,
        role: &'static str,
        created_at: DateTime<Utc>,
        last_seen_at: Option<DateTime<Utc>>,
    },
    #[serde(rename_all = "camelCase")]
    Token { id: Uuid, name: String, created_at: DateTime<Utc>, last_used_at: Option<DateTime<Utc>> },
    #[serde(rename_all = "camelCase")]
    Session {
        id: Uuid,
        user_agent: String,
        first_seen_at: DateTime<Utc>,
        last_seen_at: DateTime<Utc>,
    },
}

impl Privacy {
    /// An export of what is held on a person, which is noted in the audit log.
    pub(crate) async fn export(
        &self,
        admin: &Admin,
        person: &Person,
        cursor: fn(&Position) -> String,
    ) -> Result<PersonExport, Error> {
        let mut parts = VecDeque::new();
        match person {
            Person::User(id) => {
                let user = self.auth.users.by_ids(&[*id]).await?.pop();
                let mut lines = vec![Line::from(user.ok_or_else(|| unknown("user"))?)];
                let tokens = self.auth.tokens.list(admin, Some(*id)).await?;
                lines.extend(tokens.into_iter().map(Line::from));
                parts.push_back(Part::Lines(lines));
                let page = Page { limit: SESSIONS, ..Page::default() };
                parts.push_back(Part::Sessions(*id, page));
            }
            Person::Session(id) => {
                let session = self.auth.sessions.by_ids(&[*id]).await?.pop();
                let session = session.ok_or_else(|| unknown("session"))?;
                parts.push_back(Part::Lines(vec![session.into()]));
            }
            Person::Ip(_) => {}
        }
        let (kind, _) = person.parts();
        let details = json!({ "person": kind });
        let event = admin.actor().did(Action::Export, person.subject(), Some(details));
        self.auth.audit.write(event).await?;
        let export = PersonExport { privacy: self.clone(), staff: admin.staff(), cursor, parts };
        let did = export.activities(person.filter());
        Ok(PersonExport { parts: export.parts.into_iter().chain([did]).collect(), ..export })
    }
}

impl PersonExport {
    /// The next piece of the file. None: it is complete.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let Some(part) = self.parts.pop_front() {
            match part {
                Part::Lines(lines) => return Ok(Some(written(&lines)?)),
                Part::Activities(mut export) => {
                    if let Some(piece) = export.next().await? {
                        self.parts.push_front(Part::Activities(export));
                        if piece.is_empty() {
                            continue;
                        }
                        return Ok(Some(piece));
                    }
                }
                Part::Sessions(user_id, page) => self.sessions(user_id, page).await?,
            }
        }
        Ok(None)
    }

    /// Puts a chunk of the sessions in front, and what comes after it.
    async fn sessions(&mut self, user_id: Uuid, mut page: Page) -> Result<(), Error> {
        let filter = SessionFilter { users: vec![vec![user_id]], ..SessionFilter::default() };
        let store = &self.privacy.store;
        let slice = store
            .sessions(&filter, SessionSortKey::FirstSeenAt, false, &page)
            .await?
            .map(Session::from);
        let Some(last) = slice.rows.last() else { return Ok(()) };
        if slice.has_next {
            let key = Key::Time(last.first_seen_at.into());
            page.after = Some(Position { key, id: last.id });
            self.parts.push_front(Part::Sessions(user_id, page));
        }
        // One by one, as an index has them by date.
        for session in slice.rows.iter().rev() {
            let of_session = Filter::Session(vec![session.id]);
            let before = Filter::All(vec![of_session, Filter::Anonymous(true)]);
            self.parts.push_front(self.activities(before));
        }
        self.parts.push_front(Part::Lines(slice.rows.into_iter().map(Line::from).collect()));
        Ok(())
    }

    fn activities(&self, filter: Filter) -> Part {
        let selection = Selection { filter, descending: false, after: None };
        let activities = &self.privacy.activities;
        let export = activities.export(&self.staff, selection, Format::Ndjson, self.cursor);
        Part::Activities(Box::new(export))
    }
}

fn written(lines: &[Line]) -> Result<Vec<u8>, Error> {
    let mut piece = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut piece, line).map_err(Error::internal)?;
        piece.push(b'\n');
    }
    Ok(piece)
}

impl From<User> for Line {
    fn from(user: User) -> Self {
        let User { id, username, external_id, role, created_at, last_seen_at, .. } = user;
        Self::User { id, username, external_id, role: role.as_str(), created_at, last_seen_at }
    }
}

impl From<Token> for Line {
    fn from(token: Token) -> Self {
        let Token { id, name, created_at, last_used_at, .. } = token;
        Self::Token { id, name, created_at, last_used_at }
    }
}

impl From<Session> for Line {
    fn from(session: Session) -> Self {
        let Session { id, user_agent, first_seen_at, last_seen_at, .. } = session;
        Self::Session { id, user_agent, first_seen_at, last_seen_at }
    }
}
