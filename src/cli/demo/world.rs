//! What happens in a shop in ninety days, made up from a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use super::{people, places};
use crate::store::Timestamp;
use crate::store::entity::{activity, session, user};

const DAYS: i64 = 90;
const HOUR: i64 = 3_600_000_000;
/// Of so many activities there is one user, one session, one path.
const PER_USER: u64 = 200;
const PER_SESSION: u64 = 25;
const PER_PATH: u64 = 500;
const PATHS: (u64, u64) = (40, 20_000);
/// How busy each hour of a day is.
const HOURS: [f64; 24] = [
    0.25, 0.15, 0.10, 0.08, 0.08, 0.12, 0.25, 0.50, 0.80, 1.00, 1.10, 1.10, 1.20, 1.10, 1.00, 1.00,
    1.05, 1.15, 1.30, 1.50, 1.60, 1.40, 0.90, 0.50,
];
/// How busy each day is, from Thursday on: 1 January 1970 was one.
const WEEK: [f64; 7] = [1.0, 0.95, 0.6, 0.65, 1.1, 1.05, 1.0];

/// The shop, at a moment between then and now.
pub(super) struct World {
    random: StdRng,
    now: Timestamp,
    users: Vec<Option<Timestamp>>,
    paths: u32,
    /// What is left of the activities and of the sessions.
    activities: u64,
    sessions: u64,
    /// When the hour under way begins, and how busy the hours from it on are together.
    hour: i64,
    busy: f64,
    /// When those who are there do something, the next one first.
    visits: BinaryHeap<Reverse<(Timestamp, u64)>>,
    visitors: std::collections::HashMap<u64, Visit>,
    visited: u64,
}

/// Somebody is in the shop.
struct Visit {
    session: Uuid,
    user: Option<u32>,
    ip_address: String,
    path: Option<String>,
    left: u64,
}

impl World {
    pub(super) fn new(activities: u64, seed: u64, now: Timestamp) -> Self {
        let first = (now.0 / HOUR - DAYS * 24) * HOUR;
        let hours = (first / HOUR)..(now.0 / HOUR);
        Self {
            random: StdRng::seed_from_u64(seed),
            now,
            users: vec![None; activities.div_ceil(PER_USER) as usize],
            paths: (activities / PER_PATH).clamp(PATHS.0, PATHS.1) as u32,
            activities,
            sessions: activities.div_ceil(PER_SESSION),
            hour: first,
            busy: hours.map(how_busy).sum(),
            visits: BinaryHeap::new(),
            visitors: Default::default(),
            visited: 0,
        }
    }

    /// What happens next, and the sessions that begin with it; nothing: it is now.
    pub(super) fn next(&mut self, many: usize) -> (Vec<Arc<activity::Model>>, Vec<session::Model>) {
        let (mut activities, mut sessions) = (Vec::with_capacity(many), Vec::new());
        while activities.len() < many {
            let is_due = self.visits.peek().is_some_and(|Reverse((at, _))| at.0 < self.hour);
            if !is_due && self.sessions > 0 {
                self.open_hour(&mut sessions);
            } else if let Some(Reverse((at, number))) = self.visits.pop() {
                activities.extend(self.act(at, number).map(Arc::new));
            } else {
                break;
            }
        }
        (activities, sessions)
    }

    /// Everybody who was there, with when they were last.
    pub(super) fn users(&self) -> Vec<user::Model> {
        let created_at = self.now.plus_micros(-DAYS * 24 * HOUR);
        let users = (0_u32..).zip(&self.users);
        users.map(|(number, seen)| people::user(number, created_at, *seen)).collect()
    }

    /// Lets those in who come in the next hour.
    fn open_hour(&mut self, sessions: &mut Vec<session::Model>) {
        let busy = how_busy(self.hour / HOUR);
        let is_last = self.hour + HOUR > self.now.0 - HOUR;
        let share = if is_last { 1.0 } else { busy / self.busy };
        let expected = self.sessions as f64 * share;
        let come = (expected + self.random.random::<f64>()).floor() as u64;
        for _ in 0..come.min(self.sessions) {
            let at = Timestamp(self.hour + self.random.random_range(0..HOUR));
            self.enter(at.min(self.now), sessions);
        }
        self.busy -= busy;
        self.hour += HOUR;
    }

    fn enter(&mut self, at: Timestamp, sessions: &mut Vec<session::Model>) {
        let left = if self.sessions == 1 {
            self.activities
        } else {
            // Most look at little, some at a lot; on average as much as is left for each.
            let mean = self.activities as f64 / self.sessions as f64;
            let many = (-self.random.random::<f64>().max(1e-9).ln() * mean).round() as u64;
            many.clamp(1, (self.activities + 1 - self.sessions).max(1))
        };
        self.sessions -= 1;
        self.activities -= left;
        let is_known = self.random.random_bool(0.6);
        // Some come every day, others once.
        let share = self.random.random::<f64>().powi(2);
        let user = is_known.then_some((share * self.users.len() as f64) as u32);
        let session = self.id(at);
        sessions.push(session::Model {
            id: session,
            user_id: user.map(people::user_id),
            user_agent: people::user_agent(self.random.random()).to_owned(),
            first_seen_at: at,
            last_seen_at: at
                .plus_micros(left.cast_signed().saturating_mul(30_000_000))
                .min(self.now),
        });
        let network = ["192.0.2", "198.51.100", "203.0.113"][self.random.random_range(0..3)];
        let ip_address = format!("{network}.{}", self.random.random_range(1..255));
        self.visitors.insert(self.visited, Visit { session, user, ip_address, path: None, left });
        self.visits.push(Reverse((at, self.visited)));
        self.visited += 1;
    }

    /// Lets a visitor do something, and think about what to do next.
    fn act(&mut self, at: Timestamp, number: u64) -> Option<activity::Model> {
        let mut visit = self.visitors.remove(&number)?;
        let share = self.random.random::<f64>().powi(3);
        let path = places::path((share * f64::from(self.paths)) as u32);
        let referer = match &visit.path {
            Some(path) => Some(format!("{}{path}", places::ORIGIN)),
            None => places::referer(self.random.random()).map(str::to_owned),
        };
        let (name, properties) = match self.random.random_range(0..100) {
            0..86 => ("view", None),
            86..94 => ("click", Some(json!({ "button": "add-to-cart" }))),
            94..98 => ("search", Some(json!({ "results": self.random.random_range(0..200) }))),
            _ => ("purchase", Some(json!({ "total": self.random.random_range(500..20_000) }))),
        };
        let activity = activity::Model {
            id: self.id(at),
            date: at,
            received_at: at.plus_micros(self.random.random_range(5_000..400_000)),
            path: path.clone(),
            referer,
            name: name.to_owned(),
            properties,
            truncated: false,
            user_id: visit.user.map(people::user_id),
            session_id: Some(visit.session),
            ip_address: Some(visit.ip_address.clone()),
        };
        if let Some(seen) = visit.user.and_then(|user| self.users.get_mut(user as usize)) {
            *seen = Some(at);
        }
        visit.left -= 1;
        if visit.left > 0 {
            visit.path = Some(path);
            let pause = -self.random.random::<f64>().max(1e-9).ln() * 30_000_000.0;
            self.visits.push(Reverse((at.plus_micros(pause as i64).min(self.now), number)));
            self.visitors.insert(number, visit);
        }
        Some(activity)
    }

    /// An id in the layout of UUIDv7.
    fn id(&mut self, at: Timestamp) -> Uuid {
        let millis = (at.0 / 1_000).unsigned_abs();
        let random: [u8; 10] = self.random.random();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

fn how_busy(hour: i64) -> f64 {
    HOURS[hour.rem_euclid(24) as usize] * WEEK[hour.div_euclid(24).rem_euclid(7) as usize]
}
