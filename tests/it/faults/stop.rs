//! The service is told to stop.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::ledger::Ledger;
use super::load::{Load, Tally};
use super::overload::SlowDisk;
use super::{is_long, program, report, serve, try_log, until};
use crate::harness::{Client, Server, TestDatabase};

/// Who runs services kills those that take longer.
const STOPPED: Duration = Duration::from_secs(10);
/// By then all connections are closed, answered or not.
const DRAINED: Duration = Duration::from_secs(8);

/// Stops the service under load, and tells how long that took.
async fn stop_under_load(server: Server, rate: u32, ledger: &Ledger) -> (Tally, Duration) {
    let load = Load::new(&server.url, rate, ledger);
    let enough = ledger.acknowledged() + 1;
    let stop = async {
        ledger.until_has(enough).await;
        sleep(Duration::from_millis(400)).await;
        let start = Instant::now();
        let (code, _) = server.stop().await;
        let took = start.elapsed();
        // The load goes on a little longer.
        sleep(Duration::from_millis(50)).await;
        (code, took)
    };
    let (tally, (code, took)) = load.during(stop).await;
    assert_eq!(code, Some(0));
    assert!(!is_long() || took < STOPPED, "{took:?}");
    assert!(tally.others.is_empty(), "{tally}");
    (tally, took)
}

/// Whatever has come in is answered: what is stored and was not answered would be one that was
/// accepted and dropped.
async fn assert_answered(database: &TestDatabase, ledger: &Ledger) {
    let stored = database.count("SELECT count(*) FROM djaffar_activity").await;
    assert_eq!(stored as usize, ledger.acknowledged());
}

#[tokio::test]
async fn a_stop_under_load_answers_what_was_accepted() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let rounds = if is_long() { 20 } else { 1 };
    let (mut slowest, mut accepted) = (Duration::ZERO, 0);
    for _ in 0..rounds {
        let server = serve(program(&database)).await;
        let (tally, took) = stop_under_load(server, 300, &ledger).await;
        (slowest, accepted) = (slowest.max(took), accepted + tally.accepted.len());
        ledger.audit(&database).await;
        if slowest < DRAINED {
            assert_answered(&database, &ledger).await;
        }
    }
    report(
        "SIGTERM under load",
        format!(
            "{rounds} times; {accepted} accepted, none lost; exit 0 after at most {slowest:.0?}"
        ),
    );
}

#[tokio::test]
async fn a_stop_with_a_slow_disk_answers_what_was_accepted() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let server = serve(program(&database)).await;
    let slow = SlowDisk::begin(&server, &database, Duration::from_millis(500)).await;
    let (tally, took) = stop_under_load(server, 100, &ledger).await;
    slow.end(&database).await;
    ledger.audit(&database).await;
    if took < DRAINED {
        assert_answered(&database, &ledger).await;
    }
    report("SIGTERM, slow disk", format!("{tally}, none lost; exit 0 after {took:.0?}"));
}

/// Nobody can be answered then, but nobody has to kill the service either.
#[tokio::test]
async fn a_stop_does_not_wait_for_a_database_that_does_not_answer() {
    let database = TestDatabase::create().await;
    let ledger = Ledger::default();
    let server = serve(program(&database)).await;
    let lock = database.lock().await;
    let (client, log) = (Client::new(&server.url), ledger.clone());
    let waiting = tokio::spawn(async move { try_log(&client, &log).await });
    until("it is under way", async || ledger.ids().len() == 1).await;
    sleep(Duration::from_millis(500)).await;
    let start = Instant::now();
    assert_eq!(server.stop().await.0, Some(0));
    let took = start.elapsed();
    assert!(!is_long() || took < STOPPED, "{took:?}");
    lock.release().await;
    assert!(!waiting.await.is_ok_and(|is_stored| is_stored), "it was acknowledged");
    report("SIGTERM, database locked", format!("exit 0 after {took:.0?}"));
}
