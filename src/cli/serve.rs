//! `djaffar serve`

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::Result;
use super::settings::Serve;
use crate::app::Djaffar;
use crate::config::Mode;
use crate::store::Database;

/// Most open files, nearly all of them connections.
const MAX_FILES: u64 = 20_000;
/// Most connections that wait to be let in; the system may have a lower limit (`somaxconn`).
const WAITING: u32 = 4_096;

pub(super) async fn run(database_url: &str, serve: Serve) -> Result<()> {
    // Each connection takes a file, and the usual limit of 1,024 was made for another age. It also
    // bounds the memory that connections take; further ones wait until there is room.
    if let Err(error) = rlimit::increase_nofile_limit(MAX_FILES) {
        tracing::warn!(error.cause = %error, "the limit of open files stays as it is");
    }
    let database = Database::connect_with(database_url, serve.read_timeout).await?;
    let djaffar = Djaffar::builder(database, serve.config()?).start().await?;
    // Whoever reads that it serves may stop it the next moment.
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = listen(serve.listen).map_err(|error| {
        let address = serve.listen;
        std::io::Error::new(error.kind(), format!("can't listen on {address}: {error}"))
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    if !djaffar.auth().users.exist().await? {
        welcome(&url, &djaffar.auth().setup.open());
    }
    if serve.mode == Mode::Development {
        tracing::warn!("development mode: cookies over plain HTTP, the schema for everybody");
    }
    tracing::info!(url, version = env!("CARGO_PKG_VERSION"), "serving");
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    };
    // A task among those of the requests: let in by a thread of its own, new connections would come in
    // by the queue of those who wait for a commit, and hold them up when there are too many.
    tokio::spawn(async move { djaffar.serve(listener, stop).await }).await??;
    tracing::info!("stopped");
    Ok(())
}

/// Listens like [`TcpListener::bind`], but with room for more who wait to be let in: to one who is not
/// even heard the kernel answers only when they have asked again, a second later or three.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// What somebody who starts from nothing wants to know.
fn welcome(url: &str, setup_token: &str) {
    println!(
        r#"Make the first admin: {url}/#/setup?token={setup_token}

The link is good until somebody is there. Or make one by the command line:

  djaffar user create NAME --role admin

Log an activity, by the form or by GraphQL:

  curl -i {url}/logs -d date=$(date -u +%FT%TZ) -d path=/hello
  curl {url}/graphql -H 'content-type: application/json' -d '{{"query": "mutation {{ logActivity(input: {{path: \"/hello\"}}) {{ activity {{ id }} }} }}"}}'
"#
    );
}
