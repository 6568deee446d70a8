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

use super::SEED;
use super::ledger::Ledger;

const TICK: Duration = Duration::from_millis(10);
const LOG: &str = "mutation($activities: [LogActivityInput!]!) {
    logActivities(input: { activities: $activities }) { results { userErrors { code } } } }";

/// How a load fared.
#[derive(Default)]
pub struct Tally {
    /// How long each accepted request took.
    pub accepted: Vec<Duration>,
    /// Told 503, with when to come back.
    pub refused: usize,
    /// Without an answer.
    pub unknown: usize,
    pub others: Vec<StatusCode>,
}

/// Sends this many requests a second for so long, and waits for the answers.
///
/// Most are of known visitors, some of new ones; most log one activity, some twenty.
pub async fn load(url: &str, rate: u32, lasts: Duration, ledger: &Ledger) -> Tally {
    load_of(Sender::new(url, ledger), rate, lasts).await
}

/// The same; every fourth activity happened on another day, so that what was counted of it in advance
/// has to be corrected again and again.
pub async fn late_load(url: &str, rate: u32, lasts: Duration, ledger: &Ledger) -> Tally {
    load_of(Sender { is_late: true, ..Sender::new(url, ledger) }, rate, lasts).await
}

async fn load_of(sender: Sender, rate: u32, lasts: Duration) -> Tally {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut tick = tokio::time::interval(TICK);
    let start = Instant::now();
    let mut requests = JoinSet::new();
    let mut sent = 0;
    while start.elapsed() < lasts {
        tick.tick().await;
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        for _ in sent..due {
            let is_known = random.random_bool(0.9);
            let activities = if random.random_bool(0.95) { 1 } else { 20 };
            requests.spawn(sender.clone().send(is_known, activities));
        }
        sent = due;
        while requests.try_join_next().is_some() {}
    }
    while requests.join_next().await.is_some() {}
    std::mem::take(&mut *sender.tally.lock().unwrap())
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
        let Ok(response) = request.send().await else {
            self.tally.lock().unwrap().unknown += 1;
            return;
        };
        let status = response.status();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie.lock().unwrap().get_or_insert(cookie);
        }
        let says_when = response.headers().contains_key(RETRY_AFTER);
        let Ok(body) = response.json::<Value>().await else {
            self.tally.lock().unwrap().unknown += 1;
            return;
        };
        let took = start.elapsed();
        let mut tally = self.tally.lock().unwrap();
        match status {
            StatusCode::OK if body["errors"].is_null() => {
                let results = body["data"]["logActivities"]["results"].as_array().unwrap();
                assert!(results.iter().all(|result| result["userErrors"] == json!([])), "{body}");
                ids.into_iter().for_each(|id| self.ledger.acknowledge(id));
                tally.accepted.push(took);
            }
            StatusCode::SERVICE_UNAVAILABLE if says_when => tally.refused += 1,
            status => tally.others.push(status),
        }
    }
}

impl Tally {
    /// The time within which 99 % of the accepted requests were answered.
    pub fn p99(&mut self) -> Duration {
        self.accepted.sort();
        self.accepted.get(self.accepted.len() * 99 / 100).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { accepted, refused, unknown, others } = self;
        write!(f, "{} accepted, {refused} told 503, {unknown} unknown", accepted.len())?;
        if others.is_empty() { Ok(()) } else { write!(f, ", others {others:?}") }
    }
}
