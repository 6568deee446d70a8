//! What was sent, and what was acknowledged of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use uuid::Uuid;

use crate::harness::TestDatabase;

/// Every id that was sent, and when it was acknowledged, if it was. Cheap to clone.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<HashMap<Uuid, Option<SystemTime>>>>);

impl Ledger {
    /// A new id that is about to be sent.
    pub fn send(&self) -> Uuid {
        let id = Uuid::now_v7();
        self.0.lock().unwrap().insert(id, None);
        id
    }

    pub fn acknowledge(&self, id: Uuid) {
        self.0.lock().unwrap().get_mut(&id).unwrap().get_or_insert_with(SystemTime::now);
    }

    pub fn ids(&self) -> Vec<Uuid> {
        self.0.lock().unwrap().keys().copied().collect()
    }

    /// When each acknowledgement came, the first one first.
    pub fn acknowledgements(&self) -> Vec<SystemTime> {
        let mut times: Vec<_> = self.0.lock().unwrap().values().copied().flatten().collect();
        times.sort();
        times
    }

    /// Every acknowledged id is stored, none twice, and nothing is that was never sent.
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
        let rows = database.query("SELECT id FROM djaffar_activity WHERE path = '/'").await;
        let stored: Vec<Uuid> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
        let unique: HashSet<Uuid> = stored.iter().copied().collect();
        if unique.len() != stored.len() {
            return Err("an id is stored twice".to_owned());
        }
        {
            let sent = self.0.lock().unwrap();
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

/// What is counted in advance, and can be relied on, equals a recount.
async fn check_rollups(database: &TestDatabase) -> Result<(), String> {
    let wrong = "SELECT count(*) FROM djaffar_rollup AS rolled \
        WHERE activities <> (SELECT count(*) FROM djaffar_activity \
            WHERE date >= rolled.start AND date < rolled.start + rolled.level) \
        AND NOT EXISTS (SELECT 1 FROM djaffar_rollup_stale AS stale \
            WHERE stale.level <= rolled.level \
            AND stale.start >= rolled.start AND stale.start < rolled.start + rolled.level)";
    let wrong = database.count(wrong).await;
    if wrong > 0 {
        return Err(format!("{wrong} periods are counted wrong"));
    }
    let forgotten = "SELECT count(*) FROM djaffar_activity AS activity \
        WHERE NOT EXISTS (SELECT 1 FROM djaffar_rollup AS rolled WHERE level = 900000000 \
            AND rolled.start <= activity.date AND rolled.start > activity.date - 900000000) \
        AND NOT EXISTS (SELECT 1 FROM djaffar_rollup_stale AS stale WHERE level = 900000000 \
            AND stale.start <= activity.date AND stale.start > activity.date - 900000000)";
    match database.count(forgotten).await {
        0 => Ok(()),
        forgotten => Err(format!("{forgotten} activities are in no count")),
    }
}
