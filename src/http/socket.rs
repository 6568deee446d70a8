//! Subscriptions over WebSocket, by graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
//!
//! Queries are answered as well; mutations are not, since they may have to set a cookie, which only
//! the answer to a POST can.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Pos, Response as Answer};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_stream::{Stream, StreamExt, StreamMap};

use super::address::Address;
use super::caller::credentials;
use super::graphql::Body;
use super::log::refusal;
use super::operation::{Operation, Parameters};
use super::{rate, request_id};
use crate::app::App;
use crate::auth::Viewer;
use crate::error::Error;
use crate::graphql::{Document, Loading, present};

const PROTOCOL: &str = "graphql-transport-ws";
/// Largest message of a client, in bytes.
const MAX_MESSAGE: usize = 64 << 10;
/// Most operations of one socket at a time.
const MAX_OPERATIONS: usize = 20;
/// A client must have said `connection_init` within this time.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// A client must have taken a message within this time.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// So often it is asked whether the client still lives, and still has its rights. One that has not
/// been heard of for three times as long is gone.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Subscribe { id: String, payload: Parameters },
    Complete { id: String },
    Ping { payload: Option<Value> },
    Pong,
}

/// Why a socket is closed: a code of the protocol, and a sentence.
type Close = (u16, String);

/// The answers to an operation; None: there are no more.
type Answers = Pin<Box<dyn Stream<Item = Option<Answer>> + Send>>;

/// One client.
struct Connection {
    app: Arc<App>,
    parts: Parts,
    /// Whom its operations are counted for.
    network: Option<IpAddr>,
    socket: WebSocket,
    /// Who it is, once it has said `connection_init`, and by which `Authorization`.
    known: Option<(Viewer, Option<String>)>,
    operations: StreamMap<String, Answers>,
    heard_at: Instant,
}

/// Takes a client's socket.
pub(super) async fn upgrade(State(app): State<Arc<App>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let network = Address::of(&parts.headers, &parts.extensions, &app.config).map(Address::network);
    let most = app.config.rates.as_ref().map(|rates| rates.sockets);
    let place = match app.admission.socket(network.zip(most)) {
        Ok(place) => place,
        Err(error) => return refusal(&error),
    };
    let upgrade = upgrade.protocols([PROTOCOL]);
    // Of a frame that is too large not even the beginning is received.
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    upgrade.on_upgrade(async move |socket| {
        let _place = place;
        let mut connection = Connection {
            app,
            parts,
            network,
            socket,
            known: None,
            operations: StreamMap::new(),
            heard_at: Instant::now(),
        };
        if let Err(close) = connection.serve().await {
            // Who has gone does not hear it.
            let _ = timeout(SEND_TIMEOUT, connection.close(close)).await;
        }
    })
}

impl Connection {
    /// Talks until the client goes, or has to go.
    async fn serve(&mut self) -> Result<(), Close> {
        if self.socket.protocol().is_none_or(|protocol| protocol != PROTOCOL) {
            return Err((4406, "Subprotocol not acceptable".to_owned()));
        }
        let init_until = Instant::now() + INIT_TIMEOUT;
        let mut checks = checks();
        let app = self.app.clone();
        loop {
            let is_known = self.known.is_some();
            tokio::select! {
                said = self.socket.recv() => {
                    let Some(Ok(message)) = said else { return Ok(()) };
                    self.heard_at = Instant::now();
                    self.hear(message).await?;
                }
                Some((id, answer)) = self.operations.next() => self.answer(id, answer).await?,
                () = sleep_until(init_until), if !is_known => {
                    return Err((4408, "Connection initialisation timeout".to_owned()));
                }
                _ = checks.tick() => self.check().await?,
                () = app.stopped() => return Err((1001, "Going away".to_owned())),
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Close> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err((4400, "Invalid message".to_owned())),
            // A close is answered when the socket is read to its end.
            Message::Close(_) | Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let said = serde_json::from_str(&text).map_err(|error| {
            let mut reason = format!("Invalid message: {error}");
            // What a frame of control has room for.
            reason.truncate(reason.floor_char_boundary(120));
            (4400, reason)
        })?;
        match said {
            Said::ConnectionInit { payload } => self.init(payload.unwrap_or_default()).await?,
            Said::Subscribe { id, payload } => self.subscribe(id, payload).await?,
            Said::Complete { id } => drop(self.operations.remove(&id)),
            Said::Ping { payload: None } => self.say(json!({ "type": "pong" })).await?,
            Said::Ping { payload } => {
                self.say(json!({ "type": "pong", "payload": payload })).await?;
            }
            Said::Pong => {}
        }
        Ok(())
    }

    /// Finds out who it is: by the cookie, or by an `authorization` in the payload, as browsers
    /// can't send that header here.
    async fn init(&mut self, mut payload: Map<String, Value>) -> Result<(), Close> {
        if self.known.is_some() {
            return Err((4429, "Too many initialisation requests".to_owned()));
        }
        let mut credentials = credentials(&self.app, &self.parts).map_err(reason)?;
        let shown = payload.remove("authorization").or_else(|| payload.remove("Authorization"));
        if let Some(Value::String(authorization)) = shown {
            credentials.authorization = Some(authorization);
        }
        let authorization = credentials.authorization.clone();
        rate::count(&self.app, None, authorization.as_deref()).map_err(reason)?;
        let viewer = self.app.auth.viewer(credentials).await.map_err(reason)?;
        self.known = Some((viewer, authorization));
        self.say(json!({ "type": "connection_ack" })).await
    }

    async fn subscribe(&mut self, id: String, parameters: Parameters) -> Result<(), Close> {
        let Some((viewer, authorization)) = &self.known else {
            return Err((4401, "Unauthorized".to_owned()));
        };
        if parameters.query.is_none() {
            return Err((4400, "Invalid message: there is no query".to_owned()));
        }
        if self.operations.contains_key(&id) {
            let id = &id[..id.floor_char_boundary(64)];
            return Err((4409, format!("Subscriber for {id} already exists")));
        }
        if self.operations.len() >= MAX_OPERATIONS {
            let message = format!("A socket may have {MAX_OPERATIONS} operations at a time.");
            return self.refuse(id, "RATE_LIMITED", &message).await;
        }
        let viewer = viewer.clone();
        if let Err(error) = rate::count(&self.app, self.network, authorization.as_deref()) {
            return self.refuse(id, error.code(), &error.to_string()).await;
        }
        let ready = Operation::read(&self.app, parameters).and_then(|operation| {
            let is = |ty| operation.is(ty);
            let kind = (is(OperationType::Mutation), is(OperationType::Query));
            Ok((operation.ready(&self.app, viewer, Loading::on_and_on())?, kind))
        });
        match ready {
            Ok((_, (true, _))) => self.refuse(id, "BAD_REQUEST", "Send mutations by POST.").await,
            Ok(((document, request), (_, is_query))) => {
                let answers: Answers = if is_query {
                    let answer = queried(self.app.clone(), document, request);
                    let answer = FutureExt::into_stream(answer).map(Some);
                    Box::pin(answer.chain(tokio_stream::once(None)))
                } else {
                    let answers = self.app.api.subscribe(document, request);
                    Box::pin(answers.map(Some).chain(tokio_stream::once(None)))
                };
                self.operations.insert(id, answers);
                Ok(())
            }
            Err(error) => self.say(json!({ "type": "error", "id": id, "payload": [error] })).await,
        }
    }

    async fn answer(&mut self, id: String, answer: Option<Answer>) -> Result<(), Close> {
        let Some(mut answer) = answer else {
            self.operations.remove(&id);
            return self.say(json!({ "type": "complete", "id": id })).await;
        };
        let most = self.app.config.limits.errors;
        present(&mut answer, request_id(&self.parts.extensions), most);
        let body = Body::of(&answer);
        if body.data.is_some() {
            return self.say(json!({ "type": "next", "id": id, "payload": body })).await;
        }
        // Nothing was executed, and nothing comes after it.
        self.operations.remove(&id);
        self.say(json!({ "type": "error", "id": id, "payload": answer.errors })).await
    }

    async fn refuse(&mut self, id: String, code: &str, message: &str) -> Result<(), Close> {
        let error = json!({ "message": message, "extensions": { "code": code } });
        self.say(json!({ "type": "error", "id": id, "payload": [error] })).await
    }

    /// Asks whether the client is still there, and still who it was.
    async fn check(&mut self) -> Result<(), Close> {
        if self.heard_at.elapsed() > 3 * CHECK_EVERY {
            return Err((1001, "Not heard of for too long".to_owned()));
        }
        if let Some((viewer, authorization)) = &self.known
            && !self.app.auth.still_knows(viewer, authorization.as_deref()).await.map_err(reason)?
        {
            return Err((4403, "Forbidden".to_owned()));
        }
        self.send(Message::Ping(Vec::new().into())).await
    }

    /// Closes the socket, and waits for the client to do so: a connection that is dropped at once may
    /// take the reason with it.
    async fn close(&mut self, (code, reason): Close) {
        let frame = CloseFrame { code, reason: reason.into() };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = self.socket.recv().await {}
        }
    }

    async fn say(&mut self, message: Value) -> Result<(), Close> {
        self.send(Message::Text(message.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Close> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err((1001, "Not taken in time".to_owned())),
        }
    }
}

/// Answers a query as a POST would be: it takes a place, and not longer than one may.
async fn queried(app: Arc<App>, document: Document, request: async_graphql::Request) -> Answer {
    let answered = async {
        let _place = app.admission.enter()?;
        let answer = app.api.execute(document, request);
        timeout(app.config.limits.time, answer).await.map_err(|_| Error::TooSlow)
    };
    answered.await.unwrap_or_else(|error| {
        let error = async_graphql::Error::from(error).into_server_error(Pos::default());
        Answer::from_errors(vec![error])
    })
}

fn checks() -> Interval {
    let mut checks = interval(CHECK_EVERY);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    checks
}

/// Why a client can't be let in, or can't stay.
fn reason(error: Error) -> Close {
    error.log();
    let code = match error {
        Error::Unauthenticated(_) | Error::Forbidden(_) => 4403,
        Error::BadInput(_) | Error::Refused(_) => 4400,
        // A fault of the server.
        Error::Internal(_) => 1011,
        // Try again later: clients don't after 1011.
        _ => 1013,
    };
    (code, error.to_string())
}
