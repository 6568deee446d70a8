//! `POST /logs`: the form by which the clients of django-djaffar log, answered as it was there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::REFERER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::admission::Incomplete;
use super::caller::{header, viewer};
use super::report::{Fields, Unreadable};
use crate::activity::{Draft, FieldError, Report, parse_date};
use crate::app::App;
use crate::error::Error;

const MALFORMED_DATE: &str = "Datetime has wrong format. Use one of these formats instead: \
                              YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";

/// Logs an activity: 204, or 400 with the errors of each bad field.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let viewer = match viewer(&app, &parts).await {
        Ok(viewer) => viewer,
        Err(error) => return refusal(&error),
    };
    let reporter = match viewer.reporter(app.config.require_user) {
        Ok(reporter) => reporter,
        Err(error) => return refusal(&error),
    };
    let referer = header(&parts, &REFERER);
    let fields = match Fields::read(&app.admission, parts, body).await {
        Ok(fields) => fields,
        Err(unreadable) => return unreadable.into_response(),
    };
    let _place = match app.store.admit().and_then(|()| app.admission.enter()) {
        Ok(place) => place,
        Err(error) => return refusal(&error),
    };
    let draft = match draft(fields, referer) {
        Ok(draft) => draft,
        Err(errors) => return field_errors(errors),
    };
    match app.activities.record(&reporter, vec![draft]).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(&error),
    }
}

/// Checks the fields; the path falls back to the `Referer` header.
fn draft(fields: Fields, referer: Option<String>) -> Result<Draft, Vec<FieldError>> {
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
            Self::Incomplete(Incomplete::TooLarge) => {
                let body = Json(json!({ "detail": "The body is larger than 64 KiB." }));
                (StatusCode::PAYLOAD_TOO_LARGE, body).into_response()
            }
            Self::Incomplete(Incomplete::TooSlow) => {
                let body = Json(json!({ "detail": "The body did not come in time." }));
                (StatusCode::REQUEST_TIMEOUT, body).into_response()
            }
            Self::Incomplete(Incomplete::Refused(error)) => refusal(&error),
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
