//! How soon an activity is seen by those who watch.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::client::Client;
use crate::{percentiles, shown};

const ROUNDS: usize = 200;
const BAR: Duration = Duration::from_millis(100);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Logs one activity after the other at a node, and prints how long it takes from there to somebody
/// who watches at a node, the commit included.
pub async fn measure(title: &str, log_at: &str, watch_at: &str, read: &str, log: &str) {
    let mut socket = watch(watch_at, read.trim()).await;
    let client = Client::new(log_at, log.trim());
    let query =
        "mutation($path: String!) { logActivity(input: { path: $path }) { userErrors { code } } }";
    // Another node tells only when it has heard that somebody watches.
    loop {
        client.ask(query, &json!({ "path": "/live/knock" })).await;
        let heard = tokio::time::timeout(Duration::from_millis(200), path(&mut socket)).await;
        if heard.is_ok() {
            break;
        }
    }
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let logged = format!("/live/{round}");
        let start = Instant::now();
        let variables = json!({ "path": logged });
        let seen = async {
            while path(&mut socket).await != logged {}
            start.elapsed()
        };
        let (time, _) = tokio::join!(seen, client.ask(query, &variables));
        times.push(time);
    }
    let (median, p99) = percentiles(times);
    let verdict = if p99 <= BAR { "ok" } else { "MISSED" };
    println!(
        "| {title:<52} | {} | {} | {} | {verdict:<7} |",
        shown(median),
        shown(p99),
        shown(BAR)
    );
}

async fn watch(url: &str, token: &str) -> Socket {
    let mut request =
        format!("{}/graphql/ws", url.replacen("http", "ws", 1)).into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let mut socket = connect_async(request).await.unwrap().0;
    let payload = json!({ "authorization": format!("Bearer {token}") });
    say(&mut socket, json!({ "type": "connection_init", "payload": payload })).await;
    hear(&mut socket).await;
    let query =
        "subscription { activityLogged(where: { path: { startsWith: \"/live/\" } }) { path } }";
    say(&mut socket, json!({ "type": "subscribe", "id": "1", "payload": { "query": query } }))
        .await;
    socket
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// The path of the next activity.
async fn path(socket: &mut Socket) -> String {
    let next = hear(socket).await;
    next["payload"]["data"]["activityLogged"]["path"].as_str().unwrap_or_default().to_owned()
}
