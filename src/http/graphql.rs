//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! Queries by GET or POST, mutations by POST alone, bodies in JSON alone: what a page of another
//! site can send without asking (a form) is refused.

use std::sync::Arc;

use async_graphql::parser::types::{OperationDefinition, OperationType};
use async_graphql::{Request as Operation, ServerError, Value, Variables};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::admission::Incomplete;
use super::caller::{header, viewer};
use super::request_id;
use crate::app::App;
use crate::config::Mode;
use crate::error::{Error, RETRY_AFTER_SECONDS};
use crate::graphql::{Asking, Document, Loaders, present};

/// Largest body, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// What a client asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, serde_json::Value>>,
    // Checked for its type; nothing in it is used.
    #[serde(rename = "extensions")]
    _extensions: Option<Map<String, serde_json::Value>>,
}

/// The same in a query string, where objects are texts.
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
    let operation_name = parameters.operation_name.as_deref();
    let variables = parameters.variables.unwrap_or_default();
    let document = match app.api.document(parameters.query, &variables) {
        Ok(document) => document,
        Err(error) => return unreadable(media_type, error),
    };
    let is_query = is_query(&document, operation_name);
    if parts.method == axum::http::Method::GET && !is_query {
        let message = "Only queries may be sent by GET.";
        let response = refusal(media_type, StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", message);
        return ([(ALLOW, "POST")], response).into_response();
    }
    if !is_query && let Err(error) = app.store.admit() {
        return failure(media_type, &error, request_id(&parts.extensions));
    }
    if let Some(name) = missing_variable(&document, operation_name, &variables) {
        let message = format!("The variable ${name} must be given, and not null.");
        let status = media_type.status_of_failure();
        return refusal(media_type, status, "BAD_USER_INPUT", &message);
    }
    let may_see_schema = app.config.mode == Mode::Development || viewer.staff().is_ok();
    let mut operation = Operation::new("")
        .variables(Variables::from_json(serde_json::Value::Object(variables)))
        .data(Loaders::new(&app.auth, &app.activities))
        .data(Asking::new(viewer));
    operation.operation_name = parameters.operation_name;
    if !may_see_schema {
        operation = operation.disable_introspection();
    }
    let mut response = app.api.execute(document, operation).await;
    present(&mut response, request_id(&parts.extensions));
    answer(media_type, response)
}

/// The body of a response (<https://spec.graphql.org/September2025/#sec-Response-Format>).
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    /// Absent if nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
}

fn answer(media_type: MediaType, response: async_graphql::Response) -> Response {
    let errors = &response.errors;
    let has_code = |error: &ServerError, code: &str| {
        let extensions = error.extensions.as_ref();
        extensions.and_then(|extensions| extensions.get("code")) == Some(&Value::from(code))
    };
    let is_null = response.data == Value::Null;
    let was_executed = !is_null || errors.iter().all(|error| !error.path.is_empty());
    // A field of the root that could not be answered: the client has to come back for it.
    let is_unavailable =
        errors.iter().any(|error| error.path.len() <= 1 && has_code(error, "SERVICE_UNAVAILABLE"));
    let status = if is_unavailable {
        StatusCode::SERVICE_UNAVAILABLE
    } else if was_executed {
        StatusCode::OK
    } else {
        media_type.status_of_failure()
    };
    let body = Body { errors, data: was_executed.then_some(&response.data) };
    let response = respond(media_type, status, &body);
    if is_unavailable {
        return ([(RETRY_AFTER, RETRY_AFTER_SECONDS)], response).into_response();
    }
    response
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
    let response = respond(media_type, error.status(), &body);
    match error.status() {
        StatusCode::UNAUTHORIZED => ([(WWW_AUTHENTICATE, "Bearer")], response).into_response(),
        StatusCode::SERVICE_UNAVAILABLE => {
            ([(RETRY_AFTER, RETRY_AFTER_SECONDS)], response).into_response()
        }
        _ => response,
    }
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

/// Whether the operation to be executed is a query. An unknown name is left to the execution.
fn is_query(document: &Document, name: Option<&str>) -> bool {
    operations(document, name).all(|operation| operation.ty == OperationType::Query)
}

/// A variable that must have a value and has none. The library finds that out only when it gets to
/// the field; by the specification nothing may be executed then.
fn missing_variable<'a>(
    document: &'a Document,
    name: Option<&str>,
    variables: &Map<String, serde_json::Value>,
) -> Option<&'a str> {
    operations(document, name)
        .flat_map(|operation| &operation.variable_definitions)
        .map(|definition| &definition.node)
        .filter(|definition| !definition.var_type.node.nullable)
        .find(|definition| match variables.get(definition.name.node.as_str()) {
            Some(value) => value.is_null(),
            None => definition.default_value.is_none(),
        })
        .map(|definition| definition.name.node.as_str())
}

/// The operation of this name; without a name all of them, of which there should be one.
fn operations<'a>(
    document: &'a Document,
    name: Option<&str>,
) -> impl Iterator<Item = &'a OperationDefinition> {
    document
        .parsed
        .operations
        .iter()
        .filter(move |(operation, _)| {
            name.is_none_or(|name| operation.is_none_or(|other| other.as_str() == name))
        })
        .map(|(_, definition)| &definition.node)
}
