//! Requests per second of everything that writes, beside those of a bare handler.
//!
//! Starts the real program on a fresh database and drives it over loopback with wrk. What counts is
//! the ratio to an axum handler that answers 204, measured right before each figure: machines change
//! their pace from minute to minute. SQLite always, PostgreSQL if `DJAFFAR_TEST_POSTGRES_URL` names
//! a server: `make bench`. `DJAFFAR_BENCH_ROWS` says how full the log is in the last part.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod bare;
#[path = "../../tests/it/harness/database.rs"]
#[allow(dead_code)]
mod database;
mod fill;
mod server;
mod wrk;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::database::TestDatabase;
use self::server::Server;
use self::wrk::{Figure, form, log_activities, log_activity};

/// Each figure is the median of so many rounds.
const ROUNDS: usize = 3;
/// Seconds of a round: of the bare handler, and of the work.
const SECONDS: (u32, u32) = (2, 4);

/// As many as the ratios are asked for, and fewer: half of them have most of it stored, and wait less
/// for each other.
const CONNECTIONS: u32 = 64;
const FEWER: u32 = 32;
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
    println!("\n| {:<48} | per second |         ratio |      bar |       p99 |", "");
    println!("| {:-<48} | ---------: | ------------: | -------: | --------: |", "");
    bench.measure("SQLite", &format!("sqlite://{}/bench.db", directory.path().display()));
    if let Ok(postgres) = std::env::var("DJAFFAR_TEST_POSTGRES_URL") {
        let database = bench.runtime.block_on(TestDatabase::on(&postgres));
        bench.measure("PostgreSQL", &database.url);
    }
}

/// How some work fares beside the bare handler: medians.
struct Beside {
    figure: Figure,
    /// To the rate of the bare handler.
    ratio: f64,
    /// The same work by fewer connections.
    fewer: Figure,
}

/// What a figure should come to.
#[derive(Clone, Copy)]
enum Bar {
    AtLeast(f64),
    Below(f64),
}

impl Bench {
    fn measure(&self, database: &str, url: &str) {
        let is_sqlite = url.starts_with("sqlite:");
        let token = server::make_user(url);
        let server = Server::start(url);
        let cookie = format!("Cookie: sessionid={}", server.log_in());
        let bearer = format!("Authorization: Bearer {token}");
        let (graphql, logs) = ("graphql", "logs");
        let known = form(Some(&cookie));
        let mut empty = 0.0;
        for (work, path, script, bars) in [
            ("POST /logs, known session", logs, &known, (0.30, 0.25)),
            ("POST /logs, each a new visitor", logs, &form(None), (0.12, 0.10)),
            ("logActivity, known session", graphql, &log_activity(&cookie), (0.22, 0.20)),
            ("logActivity, bearer token", graphql, &log_activity(&bearer), (0.22, 0.20)),
        ] {
            let Beside { figure, ratio, fewer } = self.beside_bare(&server, path, script);
            if empty == 0.0 {
                empty = ratio;
            }
            let bar = Bar::AtLeast(if is_sqlite { bars.0 } else { bars.1 });
            print(&format!("{database}: {work}"), figure, ("of bare", ratio), bar.verdict(ratio));
            let of_these = ("of these", fewer.rate / figure.rate);
            let verdict = Bar::Below(10.0).verdict(fewer.p99);
            print(&format!("- p99 with {FEWER} connections"), fewer, of_these, verdict);
        }
        self.batches(database, url, &server, &cookie);
        let title = format!("{database}: most memory, MB");
        line(
            &title,
            &format!("{:.0}", server.most_memory()),
            Some((server.most_memory(), Bar::Below(100.0))),
        );
        drop(server);

        let start = Instant::now();
        self.runtime.block_on(fill::fill(url, self.rows));
        let title = format!("{database}: {} rows made in", self.rows);
        line(&title, &format!("{:.0?}", start.elapsed()), None);
        let mut starts: Vec<_> = (0..5).map(|_| Server::start(url).started_in).collect();
        starts.sort();
        let milliseconds = starts[2].as_secs_f64() * 1_000.0;
        let title = format!("{database}: start with them, ms");
        line(&title, &format!("{milliseconds:.0}"), Some((milliseconds, Bar::Below(300.0))));
        let server = Server::start(url);
        let known = form(Some(&format!("Cookie: sessionid={}", server.log_in())));
        let Beside { figure, ratio, .. } = self.beside_bare(&server, logs, &known);
        let title = format!("{database}: POST /logs, known session, with them");
        let ratio = ratio / empty;
        print(&title, figure, ("of empty", ratio), Bar::AtLeast(0.7).verdict(ratio));
        let title = format!("{database}: most memory with them, MB");
        line(
            &title,
            &format!("{:.0}", server.most_memory()),
            Some((server.most_memory(), Bar::Below(100.0))),
        );
    }

    fn beside_bare(&self, server: &Server, path: &str, script: &str) -> Beside {
        let (mut figures, mut fewer, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let bare = wrk::run(&self.directory, &self.bare, &form(None), CONNECTIONS, SECONDS.0);
            let figure = self.work(server, path, script, CONNECTIONS, 1);
            ratios.push(figure.rate / bare.rate);
            figures.push(figure);
            fewer.push(self.work(server, path, script, FEWER, 1));
        }
        ratios.sort_by(f64::total_cmp);
        Beside { figure: median(figures), ratio: ratios[ROUNDS / 2], fewer: median(fewer) }
    }

    /// Lets the program work, and makes sure that it has stored whatever it answered for.
    fn work(
        &self,
        server: &Server,
        path: &str,
        script: &str,
        connections: u32,
        activities: u64,
    ) -> Figure {
        let before = server.stored();
        let url = format!("{}/{path}", server.url);
        let figure = wrk::run(&self.directory, &url, script, connections, SECONDS.1);
        let stored = server.stored() - before;
        assert!(stored >= figure.requests * activities, "{stored} of {}", figure.requests);
        figure
    }

    /// Rows per second by batches of a hundred, beside a bare loop of inserts.
    fn batches(&self, database: &str, url: &str, server: &Server, cookie: &str) {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let bare = self.runtime.block_on(bare::insert_loop(url, Duration::from_secs(4)));
            let figure = self.work(server, "graphql", &log_activities(cookie), BATCHING, 100);
            rounds.push((figure, bare));
        }
        rounds.sort_by(|a, b| (a.0.rate / a.1).total_cmp(&(b.0.rate / b.1)));
        let (figure, bare) = rounds[ROUNDS / 2];
        line(&format!("{database}: bare loop, rows"), &format!("{bare:.0}"), None);
        let rows = Figure { rate: figure.rate * 100.0, ..figure };
        let title = format!("{database}: logActivities, 100 each, rows");
        let ratio = rows.rate / bare;
        print(&title, rows, ("of loop", ratio), Bar::AtLeast(0.6).verdict(ratio));
    }
}

impl Bar {
    fn verdict(self, value: f64) -> String {
        let (is_met, bar) = match self {
            Self::AtLeast(bar) => (value >= bar, format!("≥ {bar}")),
            Self::Below(bar) => (value < bar, format!("< {bar}")),
        };
        format!("{bar} {}", if is_met { "✓" } else { "✗" })
    }
}

/// The median of the rates, and that of the p99s.
fn median(mut figures: Vec<Figure>) -> Figure {
    figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rate = figures[ROUNDS / 2];
    figures.sort_by(|a, b| a.p99.total_cmp(&b.p99));
    Figure { p99: figures[ROUNDS / 2].p99, ..rate }
}

fn print(work: &str, figure: Figure, (of, ratio): (&str, f64), verdict: String) {
    let Figure { rate, p99, .. } = figure;
    let ratio = format!("{ratio:.2} {of}");
    let p99 = format!("{p99:.1} ms");
    println!("| {work:<48} | {rate:>10.0} | {ratio:>13} | {verdict:>8} | {p99:>9} |");
}

fn line(work: &str, value: &str, bar: Option<(f64, Bar)>) {
    let verdict = bar.map(|(value, bar)| bar.verdict(value)).unwrap_or_default();
    println!("| {work:<48} | {value:>10} | {:>13} | {verdict:>8} | {:>9} |", "", "");
}
