//! Requests per second of everything that writes, beside those of a bare handler.
//!
//! Starts the real program on a fresh database, drives it over loopback with wrk, and measures an
//! axum handler that answers 204 in the same run: the ratio is what counts. SQLite always,
//! PostgreSQL if `DJAFFAR_TEST_POSTGRES_URL` names a server: `make bench`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

const CONNECTIONS: &str = "64";
const SECONDS: &str = "8";
const PASSWORD: &str = "correct horse battery staple";
const LOG_ACTIVITY: &str = "mutation($input: LogActivityInput!) { logActivity(input: $input) { activity { id } userErrors { message } } }";
const LOG_ACTIVITIES: &str = "mutation($activities: [LogActivityInput!]!) { logActivities(input: { activities: $activities }) { results { userErrors { message } } } }";

/// What wrk has measured.
struct Figure {
    requests: f64,
    p99: String,
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let bare = bare(directory.path());
    println!("\n{:<42} {:>10} {:>7} {:>9}", "", "req/s", "ratio", "p99");
    print("bare handler answering 204", &bare, &bare);
    let sqlite = format!("sqlite://{}/bench.db", directory.path().display());
    measure("SQLite", &sqlite, &bare, directory.path());
    if let Ok(postgres) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
        measure("PostgreSQL", &postgres, &bare, directory.path());
    }
}

fn bare(directory: &Path) -> Figure {
    let (address, addresses) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let handler = axum::routing::post(async || axum::http::StatusCode::NO_CONTENT);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, axum::Router::new().route("/logs", handler)).await.unwrap();
        });
    });
    let url = format!("http://{}", addresses.recv().unwrap());
    wrk(directory, &format!("{url}/logs"), &form(None))
}

fn measure(database: &str, url: &str, bare: &Figure, directory: &Path) {
    let run = |arguments: &[&str]| -> String {
        let mut child = program(url)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    run(&["user", "create", "jeff", "--password-stdin"]);
    let token = run(&["token", "create", "--user", "jeff", "--name", "bench", "--scope", "log"]);
    let server = Server::start(url);
    let cookie = format!("Cookie: sessionid={}", server.log_in());
    let bearer = format!("Authorization: Bearer {token}");

    let graphql = format!("{}/graphql", server.url);
    let logs = format!("{}/logs", server.url);
    for (work, url, script) in [
        ("POST /logs, known session", &logs, form(Some(&cookie))),
        ("POST /logs, each a new visitor", &logs, form(None)),
        ("logActivity, known session", &graphql, log_activity(&cookie)),
        ("logActivity, bearer token", &graphql, log_activity(&bearer)),
        ("logActivities, 100 each", &graphql, log_activities(&cookie)),
    ] {
        let figure = wrk(directory, url, &script);
        print(&format!("{database}: {work}"), &figure, bare);
    }
    println!("{:<42} {:>10}", format!("{database}: resident memory"), server.resident_memory());
}

fn print(work: &str, figure: &Figure, bare: &Figure) {
    let ratio = figure.requests / bare.requests;
    println!("{work:<42} {:>10.0} {ratio:>7.2} {:>9}", figure.requests, figure.p99);
}

fn program(database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_djaffar"));
    command.env("DJAFFAR_DATABASE_URL", database_url);
    command
}

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(database_url: &str) -> Self {
        let mut command = program(database_url);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--mode",
            "development",
            "--log-format",
            "json",
        ]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = log
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
                (line["message"] == "serving").then(|| line["url"].as_str().unwrap().to_owned())
            })
            .unwrap();
        std::thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        Self { child, url }
    }

    /// The value of a session cookie.
    fn log_in(&self) -> String {
        let query =
            "mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }";
        let body = json!({ "query": query, "variables": { "input": { "username": "jeff", "password": PASSWORD } } });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = reqwest::Client::new().post(format!("{}/graphql", self.url)).json(&body);
            let response = request.send().await.unwrap();
            let cookie = response.headers()["set-cookie"].to_str().unwrap();
            cookie.strip_prefix("sessionid=").unwrap().split(';').next().unwrap().to_owned()
        })
    }

    fn resident_memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap_or("unknown").trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request that never changes, so that the generator costs as little as it can.
fn form(header: Option<&str>) -> String {
    let body =
        "date=2026-11-23T03:00:00.123Z&path=/checkout/payment&referer=https://shop.example/cart";
    let header = header.map(header_line).unwrap_or_default();
    format!(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\n{header}wrk.body = '{body}'\n"
    )
}

/// The same document, with another path each time.
fn log_activity(header: &str) -> String {
    let input = json!({ "path": "/products/@", "referer": "https://shop.example/" });
    counting(header, &json!({ "query": LOG_ACTIVITY, "variables": { "input": input } }))
}

fn log_activities(header: &str) -> String {
    let activities =
        vec![json!({ "path": "/products/@", "referer": "https://shop.example/" }); 100];
    counting(header, &json!({ "query": LOG_ACTIVITIES, "variables": { "activities": activities } }))
}

fn counting(header: &str, body: &serde_json::Value) -> String {
    let header = header_line(header);
    format!(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n{header}\
         local body = '{body}'\nlocal count = 0\n\
         request = function()\n  count = count + 1\n  return wrk.format(nil, nil, nil, (body:gsub('@', count)))\nend\n"
    )
}

fn header_line(header: &str) -> String {
    let (name, value) = header.split_once(": ").unwrap();
    format!("wrk.headers['{name}'] = '{value}'\n")
}

fn wrk(directory: &Path, url: &str, script: &str) -> Figure {
    // Answers other than 2xx would be no figures.
    let done = "done = function(summary)\n  local e = summary.errors\n  io.write('errors ', e.status + e.connect + e.read + e.write + e.timeout, '\\n')\nend\n";
    let file = directory.join("wrk.lua");
    std::fs::write(&file, format!("{script}{done}")).unwrap();
    let output = Command::new("wrk")
        .args(["-t1", "-c", CONNECTIONS, "-d", SECONDS, "--latency", "-s"])
        .arg(&file)
        .arg(url)
        .output()
        .expect("wrk, as of the Debian package");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("errors 0"), "{text}");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
    };
    Figure { requests: field("Requests/sec:").parse().unwrap(), p99: field("99%") }
}
