//! `POST /logs/batch`: where the tracker hands in what it has queued.
//!
//! A page of another site may send it without a preflight, which it would not live to see answered
//! while it is being closed (a "simple" request of <https://fetch.spec.whatwg.org/#simple-header>:
//! JSON that calls itself `text/plain`). Such a page has no cookie of ours: it keeps the token of
//! its visitor itself, and shows the token of its user in the body.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::caller::{credentials, header};
use super::log::{messages, refusal};
use super::origin::Site;
use super::rate;
use super::report::Unreadable;
use crate::activity::{Draft, FieldError, Report, parse_date};
use crate::app::App;
use crate::auth::{Viewer, Visitor};
use crate::error::Error;
use crate::uncancelled::uncancelled;

/// Most activities of one batch.
const MAX_ACTIVITIES: usize = 100;

/// What a tracker sends.
#[derive(Deserialize)]
#[serde(expecting = "one JSON object")]
struct Body {
    /// Each is read by itself, so that one that can't be read leaves the others alone.
    activities: Vec<Box<RawValue>>,
    /// As it was given before.
    visitor: Option<String>,
    /// The bearer token of the page's user.
    token: Option<String>,
}

/// What became of it.
#[derive(Serialize)]
struct Answer {
    /// To be kept by the page and shown the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    visitor: Option<String>,
    /// One for each activity, in their order.
    results: Vec<Outcome>,
}

/// What became of an activity: with errors it will never be taken.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Taken { id: Uuid },
    Refused { id: Option<Value>, errors: BTreeMap<&'static str, Vec<String>> },
}

/// Logs up to a hundred activities at once. The bad ones are named, all others are stored together.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match app.admission.body(body, app.config.limits.log_body).await {
        Ok(body) => body,
        Err(incomplete) => return Unreadable::Incomplete(incomplete).into_response(),
    };
    let body = match read(&parts, &body) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    match uncancelled(take(app, parts, body)).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refusal(&error),
    }
}

fn read(parts: &Parts, body: &Bytes) -> Result<Body, Unreadable> {
    let content_type = header(parts, &CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !["text/plain", "application/json"].iter().any(|it| it.eq_ignore_ascii_case(media_type)) {
        return Err(Unreadable::MediaType(content_type.chars().take(100).collect()));
    }
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| Unreadable::Malformed(format!("JSON parse error - {error}")))?;
    let count = body.activities.len();
    if !(1..=MAX_ACTIVITIES).contains(&count) {
        let message = format!("Give between 1 and {MAX_ACTIVITIES} activities, not {count}.");
        return Err(Unreadable::Malformed(message));
    }
    Ok(body)
}

/// As [`super::log`] does, whether or not the page is still there.
async fn take(app: Arc<App>, parts: Parts, body: Body) -> Result<Answer, Error> {
    app.store.admit()?;
    let place = app.admission.enter()?;
    let (viewer, visitor) = viewer(&app, &parts, body.visitor, body.token).await?;
    let reporter = viewer.reporter(app.config.require_user)?;
    let drafts: Vec<_> = body.activities.iter().map(|it| draft(it)).collect();
    let good: Vec<Draft> = drafts.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
    drop(place);
    if !good.is_empty() {
        app.activities.record(&reporter, good).await?;
    }
    let outcome = |draft: Result<Draft, (Option<Value>, Vec<FieldError>)>| match draft {
        // One whose id is somebody else's is there, and need not be sent again either.
        Ok(draft) => Outcome::Taken { id: draft.id },
        Err((id, errors)) => Outcome::Refused { id, errors: messages(errors) },
    };
    Ok(Answer { visitor, results: drafts.into_iter().map(outcome).collect() })
}

/// Who sends it; and the token of the visitor, if they have none yet and no cookie reaches them.
async fn viewer(
    app: &App,
    parts: &Parts,
    visitor: Option<String>,
    token: Option<String>,
) -> Result<(Viewer, Option<String>), Error> {
    let mut credentials = credentials(app, parts)?;
    if let Some(token) = token {
        let authorization = format!("Bearer {token}");
        rate::count(app, None, Some(&authorization))?;
        credentials.authorization = Some(authorization);
    }
    let mut news = None;
    let is_elsewhere = parts.extensions.get() == Some(&Site::Other);
    if is_elsewhere || visitor.is_some() {
        let known = visitor.and_then(|visitor| visitor.parse().ok());
        let visitor = known.unwrap_or_else(|| {
            let visitor = Visitor::new();
            news = Some(visitor.to_string());
            visitor
        });
        credentials.visitor = Some(visitor);
    }
    Ok((app.auth.viewer(credentials).await?, news))
}

/// Checks an activity; if it can't be taken, with the id by which the page knows it.
fn draft(raw: &RawValue) -> Result<Draft, (Option<Value>, Vec<FieldError>)> {
    let mut fields: Map<String, Value> = serde_json::from_str(raw.get()).map_err(|error| {
        let message = format!("This is not an activity that can be read: {error}");
        // As it is when half a character stands in a text: the id may be whole.
        let parts: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(raw.get()).ok();
        let id = parts.and_then(|parts| serde_json::from_str(parts.get("id")?.get()).ok());
        (id, vec![FieldError::invalid("activity", message)])
    })?;
    let given_id = fields.get("id").cloned();
    let mut errors = Vec::new();
    let id = text(&mut fields, "id", &mut errors);
    let id = id.and_then(|id| parsed("id", id.parse().ok(), "This is not a UUID.", &mut errors));
    let date = text(&mut fields, "date", &mut errors);
    let date = date.and_then(|date| {
        parsed("date", parse_date(&date), "This is not a date of ISO 8601.", &mut errors)
    });
    let report = Report {
        id,
        date,
        path: text(&mut fields, "path", &mut errors),
        referer: text(&mut fields, "referer", &mut errors),
        name: text(&mut fields, "name", &mut errors),
        properties: fields.remove("properties"),
    };
    match Draft::parse(report) {
        Ok(draft) if errors.is_empty() => Ok(draft),
        Ok(_) => Err((given_id, errors)),
        Err(more) => {
            errors.extend(more);
            Err((given_id, errors))
        }
    }
}

fn text(
    fields: &mut Map<String, Value>,
    name: &'static str,
    errors: &mut Vec<FieldError>,
) -> Option<String> {
    match fields.remove(name)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        _ => {
            errors.push(FieldError::invalid(name, "This is not a text."));
            None
        }
    }
}

fn parsed<T>(
    name: &'static str,
    value: Option<T>,
    message: &str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    if value.is_none() {
        errors.push(FieldError::invalid(name, message));
    }
    value
}
