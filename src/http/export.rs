//! `GET /export/activities.csv` and `.ndjson`: everything that a filter lets through, streamed.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::caller::viewer;
use super::request_id;
use crate::activity::{Export, Format};
use crate::app::App;
use crate::error::Error;
use crate::graphql::{cursor, selection};

/// What to export: the arguments of the field `activities`, objects as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryString {
    #[serde(rename = "where")]
    filter: Option<String>,
    order_by: Option<String>,
    after: Option<String>,
}

/// For spreadsheets.
pub(super) async fn csv(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request, Format::Csv, "text/csv; charset=utf-8").await
}

/// For programs.
pub(super) async fn ndjson(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request, Format::Ndjson, "application/x-ndjson").await
}

async fn answer(
    app: &App,
    request: Request,
    format: Format,
    content_type: &'static str,
) -> Response {
    let (parts, _) = request.into_parts();
    let file = match format {
        Format::Csv => "attachment; filename=\"activities.csv\"",
        Format::Ndjson => "attachment; filename=\"activities.ndjson\"",
    };
    match stream(app, &parts, format).await {
        Ok(body) => {
            ([(CONTENT_TYPE, content_type), (CONTENT_DISPOSITION, file)], body).into_response()
        }
        Err(error) => refusal(&error, request_id(&parts.extensions)),
    }
}

/// The file. Whatever can be wrong with the question is found out before the first byte; if
/// something breaks later, the body does not end properly, and the client knows.
async fn stream(app: &App, parts: &Parts, format: Format) -> Result<Body, Error> {
    let staff = viewer(app, parts).await?.staff()?;
    let asked: QueryString = serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
        .map_err(|error| Error::bad_input(format!("The query string can't be read: {error}")))?;
    let QueryString { filter, order_by, after } = asked;
    let selection = selection(filter.as_deref(), order_by.as_deref(), after.as_deref())?;
    let place = app.admission.export()?;
    app.auth.note_export(&staff, format.as_str(), filter, after).await?;
    let mut export = app.activities.export(&staff, selection, format, cursor);
    let first = export.next().await?;
    let pieces = stream::try_unfold((first, export, place), |(first, mut export, place)| async {
        let piece = match first {
            Some(piece) => Some(piece),
            None => next(&mut export).await?,
        };
        Ok::<_, Error>(piece.map(|piece| (piece, (None, export, place))))
    });
    Ok(Body::from_stream(pieces))
}

/// The next piece; nobody else will log why there is none.
async fn next(export: &mut Export) -> Result<Option<Vec<u8>>, Error> {
    export.next().await.inspect_err(Error::log)
}

fn refusal(error: &Error, request_id: &str) -> Response {
    error.log();
    let extensions = json!({ "code": error.code(), "requestId": request_id });
    let body = json!({ "errors": [{ "message": error.to_string(), "extensions": extensions }] });
    (error.status(), error.headers(), Json(body)).into_response()
}
