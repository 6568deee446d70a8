//! What was sent, and what was acknowledged of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::rollups::check_rollups;
use super::{seed, until};
use crate::harness::TestDatabase;

/// When the first id was made, in milliseconds.
const FIRST: u64 = 1_795_700_000_000;

/// Every id that was sent, and when it was acknowledged, if it was. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<Entries>>);

struct Entries {
    sent: HashMap<Uuid, Option<SystemTime>>,
    acknowledged: usize,
    random: StdRng,
}

impl Default for Ledger {
    fn default() -> Self {
        let random = StdRng::seed_from_u64(seed());
        let entries = Entries { sent: HashMap::new(), acknowledged: 0, random };
        Self(Arc::new(Mutex::new(entries)))
    }
}

impl Ledger {
    /// A new id that is about to be sent: of version 7, the same ones in each run.
    pub fn send(&self) -> Uuid {
        let mut entries = self.0.lock().unwrap();
        let at = FIRST + entries.sent.len() as u64;
        let random = entries.random.random();
        let id = uuid::Builder::from_unix_timestamp_millis(at, &random).into_uuid();
        entries.sent.insert(id, None);
        id
    }

    pub fn acknowledge(&self, id: Uuid) {
        let mut entries = self.0.lock().unwrap();
        let at = entries.sent.get_mut(&id).unwrap();
        if at.is_none() {
            *at = Some(SystemTime::now());
            entries.acknowledged += 1;
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.0.lock().unwrap().acknowledged
    }

    /// Waits for so many acknowledgements.
    pub async fn until_has(&self, count: usize) {
        until("enough is acknowledged", async || self.acknowledged() >= count).await;
    }

    pub fn ids(&self) -> Vec<Uuid> {
        let mut ids: Vec<_> = self.0.lock().unwrap().sent.keys().copied().collect();
        ids.sort();
        ids
    }

    /// When each acknowledgement came, the first one first.
    pub fn acknowledgements(&self) -> Vec<SystemTime> {
        let mut times: Vec<_> = self.0.lock().unwrap().sent.values().copied().flatten().collect();
        times.sort();
        times
    }

    /// Every acknowledged id is stored, none twice, and nothing is that was never sent; and what is
    /// counted in advance is right.
    pub async fn audit(&self, database: &TestDatabase) {
        if let Err(fault) = self.check(database, None).await {
            panic!("{fault}");
        }
    }

    /// The same, of what was acknowledged by then.
    pub async fn check(
        &self,
        database: &TestDatabase,
        by: Option<SystemTime>,
    ) -> Result<(), String> {
        let rows = database.query("SELECT id FROM djaffar_activity").await;
        let stored: Vec<Uuid> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
        let unique: HashSet<Uuid> = stored.iter().copied().collect();
        if unique.len() != stored.len() {
            return Err("an id is stored twice".to_owned());
        }
        {
            let entries = self.0.lock().unwrap();
            let sent = &entries.sent;
            if let Some(id) = unique.iter().find(|id| !sent.contains_key(id)) {
                return Err(format!("{id} was never sent"));
            }
            let is_due =
                |at: &Option<SystemTime>| at.is_some_and(|at| by.is_none_or(|by| at <= by));
            let lost = sent.iter().filter(|(id, at)| is_due(at) && !unique.contains(id)).count();
            if lost > 0 {
                return Err(format!("{lost} were acknowledged and are lost"));
            }
        }
        // Sessions come with their activities, or not at all.
        let orphans = "SELECT count(*) FROM djaffar_activity \
                       WHERE session_id NOT IN (SELECT id FROM djaffar_session)";
        match database.count(orphans).await {
            0 => check_rollups(database).await,
            orphans => Err(format!("{orphans} activities have no session")),
        }
    }
}
