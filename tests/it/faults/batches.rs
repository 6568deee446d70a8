//! Requests of a hundred activities each, and what became of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;

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

/// All requests by their numbers, of which each one's activities have a path of their own.
pub struct Batches {
    http: reqwest::Client,
    url: String,
    template: String,
    answers: Mutex<Vec<Answer>>,
}

impl Batches {
    pub fn new(url: &str) -> Arc<Self> {
        let query = "mutation($activities: [LogActivityInput!]!) {
            logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";
        let activities = vec![json!({ "path": "/@", "referer": "https://shop.example/" }); EACH];
        let body = json!({ "query": query, "variables": { "activities": activities } });
        Arc::new(Self {
            http: reqwest::Client::new(),
            url: format!("{url}/graphql"),
            template: body.to_string(),
            answers: Mutex::default(),
        })
    }

    pub async fn send(self: Arc<Self>) -> Answer {
        let number = {
            let mut answers = self.answers.lock().unwrap();
            answers.push(Answer::Unknown);
            answers.len() - 1
        };
        let body = self.template.replace('@', &number.to_string());
        let start = Instant::now();
        let request = self.http.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        let answer = match request.send().await {
            Ok(response) => answer(response, start).await,
            Err(error) => unknown(&error),
        };
        self.answers.lock().unwrap()[number] = answer;
        answer
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

async fn answer(response: reqwest::Response, start: Instant) -> Answer {
    let status = response.status();
    let says_when = response.headers().contains_key(RETRY_AFTER);
    let body = match response.text().await {
        Ok(body) => body,
        Err(error) => return unknown(&error),
    };
    match status {
        StatusCode::OK => {
            assert!(body.starts_with("{\"data\":{"), "{body:?}");
            Answer::Accepted(start.elapsed())
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            assert!(says_when, "{body}");
            assert!(body.contains(r#""code":"SERVICE_UNAVAILABLE""#), "{body}");
            if body.contains("is busy") { Answer::Busy } else { Answer::NotStored }
        }
        // A client, or a service, that came to a standstill.
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT if !is_long() => Answer::Unknown,
        status => panic!("{status} {body}"),
    }
}

/// A machine at a standstill loses connections; one that has nothing else to do must not.
fn unknown(error: &reqwest::Error) -> Answer {
    assert!(!is_long(), "{error:?}");
    Answer::Unknown
}

impl std::fmt::Display for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sent = self.answers.lock().unwrap().len();
        let (accepted, refused) = (self.accepted(), self.refused());
        write!(f, "{sent} sent, {accepted} accepted, {refused} told that it is busy")
    }
}
