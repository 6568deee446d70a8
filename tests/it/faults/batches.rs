//! Requests of a hundred activities each, and what became of them.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::is_long;
use super::rollups::check_rollups;
use crate::harness::TestDatabase;

/// Activities of a request.
const EACH: usize = 100;

/// What the client was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// After this time.
    Accepted(Duration),
    /// The service is busy, and has done nothing.
    Busy,
    /// It could not be stored, as far as is known.
    NotStored,
    /// Nothing, for whatever reason.
    Unknown,
}

/// Where the number of the request stands in its path: as many digits.
const NUMBER: &str = "@@@@@@@@";

/// All requests by their numbers, of which each one's activities have a path of their own.
///
/// Sent over plain sockets, and made by copying: whoever asks three times too much of the service
/// must not be the bottleneck.
pub struct Batches {
    address: String,
    template: Vec<u8>,
    /// Where in the template the number stands.
    numbers: Vec<usize>,
    idle: Mutex<Vec<TcpStream>>,
    answers: Mutex<Vec<Answer>>,
}

impl Batches {
    pub fn new(url: &str) -> Arc<Self> {
        let query = "mutation($activities: [LogActivityInput!]!) {
            logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
        let path = format!("/{NUMBER}");
        let activities = vec![json!({ "path": path, "referer": "https://shop.example/" }); EACH];
        let body = json!({ "query": query, "variables": { "activities": activities } }).to_string();
        let address = url.strip_prefix("http://").unwrap().to_owned();
        let length = body.len();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        Arc::new(Self {
            address,
            numbers: request.match_indices(NUMBER).map(|(at, _)| at).collect(),
            template: request.into_bytes(),
            idle: Mutex::default(),
            answers: Mutex::default(),
        })
    }

    pub async fn send(self: Arc<Self>) -> Answer {
        let number = {
            let mut answers = self.answers.lock().unwrap();
            answers.push(Answer::Unknown);
            answers.len() - 1
        };
        let mut request = self.template.clone();
        let digits = format!("{number:0width$}", width = NUMBER.len());
        for at in &self.numbers {
            request[*at..at + NUMBER.len()].copy_from_slice(digits.as_bytes());
        }
        let start = Instant::now();
        let answer = match self.exchange(&request).await {
            Ok(response) => answer(&response, start.elapsed()),
            // A machine at a standstill loses connections; one that has nothing else to do must not.
            Err(error) if is_long() => panic!("{error}"),
            Err(_) => Answer::Unknown,
        };
        self.answers.lock().unwrap()[number] = answer;
        answer
    }

    /// Sends a request, and returns the whole response.
    async fn exchange(&self, request: &[u8]) -> std::io::Result<String> {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => TcpStream::connect(&self.address).await?,
        };
        stream.write_all(request).await?;
        let mut response = Vec::with_capacity(4_096);
        loop {
            if stream.read_buf(&mut response).await? == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
            let text = str::from_utf8(&response).unwrap_or_default();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.split_once("content-length: ").unwrap().1;
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if body.len() < length {
                continue;
            }
            if !head.contains("connection: close") {
                self.idle.lock().unwrap().push(stream);
            }
            return Ok(text.to_owned());
        }
    }

    pub fn accepted(&self) -> usize {
        self.count(|answer| matches!(answer, Answer::Accepted(_)))
    }

    /// Before anything was done.
    pub fn refused(&self) -> usize {
        self.count(|answer| answer == Answer::Busy)
    }

    fn count(&self, is_it: impl Fn(Answer) -> bool) -> usize {
        self.answers.lock().unwrap().iter().filter(|answer| is_it(**answer)).count()
    }

    /// What was accepted is stored, what was refused is not, nothing is that was never sent, and each
    /// batch is there as a whole or not at all.
    pub async fn audit(&self, database: &TestDatabase) {
        let counts = "SELECT path, count(*) AS rows FROM djaffar_activity GROUP BY path";
        let mut stored = HashMap::new();
        for row in database.query(counts).await {
            let path: String = row.try_get("", "path").unwrap();
            // What was logged to see whether it serves again.
            if path != "/" {
                let number: usize = path[1..].parse().unwrap();
                stored.insert(number, row.try_get::<i64>("", "rows").unwrap());
            }
        }
        let answers = self.answers.lock().unwrap().clone();
        assert!(stored.keys().all(|number| *number < answers.len()), "more than was sent");
        for (number, answer) in answers.iter().enumerate() {
            match (answer, stored.get(&number)) {
                (Answer::Accepted(_), None) => panic!("{number} was acknowledged and is lost"),
                (Answer::Busy, Some(_)) => panic!("{number} was refused and is stored"),
                (_, Some(rows)) => assert_eq!(*rows, EACH as i64, "{number} is there in part"),
                (_, None) => {}
            }
        }
        if let Err(fault) = check_rollups(database).await {
            panic!("{fault}");
        }
    }
}

fn answer(response: &str, took: Duration) -> Answer {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    match &head["HTTP/1.1 ".len()..][..3] {
        "200" => {
            assert!(body.starts_with("{\"data\":{"), "{body}");
            Answer::Accepted(took)
        }
        "503" => {
            assert!(head.contains("retry-after: "), "{head}");
            assert!(body.contains(r#""code":"SERVICE_UNAVAILABLE""#), "{body}");
            if body.contains("is busy") { Answer::Busy } else { Answer::NotStored }
        }
        // A client, or a service, that came to a standstill.
        "408" | "504" if !is_long() => Answer::Unknown,
        _ => panic!("{response}"),
    }
}

impl std::fmt::Display for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sent = self.answers.lock().unwrap().len();
        let (accepted, refused) = (self.accepted(), self.refused());
        write!(f, "{sent} sent, {accepted} accepted, {refused} told that it is busy")
    }
}
