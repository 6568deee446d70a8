//! How long staff wait for an answer, over HTTP, beside plain SQL for the same answer.
//!
//! Fills a fresh database by `djaffar demo fill`, starts the real program and asks one question after
//! the other. SQLite always, PostgreSQL if `DJAFFAR_TEST_POSTGRES_URL` names a server: `make bench`.
//! `DJAFFAR_BENCH_ROWS` says how many activities there are. `DJAFFAR_BENCH_DATABASE` is the URL of a
//! database that has been filled before, to ask that alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod client;
mod questions;
#[path = "../ingest/server.rs"]
#[allow(dead_code)]
mod server;
mod sql;

use std::process::Command;
use std::time::{Duration, Instant};

use self::client::Client;
use self::questions::Question;
use self::server::Server;
use self::sql::Sql;

/// So often each question is asked, each time about something else.
const ROUNDS: usize = 200;
/// The plain SQL is asked less often if it takes longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() {
    if let Ok(filled) = std::env::var("DJAFFAR_BENCH_DATABASE") {
        return measure("Filled before", &filled);
    }
    let directory = tempfile::tempdir().unwrap();
    let rows = std::env::var("DJAFFAR_BENCH_ROWS").unwrap_or("10000000".to_owned());
    let sqlite = format!("sqlite://{}/bench.db", directory.path().display());
    fill("SQLite", &sqlite, &rows);
    measure("SQLite", &sqlite);
    if let Ok(postgres) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
        fill("PostgreSQL", &postgres, &rows);
        measure("PostgreSQL", &postgres);
    }
}

fn fill(database: &str, url: &str, rows: &str) {
    let start = Instant::now();
    let filled = run(url, &["demo", "fill", "--activities", rows]);
    println!("\n{database}: {}", filled.trim());
    println!("{database}: filled, indexed and counted in {:.0?}", start.elapsed());
}

fn measure(database: &str, url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sql = runtime.block_on(Sql::connect(url));
    runtime.block_on(sql.analyze());
    let server = Server::start(url);
    let name = format!("bench-{}", std::process::id());
    run(url, &["user", "create", &name, "--role", "staff", "--password-stdin"]);
    let token = run(url, &["token", "create", "--user", &name, "--name", "x", "--scope", "read"]);
    let client = Client::new(&server.url, token.trim());
    println!("\n| {:<52} | {:>9} | {:>9} | {:>9} |", database, "median", "p99", "plain SQL");
    println!("| {:-<52} | --------: | --------: | --------: |", "");
    runtime.block_on(async {
        for question in questions::all(&client, &sql).await {
            let (median, p99) = over_http(&client, &question).await;
            let plain = plain(&sql, &question).await;
            println!(
                "| {:<52} | {} | {} | {} |",
                question.title,
                shown(median),
                shown(p99),
                plain.map_or(format!("{:>9}", ""), shown)
            );
        }
    });
}

/// The median and the 99th percentile.
async fn over_http(client: &Client, question: &Question) -> (Duration, Duration) {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let variables = &question.variables[round % question.variables.len()];
        let start = Instant::now();
        client.ask(&question.query, variables).await;
        times.push(start.elapsed());
    }
    times.sort();
    (times[ROUNDS / 2], times[ROUNDS * 99 / 100])
}

/// The median of the same by plain SQL.
async fn plain(sql: &Sql, question: &Question) -> Option<Duration> {
    let mut times = Vec::new();
    let start = Instant::now();
    for statements in question.sql.iter().cycle().take(ROUNDS.min(question.sql.len() * ROUNDS)) {
        let start_of_one = Instant::now();
        for statement in statements {
            sql.query(statement).await;
        }
        times.push(start_of_one.elapsed());
        if start.elapsed() > PATIENCE && times.len() > 2 {
            break;
        }
    }
    times.sort();
    times.get(times.len() / 2).copied()
}

fn shown(time: Duration) -> String {
    format!("{:>6.1} ms", time.as_secs_f64() * 1_000.0)
}

fn run(url: &str, arguments: &[&str]) -> String {
    use std::io::Write;

    let mut command = Command::new(env!("CARGO_BIN_EXE_djaffar"));
    command.env("DJAFFAR_DATABASE_URL", url).args(arguments);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "correct horse battery staple").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
