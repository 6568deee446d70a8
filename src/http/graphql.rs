//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! Queries by GET or POST, mutations by POST alone, bodies in JSON alone: what a page of another
//! site can send without asking (a form) is refused.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, ServerError, Value};
use axum::extract::State;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::admission::Incomplete;
use super::caller::{header, viewer};
use super::operation::{Operation, Parameters};
use super::{rate, request_id};
use crate::app::App;
use crate::error::Error;
use crate::graphql::{Document, Loading, cause, present, too_dear};
use crate::uncancelled::uncancelled;

/// The parameters in a query string, where objects are texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryString {
    query: Option<String>,
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
pub(super) async fn get(State(app): State<Arc<App>>, request: axum::extract::Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(media_type) = MediaType::accepted(&parts) else { return not_acceptable() };
    let reply = match QueryString::parse(parts.uri.query().unwrap_or_default()) {
        Ok(parameters) => one(&app, &parts, media_type, parameters).await,
        Err(message) => malformed(&message),
    };
    reply.of_type(media_type)
}

/// An operation in a JSON body, or an array of them.
pub(super) async fn post(State(app): State<Arc<App>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(media_type) = MediaType::accepted(&parts) else { return not_acceptable() };
    posted(&app, &parts, media_type, body).await.of_type(media_type)
}

async fn posted(
    app: &Arc<App>,
    parts: &Parts,
    media_type: MediaType,
    body: axum::body::Body,
) -> Reply {
    if !is_json(parts) {
        let message = "The content type must be application/json.";
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_REQUEST", message);
    }
    let limits = &app.config.limits;
    let most = limits.operations;
    let max_body = if most > 1 { limits.batch_body } else { limits.body };
    let body = match app.admission.body(body, max_body).await {
        Ok(body) => body,
        Err(Incomplete::Refused(error)) => return failure(&error, request_id(&parts.extensions)),
        Err(incomplete) => {
            let (status, message) = incomplete.told();
            return refusal(status, "BAD_REQUEST", &message);
        }
    };
    // When there is no room, to read what will be refused all the same would be work for nothing.
    if let Err(error) = app.store.admit()
        && mentions_logging(&body)
    {
        return failure(&error, request_id(&parts.extensions));
    }
    let unreadable = |error| malformed(&format!("The body is not a GraphQL request: {error}"));
    if most > 1 && body.trim_ascii_start().starts_with(b"[") {
        return match serde_json::from_slice(&body) {
            Ok(batch) => several(app, parts, media_type, batch).await,
            Err(error) => unreadable(error),
        };
    }
    match serde_json::from_slice(&body) {
        Ok(parameters) => one(app, parts, media_type, parameters).await,
        Err(error) => unreadable(error),
    }
}

async fn one(
    app: &Arc<App>,
    parts: &Parts,
    media_type: MediaType,
    parameters: Parameters,
) -> Reply {
    match Operation::read(app, parameters) {
        Ok(operation) => execute(app, parts, media_type, operation).await,
        Err(error) => unreadable(media_type, error),
    }
}

/// One operation after the other. What they cost is counted together.
async fn several(
    app: &Arc<App>,
    parts: &Parts,
    media_type: MediaType,
    batch: Vec<Parameters>,
) -> Reply {
    let limits = &app.config.limits;
    if batch.is_empty() || batch.len() > limits.operations {
        let message = format!("A request may have 1 to {} operations.", limits.operations);
        return refusal(StatusCode::BAD_REQUEST, "COST_LIMIT_EXCEEDED", &message);
    }
    let operations = batch.into_iter().map(|parameters| Operation::read(app, parameters));
    let operations: Vec<_> = operations.collect();
    let cost: u64 = operations.iter().flatten().map(|operation| operation.document.cost).sum();
    if cost > limits.cost {
        return unreadable(media_type, too_dear(cost, limits));
    }
    let mut all = Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: b"[".to_vec() };
    for operation in operations {
        let reply = match operation {
            Ok(operation) => execute(app, parts, media_type, operation).await,
            Err(error) => unreadable(media_type, error),
        };
        if all.body.len() > 1 {
            all.body.push(b',');
        }
        all.body.extend(reply.body);
        // Whoever has to come back for one of them must hear of it.
        if all.status == StatusCode::OK && reply.headers.contains_key(RETRY_AFTER) {
            (all.status, all.headers) = (reply.status, reply.headers);
        }
    }
    all.body.push(b']');
    all
}

async fn execute(
    app: &Arc<App>,
    parts: &Parts,
    media_type: MediaType,
    operation: Operation,
) -> Reply {
    let mut place = match app.admission.enter() {
        Ok(place) => Some(place),
        Err(error) => return failure(&error, request_id(&parts.extensions)),
    };
    let viewer = match viewer(app, parts).await {
        Ok(viewer) => viewer,
        Err(error) => return failure(&error, request_id(&parts.extensions)),
    };
    let is_query = operation.is(OperationType::Query);
    // HEAD comes here too.
    if parts.method.is_safe() && !is_query {
        let message = "Only queries may be sent by GET.";
        let mut reply = refusal(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", message);
        reply.headers.insert(ALLOW, HeaderValue::from_static("POST"));
        return reply;
    }
    if operation.logs()
        && let Err(error) = app.store.admit()
    {
        return failure(&error, request_id(&parts.extensions));
    }
    if !is_query && let Err(error) = rate::charge(app, &viewer, operation.document.logged) {
        return failure(&error, request_id(&parts.extensions));
    }
    let cost = operation.wants_cost.then_some(operation.document.cost);
    let (document, request) = match operation.ready(app, viewer, Loading::once()) {
        Ok(ready) => ready,
        Err(error) => return unreadable(media_type, error),
    };
    let limits = &app.config.limits;
    let executed = if is_query {
        let executed = app.api.execute(document, request);
        tokio::time::timeout(limits.time, executed).await.map_err(|_| Error::TooSlow)
    } else {
        // What is being written is waited for, as long as a commit may take; how many wait is the
        // queue's to say, and reads go on meanwhile.
        drop(place.take());
        written(app.clone(), document, request).await
    };
    let mut response = match executed {
        Ok(response) => response,
        Err(error) => return failure(&error, request_id(&parts.extensions)),
    };
    present(&mut response, request_id(&parts.extensions), limits.errors);
    let extensions =
        cost.map(|cost| Extensions { cost: Cost { requested: cost, limit: limits.cost } });
    answer(media_type, response, extensions)
}

/// Executes a mutation, to its end even if it is not waited for any more: it is never cut off half
/// way.
async fn written(
    app: Arc<App>,
    document: Document,
    request: Request,
) -> Result<async_graphql::Response, Error> {
    let patience = app.config.limits.mutation_time;
    let executed = uncancelled(async move { app.api.execute(document, request).await });
    tokio::time::timeout(patience, executed).await.map_err(|_| Error::Unfinished)
}

/// The body of a response (<https://spec.graphql.org/September2025/#sec-Response-Format>).
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    /// Absent if nothing was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Serialize)]
struct Extensions {
    cost: Cost,
}

/// What the operation may have cost, and what it might have.
#[derive(Serialize)]
struct Cost {
    requested: u64,
    limit: u64,
}

impl<'a> Body<'a> {
    pub(super) fn of(response: &'a async_graphql::Response) -> Self {
        let errors = response.errors.as_slice();
        let is_null = response.data == Value::Null;
        let was_executed = !is_null || errors.iter().all(|error| !error.path.is_empty());
        Self { errors, data: was_executed.then_some(&response.data), extensions: None }
    }
}

/// An answer, before it is known whether it goes alone.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: StatusCode, headers: HeaderMap, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { status, headers, body },
            Err(error) => {
                Error::internal(error).log();
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, headers, body: Vec::new() }
            }
        }
    }

    fn of_type(self, media_type: MediaType) -> Response {
        let content_type = [(CONTENT_TYPE, media_type.content_type())];
        (self.status, self.headers, content_type, self.body).into_response()
    }
}

fn answer(
    media_type: MediaType,
    response: async_graphql::Response,
    extensions: Option<Extensions>,
) -> Reply {
    let body = Body { extensions, ..Body::of(&response) };
    // A field of the root that could not be answered, or all of them: the client has to come back.
    let is_lost = |error: &&ServerError| error.path.len() <= 1 || response.data == Value::Null;
    let lost = response.errors.iter().filter(is_lost);
    let postponed = lost.filter_map(cause).find(|error| error.retry_after().is_some());
    if let Some(error) = postponed {
        return Reply::new(error.status(), error.headers(), &body);
    }
    let is_executed = body.data.is_some();
    let status = if is_executed { StatusCode::OK } else { media_type.status_of_failure() };
    Reply::new(status, HeaderMap::new(), &body)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    let error = json!({ "message": message, "extensions": { "code": code } });
    Reply::new(status, HeaderMap::new(), &json!({ "errors": [error] }))
}

fn malformed(message: &str) -> Reply {
    refusal(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
}

fn unreadable(media_type: MediaType, error: ServerError) -> Reply {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let status = match code {
        // No request at all, whatever the client accepts.
        Some(Value::String(code)) if code == "BAD_REQUEST" => StatusCode::BAD_REQUEST,
        // No failure: the client is asked for the text.
        Some(Value::String(code)) if code == "PERSISTED_QUERY_NOT_FOUND" => StatusCode::OK,
        _ => media_type.status_of_failure(),
    };
    let body = Body { errors: &[error], data: None, extensions: None };
    Reply::new(status, HeaderMap::new(), &body)
}

fn failure(error: &Error, request_id: &str) -> Reply {
    error.log();
    let extensions = json!({ "code": error.code(), "requestId": request_id });
    let body = json!({ "errors": [{ "message": error.to_string(), "extensions": extensions }] });
    Reply::new(error.status(), error.headers(), &body)
}

fn not_acceptable() -> Response {
    let message = "Accept application/graphql-response+json or application/json.";
    refusal(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message).of_type(MediaType::Json)
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
            extensions: object("extensions", parameters.extensions)?,
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

/// Whether a body is likely to log; a query that merely speaks of it may come again too.
fn mentions_logging(body: &[u8]) -> bool {
    str::from_utf8(body).is_ok_and(|body| body.contains("logActivit"))
}

fn is_json(parts: &Parts) -> bool {
    header(parts, &CONTENT_TYPE).is_some_and(|content_type| {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
    })
}
