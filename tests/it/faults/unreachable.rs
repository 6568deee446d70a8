//! The database can't be asked who somebody is.

use reqwest::header::SET_COOKIE;
use serde_json::json;

use super::recording::Injection;
use super::{program, report, until};
use crate::harness::{Client, Server, TestApp, TestDatabase};

/// While it lasts, the database does not answer a node.
enum Outage {
    /// PostgreSQL lets nobody in.
    Closed,
    /// Whatever is read from the files of SQLite can't be.
    Unreadable(Injection),
}

impl Outage {
    async fn begin(app: &TestApp, node: &Server) -> Self {
        if app.database.is_postgres() {
            app.database.close_to_all().await;
            return Self::Closed;
        }
        let files = app.database.file();
        let injection = Injection::begin(node.process, &files, "pread64", "error=EIO").await;
        // What the node knows by heart of the files is no longer so.
        app.visitor().log("/meanwhile").await;
        Self::Unreadable(injection)
    }

    async fn end(self, database: &TestDatabase) {
        match self {
            Self::Closed => database.open_again().await,
            Self::Unreadable(injection) => injection.end().await,
        }
    }
}

/// Asks and logs, by both doors: none of it may be taken for somebody else's.
async fn assert_unavailable(who: &str, client: &Client) {
    for operation in [
        "{ viewer { role } }",
        "mutation { logActivity(input: { path: \"/\" }) { activity { id } } }",
    ] {
        let response = client.post_graphql(operation, json!({})).await;
        assert_eq!(response.status(), 503, "{who} {operation}");
        assert!(response.headers().get(SET_COOKIE).is_none(), "{who} keeps the session");
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{who}");
    }
    let form = [("date", "2026-11-23T03:00:00"), ("path", "/")];
    let response = client.post_form("/logs", &form).await;
    assert_eq!(response.status(), 503, "{who}");
    assert!(response.headers().get(SET_COOKIE).is_none(), "{who} keeps the session");
}

#[tokio::test]
async fn without_the_database_nobody_is_taken_for_anonymous() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    visitor.log("/").await;
    let logged_in = app.logged_in("jeff", "user").await;
    let by_token = app.visitor().with_bearer(&app.make_token("jeff", "log,read").await);
    // A node that remembers none of them.
    let node =
        program(&app.database).serve(&["--listen", "127.0.0.1:0", "--mode", "development"]).await;
    let callers = [("a visitor", visitor), ("jeff", logged_in), ("jeff's token", by_token)]
        .map(|(who, client)| (who, client.at(&node.url)));

    let stored = "SELECT count(*) FROM djaffar_activity WHERE path = '/'";
    let outage = Outage::begin(&app, &node).await;
    for (who, client) in &callers {
        assert_unavailable(who, client).await;
    }
    if app.database.is_postgres() {
        assert_eq!(Client::new(&node.url).get("/readyz").await.status(), 503);
    }
    outage.end(&app.database).await;
    assert_eq!(app.database.count(stored).await, 1, "nothing was logged");

    // Everybody is who they were.
    let query = "{ viewer { user { username } session { id } } }";
    for (who, client) in &callers {
        until(who, async || client.post_graphql(query, json!({})).await.status() == 200).await;
        let viewer = client.graphql(query).await["viewer"].take();
        match *who {
            "a visitor" => assert!(viewer["session"]["id"].is_string(), "{viewer}"),
            _ => assert_eq!(viewer["user"]["username"], "jeff", "{who}"),
        }
    }
    report("session store unreachable", "503 for each of 3 callers at each of 3 doors".to_owned());
}
