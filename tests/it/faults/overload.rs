//! Three times as much as the service can take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;
use tokio::task::JoinSet;

use super::recording::strace;
use super::{is_long, report};
use crate::harness::{Client, Program, Server, TestDatabase};

/// Activities of a request.
const EACH: usize = 100;
/// The service may take so much memory.
const MEMORY: u64 = 400 << 20;

/// A batch whose activities are told apart from those of other batches by their path.
fn batch(template: &str, number: usize) -> String {
    template.replace('@', &number.to_string())
}

struct Overload {
    http: reqwest::Client,
    url: String,
    template: String,
    number: AtomicUsize,
}

enum Answer {
    Accepted(usize, Duration),
    Refused,
}

impl Overload {
    fn new(url: &str) -> Arc<Self> {
        let query = "mutation($activities: [LogActivityInput!]!) {
            logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
        let activities = vec![json!({ "path": "/@", "referer": "https://shop.example/" }); EACH];
        let body = json!({ "query": query, "variables": { "activities": activities } });
        Arc::new(Self {
            http: reqwest::Client::new(),
            url: format!("{url}/graphql"),
            template: body.to_string(),
            number: AtomicUsize::new(0),
        })
    }

    async fn send(self: Arc<Self>) -> Answer {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let body = batch(&self.template, number);
        let start = Instant::now();
        let request = self.http.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.unwrap();
        match response.status() {
            StatusCode::OK => {
                let body = response.bytes().await.unwrap();
                assert!(body.starts_with(b"{\"data\":{"), "{body:?}");
                Answer::Accepted(number, start.elapsed())
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(response.headers().contains_key(RETRY_AFTER));
                let body = response.text().await.unwrap();
                assert!(body.contains(r#""code":"SERVICE_UNAVAILABLE""#), "{body}");
                Answer::Refused
            }
            status => panic!("{status}"),
        }
    }

    /// Requests a second that the service takes from 32 clients who wait for their answers.
    async fn peak(self: &Arc<Self>, lasts: Duration) -> (f64, Vec<usize>) {
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..32 {
            let overload = self.clone();
            clients.spawn(async move {
                let mut accepted = Vec::new();
                while start.elapsed() < lasts {
                    if let Answer::Accepted(number, _) = overload.clone().send().await {
                        accepted.push(number);
                    }
                }
                accepted
            });
        }
        let accepted: Vec<usize> = clients.join_all().await.concat();
        (accepted.len() as f64 / start.elapsed().as_secs_f64(), accepted)
    }
}

/// What the service can take is bounded by one of these.
enum Bottleneck {
    /// Each commit takes a tenth of a second: a slow disk.
    Commits,
    /// The service has a core for itself, and the load comes from another one.
    Processor,
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_for_the_disk_is_told_and_harms_nobody_who_was_let_in() {
    overload(Bottleneck::Commits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_for_the_processor_is_told_and_harms_nobody_who_was_let_in() {
    // Beside other tests there is no core to have for itself.
    if is_long() {
        overload(Bottleneck::Processor).await;
    }
}

async fn serve(database: &TestDatabase, bottleneck: &Bottleneck) -> Server {
    let program = Program::new(&database.url);
    let program = match bottleneck {
        Bottleneck::Processor => program.under(&["taskset", "-c", "0"].map(str::to_owned)),
        Bottleneck::Commits if database.is_postgres() => {
            let name = database.name();
            database.execute(&format!("ALTER DATABASE {name} SET commit_delay = 100000")).await;
            database.execute(&format!("ALTER DATABASE {name} SET commit_siblings = 0")).await;
            program
        }
        Bottleneck::Commits => {
            Program::new(&database.url).run(&["migrate"]).await.success();
            let mut command = strace(&database.file());
            let slow = ["-e", "trace=fsync,fdatasync", "-o", "/dev/null"];
            command.extend(slow.map(str::to_owned));
            command.push("-e".to_owned());
            command.push("inject=fsync,fdatasync:delay_exit=100000".to_owned());
            program.under(&command)
        }
    };
    program.serve(&["--listen", "127.0.0.1:0"]).await
}

/// Lets this process run on these cores.
async fn pin(cores: &str) {
    let process = std::process::id().to_string();
    let mut command = tokio::process::Command::new("taskset");
    command.args(["-acp", cores, &process]).stdout(std::process::Stdio::null());
    assert!(command.status().await.unwrap().success());
}

async fn overload(bottleneck: Bottleneck) {
    let database = TestDatabase::create().await;
    let server = serve(&database, &bottleneck).await;
    let is_pinned = matches!(bottleneck, Bottleneck::Processor);
    if is_pinned {
        pin("1").await;
    }
    let overload = Overload::new(&server.url);
    let (warm_up, lasts) = if is_long() { (5, 60) } else { (2, 3) };
    let (peak, mut numbers) = overload.peak(Duration::from_secs(warm_up)).await;

    let rate = 3.0 * peak;
    let start = Instant::now();
    let lasts = Duration::from_secs(lasts);
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let (mut sent, mut memory) = (0, 0);
    let (mut times, mut refused) = (Vec::new(), 0);
    let mut requests = JoinSet::new();
    let mut took = Duration::ZERO;
    loop {
        tick.tick().await;
        let elapsed = start.elapsed();
        if elapsed < lasts {
            let due = (elapsed.as_secs_f64() * rate) as usize;
            for _ in sent..due {
                requests.spawn(overload.clone().send());
            }
            sent = due;
            memory = memory.max(server.memory());
        } else if requests.is_empty() {
            break;
        }
        while let Some(answer) = requests.try_join_next() {
            match answer.unwrap() {
                Answer::Accepted(number, time) => {
                    numbers.push(number);
                    times.push(time);
                    took = start.elapsed();
                }
                Answer::Refused => refused += 1,
            }
        }
    }
    if is_pinned {
        pin("0-1").await;
    }
    // Back to normal.
    let client = Client::new(&server.url);
    tokio::time::timeout(Duration::from_secs(5), client.log("/after")).await.unwrap();

    let rows = database
        .query("SELECT path, count(*) AS rows FROM djaffar_activity WHERE path <> '/after' GROUP BY path")
        .await;
    let mut stored: Vec<String> = Vec::new();
    for row in rows {
        assert_eq!(row.try_get::<i64>("", "rows").unwrap(), EACH as i64, "a batch came in part");
        stored.push(row.try_get("", "path").unwrap());
    }
    let mut accepted: Vec<String> = numbers.iter().map(|number| format!("/{number}")).collect();
    stored.sort();
    accepted.sort();
    assert!(stored == accepted, "what is stored is not what was accepted");
    assert!(memory < MEMORY, "{memory}");

    times.sort();
    let p99 = times[times.len() * 99 / 100];
    let goodput = times.len() as f64 / took.as_secs_f64() / peak;
    let what = if is_pinned { "processor" } else { "disk" };
    report(
        &format!("three times too much for the {what}"),
        format!(
            "{sent} sent in {lasts:.0?}, {} accepted (goodput {goodput:.2} of {peak:.0}/s), {refused} told 503; p99 {p99:.0?}; {} MiB",
            times.len(),
            memory >> 20
        ),
    );
    // Of the processor the generator, of which much is asked, may well be the bottleneck.
    if is_long() && !is_pinned {
        assert!(refused > 0, "nobody was refused");
        assert!(p99 < Duration::from_secs(1), "{p99:?}");
        assert!(goodput >= 0.9, "{goodput}");
    }
}
