//! An instance of djaffar: its parts, its router, its end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::{Handle, Server};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::activity::Activities;
use crate::auth::Auth;
use crate::config::Config;
use crate::error::Error;
use crate::graphql::{Api, Domain};
use crate::http::{self, Admission, RequestRates};
use crate::metrics::Metrics;
use crate::privacy::Privacy;
use crate::store::{Database, Store};

/// A request that is under way when the service stops gets so long to end.
const DRAIN: Duration = Duration::from_secs(8);
/// After so long the service has stopped, whatever the database does: whoever runs services kills
/// them after ten seconds. Nobody waits for an answer by then.
const STOP: Duration = Duration::from_secs(9);
/// Who connects must have sent the head of a request within this time.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// Requests at a time over one connection of HTTP/2.
const STREAMS: u32 = 32;
/// After that a connection may be idle for so long: longer than the 60 s after which proxies give
/// up theirs, so that they never send a request into a connection that is being closed. One of HTTP/2
/// is asked instead whether it still lives.
const IDLE: Duration = Duration::from_secs(75);

/// A running instance. Cheap to clone.
///
/// Keeps no global state: several may live in one process, each on its own database.
#[derive(Clone)]
pub struct Djaffar {
    app: Arc<App>,
}

/// What the doors hold on to. Shared, not cloned, by the requests.
pub(crate) struct App {
    pub config: Arc<Config>,
    pub activities: Activities,
    pub auth: Arc<Auth>,
    pub privacy: Privacy,
    pub api: Api,
    pub admission: Admission,
    /// None: no limits.
    pub rates: Option<RequestRates>,
    pub store: Store,
    pub metrics: Metrics,
    stopping: watch::Sender<bool>,
    // They live as long as a router does.
    tasks: Tasks,
}

impl App {
    /// Returns when the instance stops.
    pub(crate) async fn stopped(&self) {
        // It can't fail: the sender is at hand.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

struct Tasks {
    writer: Mutex<Option<JoinHandle<()>>>,
    sweep: JoinHandle<()>,
    roll_up: JoinHandle<()>,
    relay: JoinHandle<()>,
    erase: JoinHandle<()>,
    prune: JoinHandle<()>,
}

impl Tasks {
    /// Ends those that can take up their work at any time.
    fn abort(&self) {
        self.sweep.abort();
        self.roll_up.abort();
        self.relay.abort();
        self.erase.abort();
        self.prune.abort();
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.abort();
    }
}

/// An instance that is not started yet.
#[derive(Debug)]
pub struct Builder {
    database: Database,
    config: Config,
}

impl Builder {
    /// Migrates the database and starts the tasks that work in the background.
    ///
    /// # Errors
    ///
    /// If the database can't be reached or migrated.
    pub async fn start(self) -> Result<Djaffar, Error> {
        self.database.migrate().await?;
        let metrics = Metrics::new();
        let (store, writer) = Store::start(self.database, &metrics, self.config.roll_up_every)?;
        let auth = Arc::new(Auth::new(&store, &self.config)?);
        let sweep = tokio::spawn(auth.sessions.clone().sweep(self.config.sweep_every));
        let roll_up = tokio::spawn(store.clone().keep_rolled_up(self.config.roll_up_every));
        let (activities, relay) = Activities::start(store.clone(), auth.sessions.clone());
        let privacy = Privacy::new(store.clone(), auth.clone(), activities.clone());
        let erase = tokio::spawn(privacy.clone().keep_erasing());
        let prune = tokio::spawn(privacy.clone().keep_pruning(self.config.retention.clone()));
        let config = Arc::new(self.config);
        let domain = Domain {
            activities: activities.clone(),
            auth: auth.clone(),
            privacy: privacy.clone(),
            config: config.clone(),
        };
        let api = Api::new(domain);
        let writer = Mutex::new(Some(writer));
        let tasks = Tasks { writer, sweep, roll_up, relay, erase, prune };
        let admission = Admission::new();
        let rates = config.rates.as_ref().map(RequestRates::new);
        let stopping = watch::Sender::new(false);
        let app = App {
            config,
            activities,
            auth,
            privacy,
            api,
            admission,
            rates,
            store,
            metrics,
            stopping,
            tasks,
        };
        Ok(Djaffar { app: Arc::new(app) })
    }
}

impl Djaffar {
    /// An instance on this database.
    pub fn builder(database: Database, config: Config) -> Builder {
        Builder { database, config }
    }

    /// All paths of djaffar, to serve as they are or to nest under any path of a host application.
    ///
    /// The address of the client is stored if the host serves with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Router {
        http::router(self.app.clone())
    }

    /// Serves until `stop` is ready, then answers what is under way and stores what is queued.
    ///
    /// # Errors
    ///
    /// If the listener fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let handle = Handle::<SocketAddr>::new();
        let mut server = Server::from_listener(listener)
            .handle(handle.clone())
            .first_request_timeout(FIRST_REQUEST)
            .accept_error_handler(|_, error| tracing::warn!(error.cause = %error, "not accepted"));
        server.http_builder().http1().header_read_timeout(IDLE).max_buf_size(MAX_HEAD);
        let mut http2 = server.http_builder().http2();
        http2.keep_alive_interval(IDLE).max_concurrent_streams(STREAMS);
        let app = self.app.clone();
        let stopping = tokio::spawn(async move {
            stop.await;
            let deadline = Instant::now() + STOP;
            app.stopping.send_replace(true);
            handle.graceful_shutdown(Some(DRAIN));
            deadline
        });
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        let result = server.serve(service).await;
        stopping.abort();
        self.shutdown_by(stopping.await.unwrap_or_else(|_| Instant::now() + STOP)).await;
        result
    }

    /// Stores what is queued, ends the tasks and closes the database: later requests are told 503.
    /// Waits no longer than ten seconds for a database that is too slow for that.
    ///
    /// To be called by hosts that use [`Djaffar::router`]; [`Djaffar::serve`] does it by itself.
    pub async fn shutdown(&self) {
        self.shutdown_by(Instant::now() + STOP).await;
    }

    async fn shutdown_by(&self, deadline: Instant) {
        if timeout_at(deadline, self.wind_up()).await.is_err() {
            tracing::error!("the database is too slow to be waited for");
        }
    }

    async fn wind_up(&self) {
        self.app.stopping.send_replace(true);
        self.app.store.stop();
        self.app.tasks.abort();
        if let Some(writer) = self.app.tasks.writer.lock().await.take() {
            // Should it have failed, it has said so itself.
            let _ = writer.await;
        }
        if let Err(error) = self.app.store.close().await {
            error.log();
        }
    }

    #[cfg(feature = "cli")]
    pub(crate) fn store(&self) -> &Store {
        &self.app.store
    }

    #[cfg(feature = "cli")]
    pub(crate) fn privacy(&self) -> &Privacy {
        &self.app.privacy
    }

    pub(crate) fn activities(&self) -> &Activities {
        &self.app.activities
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.app.auth
    }
}

impl std::fmt::Debug for Djaffar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Djaffar").field("config", &self.app.config).finish_non_exhaustive()
    }
}
