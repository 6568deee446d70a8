//! `POST /logs`: the form by which the clients of django-djaffar log, answered as it was there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::REFERER;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::admission::Incomplete;
use super::caller::{header, viewer};
use super::report::{Fields, Unreadable};
use crate::activity::{Draft, FieldError, Report, parse_date};
use crate::app::App;
use crate::error::Error;
use crate::uncancelled::uncancelled;

const MALFORMED_DATE: &str = "Datetime has wrong format. Use one of these formats instead: \
                              YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";

/// Logs an activity: 204, or 400 with the errors of each bad field.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match uncancelled(take(app, parts, body)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => *refusal,
    }
}

/// Whoever watches hears of what is stored, whether or not the client still waits for the answer.
async fn take(app: Arc<App>, parts: Parts, body: Body) -> Result<(), Box<Response>> {
    let refused = |error: Error| Box::new(refusal(&error));
    let referer = header(&parts, &REFERER);
    let (parts, fields) = Fields::read(&app, parts, body)
        .await
        .map_err(|unreadable| Box::new(unreadable.into_response()))?;
    let place = app.store.admit().and_then(|()| app.admission.enter()).map_err(refused)?;
    let viewer = viewer(&app, &parts).await.map_err(refused)?;
    let reporter = viewer.reporter(app.config.require_user).map_err(refused)?;
    let draft = draft(fields, referer).map_err(|errors| Box::new(field_errors(errors)))?;
    // How many wait for the disk is the queue's to say: reads go on meanwhile.
    drop(place);
    app.activities.record(&reporter, vec![draft]).await.map_err(refused)?;
    Ok(())
}

/// Checks the fields; the path falls back to the `Referer` header.
pub(super) fn draft(fields: Fields, referer: Option<String>) -> Result<Draft, Vec<FieldError>> {
    let mut errors = Vec::new();
    let date = fields.date.as_deref().and_then(parse_date);
    match (&fields.date, date) {
        (None, _) => errors.push(FieldError::required("date")),
        (Some(_), None) => errors.push(FieldError::invalid("date", MALFORMED_DATE)),
        _ => {}
    }
    let report = Report {
        date,
        path: fields.path.filter(|path| !path.is_empty()).or(referer),
        referer: fields.referer,
        ..Report::default()
    };
    match Draft::parse(report) {
        Ok(draft) if errors.is_empty() => Ok(draft),
        Ok(_) => Err(errors),
        Err(mut others) => {
            errors.append(&mut others);
            Err(errors)
        }
    }
}

fn field_errors(errors: Vec<FieldError>) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "errors": messages(errors) }))).into_response()
}

/// What is wrong, by field.
pub(super) fn messages(errors: Vec<FieldError>) -> BTreeMap<&'static str, Vec<String>> {
    let mut messages = BTreeMap::<_, Vec<String>>::new();
    for error in errors {
        messages.entry(error.field).or_default().push(error.message);
    }
    messages
}

pub(super) fn refusal(error: &Error) -> Response {
    error.log();
    let body = Json(json!({ "detail": error.to_string() }));
    (error.status(), error.headers(), body).into_response()
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        match self {
            Self::Incomplete(Incomplete::Refused(error)) => refusal(&error),
            Self::Incomplete(incomplete) => {
                let (status, detail) = incomplete.told();
                (status, Json(json!({ "detail": detail }))).into_response()
            }
            Self::MediaType(media_type) => {
                let detail = format!("Unsupported media type {media_type:?} in request.");
                let body = Json(json!({ "detail": detail }));
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, body).into_response()
            }
            Self::Malformed(message) => {
                let body = Json(json!({ "errors": { "non_field_errors": [message] } }));
                (StatusCode::BAD_REQUEST, body).into_response()
            }
        }
    }
}
