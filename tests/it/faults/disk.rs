//! A disk that loses power, lies, fills up, or fails: SQLite alone, as PostgreSQL has its own.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ledger::Ledger;
use super::load::{Tally, load};
use super::recording::{Recording, strace};
use super::{SEED, is_long, report, until_served};
use crate::harness::{Client, Program, TestDatabase};

/// Logs for a while, loses power at random moments of it, and tells how often an audit failed.
async fn lose_power(is_honest: bool, moments: usize, lasts: Duration) -> (usize, usize, usize) {
    let database = TestDatabase::create().await;
    Program::new(&database.url).run(&["migrate"]).await.success();
    let path = database.file();
    let files =
        [&path, &database.wal()].map(|path| (path.display().to_string(), std::fs::read(path)));
    let before = files.into_iter().filter_map(|(name, bytes)| Some((name, bytes.ok()?))).collect();
    let log = path.with_extension("strace");
    let ledger = Ledger::default();
    let mut server = Program::new(&database.url)
        .under(&Recording::command(&log, &path, is_honest))
        .serve(&["--listen", "127.0.0.1:0"])
        .await;
    let tally = load(&server.url, 100, lasts, &ledger).await;
    assert!(tally.others.is_empty(), "{tally}");
    server.kill().await;

    let recording = Recording::read(&log);
    assert!(!is_honest || recording.syncs() > 10, "nothing was recorded");
    let acknowledgements = ledger.acknowledgements();
    let mut random = StdRng::seed_from_u64(SEED);
    let mut faults = 0;
    for number in 0..moments {
        let moment = acknowledgements[random.random_range(0..acknowledgements.len())];
        // Once nothing of what was not durable is there, once a part of it.
        let chance = (number % 2 == 1).then_some(&mut random);
        let after = TestDatabase::create().await;
        for (name, bytes) in recording.files_at(moment, &before, chance) {
            let suffix = if name.ends_with("-wal") { "-wal" } else { "" };
            std::fs::write(format!("{}{suffix}", after.file().display()), bytes).unwrap();
        }
        let checked = ledger.check(&after, Some(moment)).await;
        faults += usize::from(checked.is_err());
        if is_honest {
            after.check_integrity().await;
        }
    }
    (acknowledgements.len(), recording.syncs(), faults)
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_loss_of_power() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    let (moments, lasts) = if is_long() { (100, 20) } else { (6, 2) };
    let lasts = Duration::from_secs(lasts);
    let (acknowledged, syncs, faults) = lose_power(true, moments, lasts).await;
    assert_eq!(faults, 0, "of {moments} losses of power");
    report(
        "loss of power",
        format!("at {moments} moments; {acknowledged} acknowledged, {syncs} syncs, none lost"),
    );
}

/// The test above has teeth: it would find a database that does not wait for the disk.
#[tokio::test]
async fn a_disk_that_lies_is_found_out() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    let (_, _, faults) = lose_power(false, 4, Duration::from_secs(1)).await;
    assert!(faults > 0);
    report("loss of power, disk lies", format!("{faults} of 4 audits failed, as they must"));
}

#[tokio::test]
async fn an_error_of_the_disk_is_never_a_success() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    // A thread's calls are counted, and a connection has a thread: by the time it has made so many,
    // it has committed more than once, and so has the one that takes its place.
    for (call, when) in [("fsync,fdatasync", "30..50"), ("pwrite64", "200..220")] {
        let database = TestDatabase::create().await;
        Program::new(&database.url).run(&["migrate"]).await.success();
        let mut command = strace(&database.file());
        let inject = format!("inject={call}:error=EIO:when={when}");
        let trace = format!("trace={call}");
        let log = database.file().with_extension("strace").display().to_string();
        command.extend(["-e", &trace, "-e", &inject, "-o", &log].map(str::to_owned));
        let ledger = Ledger::default();
        let mut server =
            Program::new(&database.url).under(&command).serve(&["--listen", "127.0.0.1:0"]).await;
        let mut tally = Tally::default();
        // A slow machine takes longer to make so many calls.
        for _ in 0..10 {
            tally = load(&server.url, 100, Duration::from_secs(2), &ledger).await;
            if std::fs::read_to_string(&log).unwrap().contains("INJECTED") {
                break;
            }
        }
        assert!(tally.refused > 0 && tally.others.is_empty(), "{tally}");
        // It goes on by itself.
        let client = Client::new(&server.url);
        tokio::time::timeout(Duration::from_secs(30), until_served(&client)).await.unwrap();
        server.kill().await;
        ledger.audit(&database).await;
        database.check_integrity().await;
        report(&format!("EIO on {call}"), format!("{tally}, none lost"));
    }
}

/// Sets how large the files of a process may become; beyond that, writing fails as on a full disk.
async fn limit_files(process: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let process = process.to_string();
    let command = ["--pid", process.as_str(), limit.as_str()];
    let status = tokio::process::Command::new("prlimit").args(command).status().await.unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_told_and_loses_nothing() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    let database = TestDatabase::create().await;
    // To write beyond the limit of a file's size shall be an error, not the end of the process.
    let ignoring = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(str::to_owned);
    let server =
        Program::new(&database.url).under(&ignoring).serve(&["--listen", "127.0.0.1:0"]).await;
    let process = server.child.id().unwrap();
    let known = Client::new(&server.url);
    known.log("/known").await;
    let (mut acknowledged, mut refused) = (1, 0);
    // Twice full, and twice with room again.
    for round in 0..2 {
        let size = std::fs::metadata(database.wal()).unwrap().len();
        limit_files(process, &(size + 20_000).to_string()).await;
        let refused_before = refused;
        for number in 0..60 {
            // First visits are transactions, others one statement.
            let visitor = if number % 2 == 0 { Client::new(&server.url) } else { known.clone() };
            let form = [("date", "2026-11-23T03:00:00"), ("path", "/")];
            match visitor.post_form("/logs", &form).await.status().as_u16() {
                204 => acknowledged += 1,
                503 => refused += 1,
                status => panic!("{status}"),
            }
        }
        assert!(refused > refused_before, "the disk was never full");
        // What needs no room goes on.
        let query = "{ viewer { session { id } } }";
        assert!(known.graphql(query).await["viewer"]["session"]["id"].is_string());
        limit_files(process, "unlimited").await;
        for _ in 0..5 {
            known.log(&format!("/room-again-{round}")).await;
            Client::new(&server.url).log("/visitor").await;
            acknowledged += 2;
        }
        // Another process sees what this one has acknowledged.
        let stored = database.count("SELECT count(*) FROM djaffar_activity").await;
        assert_eq!(stored, acknowledged, "{refused} refused");
    }
    assert_eq!(server.stop().await.0, Some(0));
    assert_eq!(database.count("SELECT count(*) FROM djaffar_activity").await, acknowledged);
    database.check_integrity().await;
    report("disk full, twice", format!("{acknowledged} accepted, {refused} told 503, none lost"));
}
