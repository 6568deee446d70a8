//! Three times as much as the service can take.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::batches::{Answer, Batches};
use super::ledger::Ledger;
use super::recording::{Injection, slow_syncs};
use super::{LOG, PATIENCE, is_long, log_size, program, report, serve, until_served};
use crate::harness::{Client, PostgresServer, Program, Server, TestDatabase};

/// The service may take so much memory.
const MEMORY: u64 = 400 << 20;
/// In the long run, each sync of a slow disk takes so long.
const SLOW: Duration = Duration::from_millis(30);
/// What it can take is measured for so long, before the overload and after it: the machine itself is
/// quicker at one time than at another, and counting in advance takes more of it at one than at another.
const PEAK: Duration = Duration::from_secs(20);
/// After the overload, the service must be back to normal within this time.
const NORMAL: Duration = Duration::from_secs(5);

/// What the service can take is bounded by one of these.
#[derive(Clone, Copy, PartialEq)]
enum Bottleneck {
    /// Each commit takes its time: a slow disk.
    Disk,
    /// The service and its database have a core for themselves, and the load comes from another one.
    Processor,
}

/// How the long run went.
#[derive(Default)]
struct Course {
    sent: usize,
    times: Vec<Duration>,
    refused: usize,
    memory: u64,
    /// Until the last one was accepted.
    took: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_for_the_disk_is_told_and_harms_nobody_who_was_let_in() {
    if is_long() {
        overload(Bottleneck::Disk).await;
    } else {
        overload_until_told().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_for_the_processor_is_told_and_harms_nobody_who_was_let_in() {
    // Beside other tests there is no core to have for itself.
    if is_long() {
        overload(Bottleneck::Processor).await;
    }
}

/// Commits that take their time.
pub enum SlowDisk {
    Postgres,
    Sqlite(Injection),
}

impl SlowDisk {
    /// Lets each commit of this service take that long.
    pub async fn begin(server: &Server, database: &TestDatabase, delay: Duration) -> Self {
        if !database.is_postgres() {
            let tampering = format!("delay_exit={}", delay.as_micros());
            let files = database.file();
            let calls = "fsync,fdatasync";
            return Self::Sqlite(Injection::begin(server.process, &files, calls, &tampering).await);
        }
        slow_down(database, delay).await;
        Self::Postgres
    }

    pub async fn end(self, database: &TestDatabase) {
        match self {
            Self::Postgres => database.execute("DROP FUNCTION slow CASCADE").await,
            Self::Sqlite(injection) => injection.end().await,
        }
    }
}

/// Lets each commit of activities to PostgreSQL take that long.
async fn slow_down(database: &TestDatabase, delay: Duration) {
    let seconds = delay.as_secs_f64();
    let function = format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql \
         AS 'BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END'"
    );
    database.execute(&function).await;
    let trigger = "CREATE TRIGGER slow AFTER INSERT ON djaffar_activity EXECUTE FUNCTION slow()";
    database.execute(trigger).await;
}

/// More than the disk takes, until enough of it was accepted and enough refused.
async fn overload_until_told() {
    let database = TestDatabase::create().await;
    let server = serve(program(&database)).await;
    let slow = SlowDisk::begin(&server, &database, Duration::from_millis(300)).await;
    let batches = Batches::new(&server.url);
    let start = Instant::now();
    let is_told = |batches: &Batches| batches.accepted() >= 20 && batches.refused() >= 50;
    let mut clients = JoinSet::new();
    // So many that more waits than may, and so few that the processor is no bottleneck.
    for _ in 0..60 {
        let batches = batches.clone();
        clients.spawn(async move {
            while !is_told(&batches) && start.elapsed() < PATIENCE {
                if !matches!(batches.clone().send().await, Answer::Accepted(_)) {
                    // As it was told to.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
    }
    clients.join_all().await;
    assert!(is_told(&batches), "{batches}");
    assert!(server.memory() < MEMORY, "{}", server.memory());
    let back = until_normal(&server).await;
    slow.end(&database).await;
    batches.audit(&database).await;
    report("too much for the disk", format!("{batches}; back after {back:.0?}"));
}

async fn until_normal(server: &Server) -> Duration {
    until_served(&Client::new(&server.url), &Ledger::default(), NORMAL).await
}

/// Requests a second that the service takes from 32 clients who wait for their answers.
async fn peak(batches: &std::sync::Arc<Batches>, lasts: Duration) -> f64 {
    let start = Instant::now();
    let before = batches.accepted();
    let mut clients = JoinSet::new();
    for _ in 0..32 {
        let batches = batches.clone();
        clients.spawn(async move {
            while start.elapsed() < lasts {
                batches.clone().send().await;
            }
        });
    }
    clients.join_all().await;
    (batches.accepted() - before) as f64 / start.elapsed().as_secs_f64()
}

/// Lets this process run on these cores, and what it starts from now on.
fn pin(cores: &str) {
    let process = std::process::id().to_string();
    let mut command = std::process::Command::new("taskset");
    command.args(["-acp", cores, &process]).stdout(std::process::Stdio::null());
    assert!(command.status().unwrap().success());
}

/// Lets this process run everywhere again, whatever the test has come to: others follow.
struct Unpin;

impl Drop for Unpin {
    fn drop(&mut self) {
        pin("0-1");
    }
}

/// A database, and the server that it lies on if that is one of its own.
async fn database_for(bottleneck: Bottleneck) -> (Option<PostgresServer>, TestDatabase) {
    if bottleneck == Bottleneck::Disk || !TestDatabase::is_on_postgres() {
        return (None, TestDatabase::create().await);
    }
    let postgres = PostgresServer::start().await;
    let database = TestDatabase::on(&postgres.url()).await;
    (Some(postgres), database)
}

async fn overload(bottleneck: Bottleneck) {
    // What is started now runs there too: the service, and its database.
    let unpin = (bottleneck == Bottleneck::Processor).then(|| {
        pin("0");
        Unpin
    });
    let (_postgres, database) = database_for(bottleneck).await;
    // It rolls up as often as it does by default: each time costs a slow disk what many requests do.
    let mut program = Program::new(&database.url);
    if bottleneck == Bottleneck::Disk && !database.is_postgres() {
        program = program.under(&slow_syncs(&database.file(), SLOW));
    }
    let server = serve(program).await;
    if bottleneck == Bottleneck::Processor {
        pin("1");
    } else if database.is_postgres() {
        slow_down(&database, SLOW).await;
    }
    let batches = Batches::new(&server.url);
    let before = peak(&batches, PEAK).await;
    let lasts = Duration::from_secs(60);
    let course = send_at(3.0 * before, lasts, &server, &batches).await;
    let back = until_normal(&server).await;
    let peak = f64::midpoint(before, peak(&batches, PEAK).await);
    drop(unpin);
    batches.audit(&database).await;
    let log = log_size(&database);
    drop(database);

    let Course { sent, mut times, refused, memory, took } = course;
    times.sort();
    let p99 = times[times.len() * 99 / 100];
    let goodput = times.len() as f64 / took.as_secs_f64() / peak;
    let what = match bottleneck {
        Bottleneck::Disk => "disk",
        Bottleneck::Processor => "processor",
    };
    report(
        &format!("three times too much for the {what}"),
        format!(
            "{sent} sent in {lasts:.0?}, {} accepted (goodput {goodput:.2} of {peak:.0}/s), {refused} told 503; p99 {p99:.0?}; {} MiB, log {} MiB; back after {back:.0?}",
            times.len(),
            memory >> 20,
            log >> 20
        ),
    );
    assert!(memory < MEMORY, "{memory}");
    assert!(log < LOG, "{log}");
    assert!(refused > 0, "nobody was refused");
    assert!(p99 < Duration::from_secs(1), "{p99:?}");
    assert!(goodput >= 0.9, "{goodput}");
}

/// Sends at this rate, whether the service keeps up or not, and waits for the answers.
async fn send_at(
    rate: f64,
    lasts: Duration,
    server: &Server,
    batches: &std::sync::Arc<Batches>,
) -> Course {
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let mut requests = JoinSet::new();
    let mut course = Course::default();
    loop {
        tick.tick().await;
        let elapsed = start.elapsed();
        if elapsed < lasts {
            let due = (elapsed.as_secs_f64() * rate) as usize;
            for _ in course.sent..due {
                requests.spawn(batches.clone().send());
            }
            course.sent = due;
            course.memory = course.memory.max(server.memory());
        } else if requests.is_empty() {
            return course;
        }
        while let Some(answer) = requests.try_join_next() {
            match answer.unwrap() {
                Answer::Accepted(time) => {
                    course.times.push(time);
                    course.took = start.elapsed();
                }
                _ => course.refused += 1,
            }
        }
    }
}
