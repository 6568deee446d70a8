//! Connections that do nothing, senders that take their time, and bodies that are too large.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::ledger::Ledger;
use super::load::Load;
use super::{is_long, program, report, serve};
use crate::harness::{Client, TestDatabase};

/// The service may take so much memory.
const MEMORY: u64 = 256 << 20;

/// A connection over which this text has been sent.
async fn send(address: &str, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// All that comes back until the other side hangs up.
async fn answer_over(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    // Whoever hangs up with unread bytes resets the connection.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn head(path: &str, content_type: &str, length: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: djaffar\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_crowd_that_does_nothing_hinders_nobody() {
    let (count, rate, lasts) = if is_long() { (10_000, 200, 30) } else { (500, 50, 3) };
    let database = TestDatabase::create().await;
    let server = serve(program(&database)).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let ledger = Ledger::default();
    let lasts = Duration::from_secs(lasts);
    let mut without = Load::new(&server.url, rate, &ledger).lasting(lasts).await;

    let mut idle = Vec::new();
    for number in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            // Half of them have been served before.
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: djaffar\r\n\r\n").await.unwrap();
            assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
        }
        idle.push(stream);
    }
    let mut with = Load::new(&server.url, rate, &ledger).lasting(lasts).await;
    let memory = server.memory();
    without.assert_unhindered();
    with.assert_unhindered();
    with.assert_as_fast_as(&mut without);
    assert!(memory < MEMORY, "{memory}");
    ledger.audit(&database).await;
    report(
        "idle connections",
        format!(
            "{count} of them; p99 {:.0?}, without them {:.0?}; {} MiB",
            with.p99(),
            without.p99(),
            memory >> 20
        ),
    );
}

#[tokio::test]
async fn slow_senders_and_large_bodies_are_told() {
    let database = TestDatabase::create().await;
    let server = serve(program(&database)).await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let (count, rate) = if is_long() { (1_000, 200) } else { (50, 50) };
    let form = "application/x-www-form-urlencoded";

    let ledger = Ledger::default();
    let lasts = Duration::from_secs(3);
    let mut without = Load::new(&server.url, rate, &ledger).lasting(lasts).await;
    without.assert_unhindered();

    // Larger than they may be: told before they are sent.
    for (path, content_type) in [("/logs", form), ("/graphql", "application/json")] {
        let head = head(path, content_type, "10000000000");
        let answer = answer_over(send(&address, &head).await).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    // A body, and a head, that never come to their end.
    let mut senders = JoinSet::new();
    let watch = Client::new(&server.url);
    for number in 0..count {
        let text = match number % 3 {
            0 => head("/logs", form, "1000") + "date=",
            1 => head("/graphql", "application/json", "1000") + "{",
            _ => "POST /logs HTTP/1.1\r\nhost: dja".to_owned(),
        };
        // All are there, and let in, before the load begins: to open them keeps both sides busy.
        let sender = send(&address, &text).await;
        assert_eq!(watch.get("/healthz").await.status(), 200);
        senders.spawn(async move {
            let answer = answer_over(sender).await;
            let is_told = answer.starts_with("HTTP/1.1 408 ");
            match number % 3 {
                0 => assert!(is_told, "{answer}"),
                1 => {
                    assert!(is_told && answer.contains(r#""code":"BAD_REQUEST""#), "{answer}");
                }
                _ => assert!(is_told || answer.is_empty(), "{answer}"),
            }
        });
    }
    let mut with = Load::new(&server.url, rate, &ledger).lasting(lasts).await;
    with.assert_unhindered();
    with.assert_as_fast_as(&mut without);
    senders.join_all().await;
    ledger.audit(&database).await;
    let memory = server.memory();
    assert!(memory < MEMORY, "{memory}");
    report(
        "slow senders, large bodies",
        format!(
            "{count} told 408 or hung up on, 413 at once; {with}; p99 {:.0?}, without them {:.0?}",
            with.p99(),
            without.p99()
        ),
    );
}
