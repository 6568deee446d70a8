//! A disk that loses power, lies, fills up, or fails: SQLite alone, as PostgreSQL has its own.

use std::io::Read;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ledger::Ledger;
use super::load::Load;
use super::recording::{Disk, Recording, strace};
use super::{is_long, program, report, seed, serve, try_log, until, until_served};
use crate::harness::{Client, Program, TestDatabase};

#[tokio::test]
async fn what_was_acknowledged_survives_a_loss_of_power() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    let (moments, lasts, enough) = if is_long() { (100, 20, 1_000) } else { (6, 2, 50) };
    let database = TestDatabase::create().await;
    Program::new(&database.url).run(&["migrate"]).await.success();
    let path = database.file();
    let files =
        [&path, &database.wal()].map(|path| (path.display().to_string(), std::fs::read(path)));
    let before = files.into_iter().filter_map(|(name, bytes)| Some((name, bytes.ok()?))).collect();
    let log = path.with_extension("strace");
    let ledger = Ledger::default();
    let mut server = serve(program(&database).under(&Recording::command(&log, &path))).await;
    let enough = async {
        tokio::time::sleep(Duration::from_secs(lasts)).await;
        ledger.until_has(enough).await;
        // Until then nothing relies on the file.
        until("the log is begun anew", async || times_begun_anew(&database) > 1).await;
    };
    let (tally, ()) = Load::new(&server.url, 100, &ledger).during(enough).await;
    tally.assert_told();
    server.kill().await;

    let recording = Recording::read(&log);
    assert!(recording.syncs() > 20, "{}", recording.syncs());
    let acknowledgements = ledger.acknowledgements();
    let mut random = StdRng::seed_from_u64(seed());
    // The audit has teeth: it finds out a database that does not wait for the disk.
    let disks = [(Disk::Honest, moments), (Disk::IgnoresSyncsOfLog, 4), (Disk::IgnoresSyncs, 4)];
    for (disk, moments) in disks {
        let mut faults = 0;
        for number in 0..moments {
            let moment = acknowledgements[random.random_range(0..acknowledgements.len())];
            // Once nothing of what was not durable is there, once a part of it.
            let is_partial = number % 2 == 1 && disk == Disk::Honest;
            let chance = is_partial.then_some(&mut random);
            let after = TestDatabase::create().await;
            for (name, bytes) in recording.files_at(moment, disk, &before, chance) {
                let suffix = if name.ends_with("-wal") { "-wal" } else { "" };
                std::fs::write(format!("{}{suffix}", after.file().display()), bytes).unwrap();
            }
            after.check_integrity().await;
            match ledger.check(&after, Some(moment)).await {
                Err(fault) if disk == Disk::Honest => panic!("{fault}"),
                checked => faults += usize::from(checked.is_err()),
            }
        }
        let (acknowledged, syncs) = (acknowledgements.len(), recording.syncs());
        if disk == Disk::Honest {
            let outcome = format!(
                "at {moments} moments; {acknowledged} acknowledged, {syncs} syncs, none lost"
            );
            report("loss of power", outcome);
        } else {
            assert_eq!(faults, moments, "{disk:?}");
            let outcome = format!("{disk:?}: {faults} of {moments} audits failed, as they must");
            report("loss of power, disk lies", outcome);
        }
    }
}

#[tokio::test]
async fn an_error_of_the_disk_is_never_a_success() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    // A thread's calls are counted, and a connection has a thread: by the time it has made so many,
    // it has committed more than once, and so has the one that takes its place.
    for (call, error, when) in [
        ("fsync,fdatasync", "EIO", "30..50"),
        ("pwrite64", "EIO", "200..220"),
        ("pwrite64", "ENOSPC", "200..260"),
    ] {
        let database = TestDatabase::create().await;
        Program::new(&database.url).run(&["migrate"]).await.success();
        let mut command = strace(&database.file());
        let inject = format!("inject={call}:error={error}:when={when}");
        let trace = format!("trace={call}");
        command.extend(["-e", &trace, "-e", &inject, "-o", "/dev/null"].map(str::to_owned));
        let ledger = Ledger::default();
        let mut server = serve(program(&database).under(&command)).await;
        let client = Client::new(&server.url);
        let refused = async {
            until("somebody is refused", async || !try_log(&client, &ledger).await).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        let (tally, ()) = Load::new(&server.url, 100, &ledger).during(refused).await;
        tally.assert_told();
        // It goes on by itself.
        until_served(&client, &ledger, Duration::from_secs(30)).await;
        ledger.audit(&database).await;
        server.kill().await;
        ledger.audit(&database).await;
        database.check_integrity().await;
        report(&format!("{error} on {call}"), format!("{tally}, none lost"));
    }
}

/// How often the write-ahead log has been begun anew, as its header tells
/// (<https://www.sqlite.org/fileformat2.html#walformat>).
fn times_begun_anew(database: &TestDatabase) -> u32 {
    let mut header = [0; 16];
    std::fs::File::open(database.wal()).unwrap().read_exact(&mut header).unwrap();
    u32::from_be_bytes(header[12..].try_into().unwrap())
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
    let server = serve(program(&database).under(&ignoring)).await;
    let ledger = Ledger::default();
    let known = Client::new(&server.url);
    until_served(&known, &ledger, Duration::from_secs(5)).await;
    let mut refused = 0;
    // Twice full, and twice with room again.
    for _ in 0..2 {
        let size = std::fs::metadata(database.wal()).unwrap().len();
        limit_files(server.process, &(size + 20_000).to_string()).await;
        let full = refused + 20;
        until("the disk is full", async || {
            // First visits are transactions, others one statement.
            for client in [&known, &Client::new(&server.url)] {
                refused += usize::from(!try_log(client, &ledger).await);
            }
            refused >= full
        })
        .await;
        // What needs no room goes on.
        let query = "{ viewer { session { id } } }";
        assert!(known.graphql(query).await["viewer"]["session"]["id"].is_string());
        limit_files(server.process, "unlimited").await;
        until_served(&known, &ledger, Duration::from_secs(5)).await;
        until_served(&Client::new(&server.url), &ledger, Duration::from_secs(5)).await;
        // Another process sees what this one has acknowledged.
        ledger.audit(&database).await;
    }
    assert_eq!(server.stop().await.0, Some(0));
    ledger.audit(&database).await;
    database.check_integrity().await;
    let acknowledged = ledger.acknowledged();
    report("disk full, twice", format!("{acknowledged} accepted, {refused} told 503, none lost"));
}

/// Otherwise the commit that makes the write-ahead log too long would have all of it to copy, and
/// whatever comes in would wait for that.
#[tokio::test]
async fn what_is_committed_reaches_the_file_while_its_log_is_short() {
    if TestDatabase::is_on_postgres() {
        return;
    }
    let database = TestDatabase::create().await;
    let server = serve(Program::new(&database.url)).await;
    let length = |file| std::fs::metadata(file).unwrap().len();
    let before = length(database.file());
    let client = Client::new(&server.url);
    for _ in 0..160 {
        client.log("/").await;
    }
    until("it is in the file", async || length(database.file()) > before + (64 << 10)).await;
    // A commit would copy no earlier than with 2,000 pages.
    assert!(length(database.wal()) < 1_900 * 4_096);
}
