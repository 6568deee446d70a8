//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! Queries by GET or POST, mutations by POST alone, bodies in JSON alone: what a page of another
//! site can send without asking (a form) is refused.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{ServerError, Value};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::admission::Incomplete;
use super::caller::{header, viewer};
use super::operation::{Operation, Parameters};
use super::request_id;
use crate::app::App;
use crate::error::Error;
use crate::graphql::{Loaders, cause, present};

/// Largest body, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The parameters in a query string, where objects are texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryString {
    query: String,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// The two media types of a response.
#[derive(Clone, Copy, PartialEq)]
enum MediaType {
    /// `application/graphql-response+json`: the status tells of errors.
    GraphqlResponse,
    /// `application/json`, for older clients: 200 whenever the request was well-formed.
    Json,
}

/// A query in the query string.
pub(super) async fn get(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(media_type) = MediaType::accepted(&parts) else { return not_acceptable() };
    let _place = match app.admission.enter() {
        Ok(place) => place,
        Err(error) => return failure(media_type, &error, request_id(&parts.extensions)),
    };
    match QueryString::parse(parts.uri.query().unwrap_or_default()) {
        Ok(parameters) => execute(&app, &parts, media_type, parameters).await,
        Err(message) => malformed(media_type, &message),
    }
}

/// An operation in a JSON body.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(media_type) = MediaType::accepted(&parts) else { return not_acceptable() };
    if !is_json(&parts) {
        let message = "The content type must be application/json.";
        return refusal(media_type, StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_REQUEST", message);
    }
    let body = match app.admission.body(body, MAX_BODY).await {
        Ok(body) => body,
        Err(Incomplete::TooLarge) => {
            let message = "The body is larger than 256 KiB.";
            return refusal(media_type, StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST", message);
        }
        Err(Incomplete::TooSlow) => {
            let message = "The body did not come in time.";
            return refusal(media_type, StatusCode::REQUEST_TIMEOUT, "BAD_REQUEST", message);
        }
        Err(Incomplete::Refused(error)) => {
            return failure(media_type, &error, request_id(&parts.extensions));
        }
    };
    let _place = match app.admission.enter() {
        Ok(place) => place,
        Err(error) => return failure(media_type, &error, request_id(&parts.extensions)),
    };
    match serde_json::from_slice::<Parameters>(&body) {
        Ok(parameters) => execute(&app, &parts, media_type, parameters).await,
        Err(error) => malformed(media_type, &format!("The body is not a GraphQL request: {error}")),
    }
}

async fn execute(
    app: &App,
    parts: &Parts,
    media_type: MediaType,
    parameters: Parameters,
) -> Response {
    let viewer = match viewer(app, parts).await {
        Ok(viewer) => viewer,
        Err(error) => return failure(media_type, &error, request_id(&parts.extensions)),
    };
    let operation = match Operation::read(app, parameters) {
        Ok(operation) => operation,
        Err(error) => return unreadable(media_type, error),
    };
    let is_query = operation.is(OperationType::Query);
    if parts.method == axum::http::Method::GET && !is_query {
        let message = "Only queries may be sent by GET.";
        let response = refusal(media_type, StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", message);
        return ([(ALLOW, "POST")], response).into_response();
    }
    if !is_query && let Err(error) = app.store.admit() {
        return failure(media_type, &error, request_id(&parts.extensions));
    }
    let (document, request) = match operation.ready(app, viewer, Loaders::new(&app.auth)) {
        Ok(ready) => ready,
        Err(error) => return unreadable(media_type, error),
    };
    let mut response = app.api.execute(document, request).await;
    present(&mut response, request_id(&parts.extensions));
    answer(media_type, response)
}

/// The body of a response (<https://spec.graphql.org/September2025/#sec-Response-Format>).
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    /// Absent if nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a Value>,
}

impl<'a> Body<'a> {
    pub(super) fn of(response: &'a async_graphql::Response) -> Self {
        let errors = response.errors.as_slice();
        let is_null = response.data == Value::Null;
        let was_executed = !is_null || errors.iter().all(|error| !error.path.is_empty());
        Self { errors, data: was_executed.then_some(&response.data) }
    }
}

fn answer(media_type: MediaType, response: async_graphql::Response) -> Response {
    let body = Body::of(&response);
    // A field of the root that could not be answered: the client has to come back for it.
    let roots = response.errors.iter().filter(|error| error.path.len() <= 1);
    let postponed = roots.filter_map(cause).find(|error| error.retry_after().is_some());
    if let Some(error) = postponed {
        return (error.headers(), respond(media_type, error.status(), &body)).into_response();
    }
    let is_executed = body.data.is_some();
    let status = if is_executed { StatusCode::OK } else { media_type.status_of_failure() };
    respond(media_type, status, &body)
}

fn respond(media_type: MediaType, status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(CONTENT_TYPE, media_type.content_type())], body).into_response(),
        Err(error) => {
            Error::internal(error).log();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn refusal(media_type: MediaType, status: StatusCode, code: &str, message: &str) -> Response {
    let error = json!({ "message": message, "extensions": { "code": code } });
    respond(media_type, status, &json!({ "errors": [error] }))
}

fn malformed(media_type: MediaType, message: &str) -> Response {
    refusal(media_type, StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
}

fn unreadable(media_type: MediaType, error: ServerError) -> Response {
    respond(media_type, media_type.status_of_failure(), &Body { errors: &[error], data: None })
}

fn failure(media_type: MediaType, error: &Error, request_id: &str) -> Response {
    error.log();
    let extensions = json!({ "code": error.code(), "requestId": request_id });
    let body = json!({ "errors": [{ "message": error.to_string(), "extensions": extensions }] });
    (error.headers(), respond(media_type, error.status(), &body)).into_response()
}

fn not_acceptable() -> Response {
    let message = "Accept application/graphql-response+json or application/json.";
    refusal(MediaType::Json, StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message)
}

impl QueryString {
    fn parse(text: &str) -> Result<Parameters, String> {
        let parameters: Self = serde_urlencoded::from_str(text)
            .map_err(|error| format!("The query string is not a GraphQL request: {error}"))?;
        let object = |name: &str, text: Option<String>| {
            text.map(|text| serde_json::from_str(&text))
                .transpose()
                .map(Option::flatten)
                .map_err(|error| format!("{name} must be a JSON object: {error}"))
        };
        Ok(Parameters {
            query: parameters.query,
            operation_name: parameters.operation_name,
            variables: object("variables", parameters.variables)?,
            _extensions: object("extensions", parameters.extensions)?,
        })
    }
}

impl MediaType {
    /// What the client likes best of the two; JSON if it says nothing.
    fn accepted(parts: &Parts) -> Option<Self> {
        let Some(accept) = header(parts, &ACCEPT) else { return Some(Self::Json) };
        let mut best: Option<(f32, Self)> = None;
        for range in accept.split(',') {
            let mut pieces = range.split(';').map(str::trim);
            let media_type = match pieces.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let quality = pieces
                .find_map(|piece| piece.strip_prefix("q=")?.parse::<f32>().ok())
                .unwrap_or(1.0);
            if quality > 0.0 && best.is_none_or(|(other, _)| quality > other) {
                best = Some((quality, media_type));
            }
        }
        best.map(|(_, media_type)| media_type)
    }

    /// Of a request that was understood and can't be executed.
    fn status_of_failure(self) -> StatusCode {
        match self {
            Self::GraphqlResponse => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

fn is_json(parts: &Parts) -> bool {
    header(parts, &CONTENT_TYPE).is_some_and(|content_type| {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    })
}
