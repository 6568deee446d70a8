//! An open-loop load: it goes on at its rate, whether the service keeps up or not.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::header::{COOKIE, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::ledger::Ledger;
use super::{is_long, seed};

const TICK: Duration = Duration::from_millis(10);
const LOG: &str = "mutation($activities: [LogActivityInput!]!) {
    logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";

/// So many requests a second, most of known visitors, some of new ones; most log one activity, some
/// twenty.
pub struct Load {
    sender: Sender,
    rate: u32,
}

/// How a load fared.
#[derive(Default)]
pub struct Tally {
    /// How long each accepted request took.
    pub accepted: Vec<Duration>,
    /// Told 503, with when to come back.
    pub refused: usize,
    /// Why each of the others had no answer.
    pub unknown: Vec<String>,
    pub others: Vec<StatusCode>,
}

impl Load {
    pub fn new(url: &str, rate: u32, ledger: &Ledger) -> Self {
        Self { sender: Sender::new(url, ledger), rate }
    }

    /// Every fourth activity happened on another day, so that what was counted of it in advance has
    /// to be corrected again and again.
    pub fn late(mut self) -> Self {
        self.sender.is_late = true;
        self
    }

    /// Sends for so long, and until something was acknowledged; then waits for the answers.
    pub async fn lasting(self, lasts: Duration) -> Tally {
        let ledger = self.sender.ledger.clone();
        let enough = ledger.acknowledged() + 1;
        let over = async { tokio::join!(tokio::time::sleep(lasts), ledger.until_has(enough)) };
        self.during(over).await.0
    }

    /// Sends while something else happens; then waits for the answers.
    pub async fn during<T>(self, fault: impl Future<Output = T>) -> (Tally, T) {
        let mut random = StdRng::seed_from_u64(seed());
        let mut requests = JoinSet::new();
        // A machine that has much else to do must not be buried under requests of its own.
        let most = if is_long() { 2_000 } else { 100 };
        let mut last = Instant::now();
        let mut due = 0.0;
        let mut tick = tokio::time::interval(TICK);
        let mut fault = std::pin::pin!(fault);
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut fault => break outcome,
                _ = tick.tick() => {}
            }
            due += last.elapsed().as_secs_f64() * f64::from(self.rate);
            last = Instant::now();
            while due >= 1.0 && requests.len() < most {
                let is_known = random.random_bool(0.9);
                let activities = if random.random_bool(0.95) { 1 } else { 20 };
                requests.spawn(self.sender.clone().send(is_known, activities));
                due -= 1.0;
            }
            // What a machine at a standstill kept from being sent is not sent later, all at once.
            due = due.min(1.0);
            while let Some(request) = requests.try_join_next() {
                request.unwrap();
            }
        };
        while let Some(request) = requests.join_next().await {
            request.unwrap();
        }
        (std::mem::take(&mut *self.sender.tally.lock().unwrap()), outcome)
    }
}

#[derive(Clone)]
struct Sender {
    http: Client,
    url: String,
    ledger: Ledger,
    tally: Arc<Mutex<Tally>>,
    is_late: bool,
    /// The session of the known visitors, once there is one.
    cookie: Arc<Mutex<Option<String>>>,
}

impl Sender {
    fn new(url: &str, ledger: &Ledger) -> Self {
        Self {
            http: Client::new(),
            url: format!("{url}/graphql"),
            ledger: ledger.clone(),
            tally: Arc::default(),
            is_late: false,
            cookie: Arc::default(),
        }
    }

    fn activity(&self, id: Uuid) -> Value {
        let number = id.as_u128();
        if !self.is_late || !number.is_multiple_of(4) {
            return json!({ "id": id, "path": "/" });
        }
        let minutes = TimeDelta::minutes((number / 4 % 48) as i64 * 15);
        let first: DateTime<Utc> = "2026-11-01T18:00:00Z".parse().unwrap();
        json!({ "id": id, "path": "/", "date": first + minutes })
    }

    async fn send(self, is_known: bool, activities: usize) {
        let ids: Vec<Uuid> = (0..activities).map(|_| self.ledger.send()).collect();
        let activities: Vec<_> = ids.iter().map(|id| self.activity(*id)).collect();
        let mut request = self
            .http
            .post(&self.url)
            .json(&json!({ "query": LOG, "variables": { "activities": activities } }));
        if let Some(cookie) = self.cookie.lock().unwrap().as_ref().filter(|_| is_known) {
            request = request.header(COOKIE, cookie);
        }
        let start = Instant::now();
        match request.send().await {
            Ok(response) => self.hear(response, ids, start).await,
            Err(error) => self.tally.lock().unwrap().unknown.push(format!("{error:?}")),
        }
    }

    async fn hear(&self, response: reqwest::Response, ids: Vec<Uuid>, start: Instant) {
        let status = response.status();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie.lock().unwrap().get_or_insert(cookie);
        }
        let says_when = response.headers().contains_key(RETRY_AFTER);
        let body = response.json::<Value>().await;
        let took = start.elapsed();
        let mut tally = self.tally.lock().unwrap();
        match (status, body) {
            (_, Err(error)) => tally.unknown.push(format!("{error:?}")),
            (StatusCode::OK, Ok(body)) if body["errors"].is_null() => {
                let results = body["data"]["logActivities"]["results"].as_array().unwrap();
                assert!(results.iter().all(|result| result["userErrors"] == json!([])), "{body}");
                ids.into_iter().for_each(|id| self.ledger.acknowledge(id));
                tally.accepted.push(took);
            }
            (StatusCode::SERVICE_UNAVAILABLE, _) if says_when => tally.refused += 1,
            (status, _) => tally.others.push(status),
        }
    }
}

impl Tally {
    /// The time within which 99 % of the accepted requests were answered.
    pub fn p99(&mut self) -> Duration {
        self.accepted.sort();
        self.accepted.get(self.accepted.len() * 99 / 100).copied().unwrap_or_default()
    }

    /// Everybody was told that it is stored, or that it is not.
    pub fn assert_told(&self) {
        assert!(!self.accepted.is_empty(), "{self}");
        assert!(self.others.is_empty() && self.unknown.is_empty(), "{self}: {:?}", self.unknown);
    }

    /// The same; and nobody was refused, which a machine at a standstill can't be held to.
    pub fn assert_unhindered(&self) {
        self.assert_told();
        assert!(!is_long() || self.refused == 0, "{self}");
    }

    /// In the long run: it took no longer than without the fault, as far as that can be told.
    pub fn assert_as_fast_as(&mut self, without: &mut Self) {
        let (with, without) = (self.p99(), without.p99());
        let limit = (2 * without).max(Duration::from_millis(50));
        assert!(!is_long() || with < limit, "p99 {with:?}, without {without:?}");
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { accepted, refused, unknown, others } = self;
        write!(f, "{} accepted, {refused} told 503", accepted.len())?;
        if !unknown.is_empty() {
            write!(f, ", {} without an answer", unknown.len())?;
        }
        if others.is_empty() { Ok(()) } else { write!(f, ", others {others:?}") }
    }
}
