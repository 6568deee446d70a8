//! `GET /export/…`: the activities that a filter lets through, or all that is held on one person;
//! streamed. `HEAD` says whether one may, and hands out nothing that would have to be noted.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::caller::viewer;
use super::request_id;
use crate::activity::{Export, Format};
use crate::app::App;
use crate::error::Error;
use crate::graphql::{cursor, selection};
use crate::privacy::{Person, PersonExport};

const CSV: &str = "text/csv; charset=utf-8";
const NDJSON: &str = "application/x-ndjson";

/// What to export: the arguments of the field `activities`, objects as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Which {
    #[serde(rename = "where")]
    filter: Option<String>,
    order_by: Option<String>,
    after: Option<String>,
}

/// Whom to export: the arguments of the field `personReport`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    user: Option<Uuid>,
    session: Option<Uuid>,
    ip: Option<String>,
}

/// An export that is under way.
enum File {
    Activities(Export),
    Person(PersonExport),
}

impl File {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Activities(export) => export.next().await,
            Self::Person(export) => export.next().await,
        }
    }
}

/// Activities for spreadsheets.
pub(super) async fn csv(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(activities(&app, &parts, Format::Csv).await, &parts, "activities.csv", CSV)
}

/// Activities for programs.
pub(super) async fn ndjson(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(activities(&app, &parts, Format::Ndjson).await, &parts, "activities.ndjson", NDJSON)
}

/// All that is held on one person, for admins.
pub(super) async fn person(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(whole_person(&app, &parts).await, &parts, "person.ndjson", NDJSON)
}

fn answer(
    body: Result<Body, Error>,
    parts: &Parts,
    name: &str,
    content_type: &'static str,
) -> Response {
    let file = format!("attachment; filename=\"{name}\"");
    match body {
        Ok(body) => {
            ([(CONTENT_TYPE, content_type)], [(CONTENT_DISPOSITION, file)], body).into_response()
        }
        Err(error) => refusal(&error, request_id(&parts.extensions)),
    }
}

async fn activities(app: &App, parts: &Parts, format: Format) -> Result<Body, Error> {
    let staff = viewer(app, parts).await?.staff()?;
    let Which { filter, order_by, after } = asked(parts)?;
    let selection = selection(filter.as_deref(), order_by.as_deref(), after.as_deref())?;
    if parts.method == Method::HEAD {
        return Ok(Body::empty());
    }
    let place = app.admission.export()?;
    app.auth.note_export(&staff, format.as_str(), filter, after).await?;
    stream(File::Activities(app.activities.export(&staff, selection, format, cursor)), place).await
}

async fn whole_person(app: &App, parts: &Parts) -> Result<Body, Error> {
    let admin = viewer(app, parts).await?.admin()?;
    let Who { user, session, ip } = asked(parts)?;
    let person = Person::one_of(user, session, ip)?;
    if parts.method == Method::HEAD {
        return Ok(Body::empty());
    }
    let place = app.admission.export()?;
    stream(File::Person(app.privacy.export(&admin, &person, cursor).await?), place).await
}

fn asked<T: DeserializeOwned>(parts: &Parts) -> Result<T, Error> {
    serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
        .map_err(|error| Error::bad_input(format!("The query string can't be read: {error}")))
}

/// The file. Whatever can be wrong with the question is found out before the first byte; if
/// something breaks later, the body does not end properly, and the client knows.
async fn stream(mut file: File, place: OwnedSemaphorePermit) -> Result<Body, Error> {
    let first = file.next().await?;
    let pieces = stream::try_unfold((first, file, place), |(first, mut file, place)| async {
        let piece = match first {
            Some(piece) => Some(piece),
            // Nobody else will log why there is none.
            None => file.next().await.inspect_err(Error::log)?,
        };
        Ok::<_, Error>(piece.map(|piece| (piece, (None, file, place))))
    });
    Ok(Body::from_stream(pieces))
}

fn refusal(error: &Error, request_id: &str) -> Response {
    error.log();
    let extensions = json!({ "code": error.code(), "requestId": request_id });
    let body = json!({ "errors": [{ "message": error.to_string(), "extensions": extensions }] });
    (error.status(), error.headers(), Json(body)).into_response()
}
