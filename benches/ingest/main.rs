//! Requests per second of everything that writes, beside those of a bare handler.
//!
//! Starts the real program on a fresh database and drives it over loopback with wrk. What counts is
//! the ratio to an axum handler that answers 204, measured right before each figure: machines change
//! their pace from minute to minute. SQLite always, PostgreSQL if `DJAFFAR_TEST_POSTGRES_URL` names
//! a server: `make bench`. `DJAFFAR_BENCH_ROWS` says how full the log is in the last part.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod bare;
mod fill;
mod server;
mod wrk;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::server::Server;
use self::wrk::{Figure, form, log_activities, log_activity};

/// Each figure is the median of so many rounds.
const ROUNDS: usize = 3;
/// Seconds of a round: of the bare handler, and of the work.
const SECONDS: (u32, u32) = (2, 4);

const CONNECTIONS: u32 = 64;
/// For batches of a hundred, of which fewer come at once.
const BATCHING: u32 = 16;

struct Bench {
    runtime: tokio::runtime::Runtime,
    directory: PathBuf,
    bare: String,
    rows: u64,
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let rows = std::env::var("DJAFFAR_BENCH_ROWS").map_or(10_000_000, |rows| rows.parse().unwrap());
    let bench = Bench {
        runtime: tokio::runtime::Runtime::new().unwrap(),
        directory: directory.path().to_owned(),
        bare: bare::handler(),
        rows,
    };
    println!("\n| {:<46} | {:>10} | {:>12} | {:>9} |", "", "per second", "of bare", "p99");
    println!("| {:-<46} | ---------: | -----------: | --------: |", "");
    bench.measure("SQLite", &format!("sqlite://{}/bench.db", directory.path().display()));
    if let Ok(postgres) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
        bench.measure("PostgreSQL", &postgres);
    }
}

impl Bench {
    fn measure(&self, database: &str, url: &str) {
        let token = server::make_user(url);
        let server = Server::start(url);
        let cookie = format!("Cookie: sessionid={}", server.log_in());
        let bearer = format!("Authorization: Bearer {token}");
        let graphql = format!("{}/graphql", server.url);
        let logs = format!("{}/logs", server.url);
        let known = (&logs, form(Some(&cookie)));
        let mut empty = 0.0;
        for (work, url, script) in [
            ("POST /logs, known session", known.0, &known.1),
            ("POST /logs, each a new visitor", &logs, &form(None)),
            ("logActivity, known session", &graphql, &log_activity(&cookie)),
            ("logActivity, bearer token", &graphql, &log_activity(&bearer)),
        ] {
            let (figure, ratio) = self.beside_bare(url, script);
            if empty == 0.0 {
                empty = ratio;
            }
            print(&format!("{database}: {work}"), figure, &format!("{ratio:.2}"));
        }
        self.batches(database, url, &graphql, &cookie);
        line(&format!("{database}: resident memory"), &server.resident_memory());
        drop(server);

        let start = Instant::now();
        self.runtime.block_on(fill::fill(url, self.rows));
        let title = format!("{database}: {} rows made in", self.rows);
        line(&title, &format!("{:.0?}", start.elapsed()));
        let mut starts: Vec<_> = (0..5).map(|_| Server::start(url).started_in).collect();
        starts.sort();
        line(&format!("{database}: start with them"), &format!("{:.0?}", starts[2]));
        let server = Server::start(url);
        let cookie = format!("Cookie: sessionid={}", server.log_in());
        let (figure, ratio) =
            self.beside_bare(&format!("{}/logs", server.url), &form(Some(&cookie)));
        let title = format!("{database}: POST /logs, known session, with them");
        print(&title, figure, &format!("{ratio:.2}"));
        line(
            &format!("{database}: the same, of the rate when empty"),
            &format!("{:.2}", ratio / empty),
        );
    }

    /// The median figure, and the median of its ratios to the bare handler.
    fn beside_bare(&self, url: &str, script: &str) -> (Figure, f64) {
        let directory = Path::new(&self.directory);
        let mut figures = Vec::new();
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let bare = wrk::run(directory, &self.bare, &form(None), CONNECTIONS, SECONDS.0);
            let figure = wrk::run(directory, url, script, CONNECTIONS, SECONDS.1);
            ratios.push(figure.rate / bare.rate);
            figures.push(figure);
        }
        ratios.sort_by(f64::total_cmp);
        figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let rate = figures[ROUNDS / 2].rate;
        figures.sort_by(|a, b| a.p99.total_cmp(&b.p99));
        (Figure { rate, p99: figures[ROUNDS / 2].p99 }, ratios[ROUNDS / 2])
    }

    /// Rows per second by batches of a hundred, beside a bare loop of inserts.
    fn batches(&self, database: &str, url: &str, graphql: &str, cookie: &str) {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let bare = self.runtime.block_on(bare::insert_loop(url, Duration::from_secs(4)));
            let figure =
                wrk::run(&self.directory, graphql, &log_activities(cookie), BATCHING, SECONDS.1);
            rounds.push((figure, bare));
        }
        rounds.sort_by(|a, b| (a.0.rate / a.1).total_cmp(&(b.0.rate / b.1)));
        let (figure, bare) = rounds[ROUNDS / 2];
        line(&format!("{database}: bare loop, rows"), &format!("{bare:.0}"));
        let rows = Figure { rate: figure.rate * 100.0, ..figure };
        let ratio = format!("{:.2} of loop", rows.rate / bare);
        print(&format!("{database}: logActivities, 100 each, rows"), rows, &ratio);
    }
}

fn print(work: &str, figure: Figure, ratio: &str) {
    println!("| {work:<46} | {:>10.0} | {ratio:>12} | {:>6.1} ms |", figure.rate, figure.p99);
}

fn line(work: &str, value: &str) {
    println!("| {work:<46} | {value:>10} | {:>12} | {:>9} |", "", "");
}
