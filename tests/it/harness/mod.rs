//! What every test needs: a server on a fresh database, and clients of it.

mod client;
mod database;
mod postgres;
mod program;
mod socket;

use std::net::SocketAddr;

use axum::Router;
use djaffar::{Config, Database, Djaffar, Mode};
use tokio::net::TcpListener;

pub use client::{Client, set_cookie};
pub use database::TestDatabase;
pub use postgres::PostgresServer;
pub use program::{Program, Server};
pub use socket::Socket;

/// The password of every user that a test makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running instance, nested in a host application under a random path.
pub struct TestApp {
    pub database: TestDatabase,
    pub djaffar: Djaffar,
    pub url: String,
}

impl TestApp {
    /// In development mode, so that cookies travel over plain HTTP.
    pub async fn start() -> Self {
        Self::start_with(development()).await
    }

    pub async fn start_with(config: Config) -> Self {
        Self::start_on(TestDatabase::create().await, config).await
    }

    pub async fn start_on(database: TestDatabase, config: Config) -> Self {
        let djaffar = instance(&database, config).await;
        Self::mount(database, djaffar, |router| router).await
    }

    /// Lets the host put something around the router, such as a layer that knows its users.
    pub async fn start_in_host(host: impl FnOnce(Router) -> Router) -> Self {
        let database = TestDatabase::create().await;
        let djaffar = instance(&database, development()).await;
        Self::mount(database, djaffar, host).await
    }

    async fn mount(
        database: TestDatabase,
        djaffar: Djaffar,
        host: impl FnOnce(Router) -> Router,
    ) -> Self {
        let path = format!("/{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let router = host(Router::new().nest(&path, djaffar.router()));
        let url = format!("{}{path}", serve(router).await);
        Self { database, djaffar, url }
    }

    /// Another instance on the same database, as on another machine.
    pub async fn another_node(&self) -> (Djaffar, String) {
        self.another_node_with(development()).await
    }

    pub async fn another_node_with(&self, config: Config) -> (Djaffar, String) {
        let djaffar = instance(&self.database, config).await;
        let url = serve(djaffar.router()).await;
        (djaffar, url)
    }

    /// Somebody with an empty cookie jar.
    pub fn visitor(&self) -> Client {
        Client::new(&self.url)
    }

    /// The command line, on the same database.
    pub fn program(&self) -> Program {
        Program::new(&self.database.url)
    }

    pub async fn make_user(&self, name: &str, role: &str) {
        let created = self
            .program()
            .input(PASSWORD)
            .run(&["user", "create", name, "--role", role, "--password-stdin"])
            .await;
        created.success();
    }

    pub async fn make_token(&self, user: &str, scope: &str) -> String {
        let arguments = ["token", "create", "--user", user, "--name", "a test's", "--scope", scope];
        self.program().run(&arguments).await.success().trim().to_owned()
    }

    /// A new user, logged in by cookie.
    pub async fn logged_in(&self, name: &str, role: &str) -> Client {
        self.make_user(name, role).await;
        let client = self.visitor();
        client.log_in(name, PASSWORD).await;
        client
    }

    /// A new member of staff.
    pub async fn staff(&self) -> Client {
        self.make_user("staff", "staff").await;
        self.visitor().with_bearer(&self.make_token("staff", "read").await)
    }

    /// A counter of the metrics page.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.visitor().get("/metrics").await.text().await.unwrap();
        let line = text
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }
}

pub fn development() -> Config {
    let mut config = Config::default();
    config.mode = Mode::Development;
    // A test is more than one client may be.
    config.rates = None;
    config
}

async fn instance(database: &TestDatabase, config: Config) -> Djaffar {
    let database = Database::connect(&database.url).await.unwrap();
    Djaffar::builder(database, config).start().await.unwrap()
}

/// Serves on a free port of the loopback interface, and returns the URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    url
}
