//! How long staff wait for an answer, over HTTP, beside plain SQL for the same answer.
//!
//! Fills a fresh database by `djaffar demo fill`, starts the real program and asks one question after
//! the other. SQLite always, PostgreSQL if `DJAFFAR_TEST_POSTGRES_URL` names a server: `make bench`.
//! `DJAFFAR_BENCH_ACTIVITIES` says how many there are. `DJAFFAR_BENCH_DATABASE` is the URL of a
//! database that has been filled before, to ask that alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod client;
#[path = "../../tests/it/harness/database.rs"]
#[allow(dead_code)]
mod database;
mod live;
mod load;
mod questions;
#[path = "../ingest/server.rs"]
#[allow(dead_code)]
mod server;
mod sql;

use std::process::Command;
use std::time::{Duration, Instant};

use self::client::Client;
use self::database::TestDatabase;
use self::load::Load;
use self::questions::{Bar, Question};
use self::server::Server;
use self::sql::Sql;

/// So often each question is asked, about one thing after the other: of fewer answers the p99 would be
/// that of one or two which a neighbour on the machine held up.
const ROUNDS: usize = 1_000;
/// The plain SQL is not asked again once it has taken so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same of a question: of two to four hundred answers the p99 would be that of the first ones, for
/// which each connection of PostgreSQL prepares itself.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// Activities a second that a filling has to write.
const FILL_RATE: f64 = 50_000.0;
/// Activities a second that come in meanwhile, in the part that is asked under load.
const LOAD: u32 = 500;

fn main() {
    if let Ok(filled) = std::env::var("DJAFFAR_BENCH_DATABASE") {
        return measure("Filled before", &filled);
    }
    let directory = tempfile::tempdir().unwrap();
    let rows = ["DJAFFAR_BENCH_ACTIVITIES", "DJAFFAR_BENCH_ROWS"];
    let rows = rows.iter().find_map(|name| std::env::var(name).ok());
    let rows = rows.unwrap_or("10000000".to_owned());
    let sqlite = format!("sqlite://{}/bench.db", directory.path().display());
    fill("SQLite", &sqlite, &rows);
    measure("SQLite", &sqlite);
    if let Ok(postgres) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
        let database = runtime().block_on(TestDatabase::on(&postgres));
        fill("PostgreSQL", &database.url, &rows);
        measure("PostgreSQL", &database.url);
    }
}

/// One thread, so that no answer is handed from one to another before its time is taken.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn fill(database: &str, url: &str, rows: &str) {
    let start = Instant::now();
    let filled = run(url, &["demo", "fill", "--activities", rows]);
    let rate: f64 = filled.rsplit(": ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
    let verdict = if rate >= FILL_RATE { "ok" } else { "MISSED" };
    println!("\n{database}: {} (bar: {FILL_RATE:.0}, {verdict})", filled.trim());
    println!("{database}: filled, indexed and counted in {:.0?}", start.elapsed());
}

fn measure(database: &str, url: &str) {
    let runtime = runtime();
    let sql = runtime.block_on(Sql::connect(url));
    runtime.block_on(sql.analyze());
    let server = Server::start(url);
    let name = format!("bench-{}", std::process::id());
    run(url, &["user", "create", &name, "--role", "staff", "--password-stdin"]);
    let token = |scope: &str| {
        run(url, &["token", "create", "--user", &name, "--name", "x", "--scope", scope])
    };
    let (read, log) = (token("read"), token("log"));
    let client = Client::new(&server.url, read.trim());
    runtime.block_on(async {
        let questions = questions::all(&client, &sql).await;
        head(database);
        for question in &questions {
            ask(&client, &sql, question).await;
        }
        head(&format!("{database}, while {LOAD} a second come in"));
        let load = Load::start(&server.url, log.trim(), LOAD);
        for question in questions.iter().filter(|question| question.under_load) {
            ask(&client, &sql, question).await;
        }
        println!("\n{database}: {}", load.stop().await);
        println!("\n| {:<52} | {:>9} | {:>9} | {:>9} | verdict |", "live", "median", "p99", "bar");
        println!("| {:-<52} | --------: | --------: | --------: | ------- |", "");
        live::measure(database, &server.url, &server.url, &read, &log).await;
        if url.starts_with("postgres") {
            let other = Server::start(url);
            let title = format!("{database}, stored by another node");
            live::measure(&title, &other.url, &server.url, &read, &log).await;
        }
    });
}

fn head(database: &str) {
    println!(
        "\n| {database:<52} | {:>9} | {:>9} | {:>9} | {:>9} | {:>6} | {:>14} | verdict |",
        "median", "p99", "plain SQL", "its p99", "p99 by", "bar"
    );
    let line = "--------:";
    println!(
        "| {:-<52} | {line} | {line} | {line} | {line} | -----: | -------------: | ------- |",
        ""
    );
}

/// Asks a question, and prints how long that takes.
async fn ask(client: &Client, sql: &Sql, question: &Question) {
    if question.bar == Some(Bar::Cut) {
        return cut(client, question).await;
    }
    let Times { over_http: (median, p99), plain } = in_turns(client, sql, question).await;
    let ratio = plain.map(|(_, of_sql)| p99.as_secs_f64() / of_sql.as_secs_f64());
    println!(
        "| {:<52} | {} | {} | {} | {} | {:>6} | {:>14} | {:<7} |",
        question.title,
        shown(median),
        shown(p99),
        plain.map_or(format!("{:>9}", ""), |(median, _)| shown(median)),
        plain.map_or(format!("{:>9}", ""), |(_, p99)| shown(p99)),
        ratio.map_or(String::new(), |ratio| format!("{ratio:.1}")),
        question.bar.map_or(String::new(), |bar| bar.to_string()),
        question.bar.map_or("", |bar| bar.verdict(p99, ratio)),
    );
}

/// Asks what no index can answer: it is cut, or answered sooner.
async fn cut(client: &Client, question: &Question) {
    let start = Instant::now();
    let code = client.error(&question.query, &question.variables[0]).await;
    let time = start.elapsed();
    let is_told = code.as_deref().is_none_or(|code| code == "TIMEOUT");
    println!(
        "| {:<52} | {:>9} | {} | {:>9} | {:>9} | {:>6} | {:>14} | {:<7} |",
        question.title,
        code.unwrap_or_default(),
        shown(time),
        "",
        "",
        "",
        "TIMEOUT in 9 s",
        if is_told && time < Duration::from_secs(9) { "ok" } else { "MISSED" },
    );
}

/// Medians and 99th percentiles.
struct Times {
    over_http: (Duration, Duration),
    plain: Option<(Duration, Duration)>,
}

/// Asks over HTTP and by plain SQL in turns, so that a neighbour on the machine holds up both, and
/// neither always finds in memory what the other has read.
async fn in_turns(client: &Client, sql: &Sql, question: &Question) -> Times {
    let (mut over_http, mut plain) = (Vec::new(), Vec::new());
    let sum = |times: &[Duration]| times.iter().sum::<Duration>();
    for round in 0..ROUNDS {
        let which = round % question.variables.len();
        let statements = question.sql.get(which).filter(|_| sum(&plain) < PATIENCE);
        let is_first = (round / question.variables.len() + round) % 2 == 1;
        if let Some(statements) = statements.filter(|_| is_first) {
            plain.push(by_sql(sql, statements).await);
        }
        let start = Instant::now();
        let answer = client.fetch(&question.query, &question.variables[which]).await;
        over_http.push(start.elapsed());
        // As of the plain SQL, nothing is looked at in the time that is taken.
        client::data(&answer).unwrap();
        if let Some(statements) = statements.filter(|_| !is_first) {
            plain.push(by_sql(sql, statements).await);
        }
        if sum(&over_http) > LONG_PATIENCE {
            break;
        }
    }
    let plain = (!plain.is_empty()).then(|| percentiles(plain));
    Times { over_http: percentiles(over_http), plain }
}

async fn by_sql(sql: &Sql, statements: &[String]) -> Duration {
    let start = Instant::now();
    for statement in statements {
        sql.query(statement).await;
    }
    start.elapsed()
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
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
