//! Activities that come in while questions are asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;

/// So many come in one request.
const AT_ONCE: u32 = 10;

/// A crowd that logs at a fixed pace.
pub struct Load {
    task: JoinHandle<()>,
    /// How long it took to store those of each request.
    stored: Arc<Mutex<Vec<Duration>>>,
    refused: Arc<AtomicU64>,
    since: Instant,
}

impl Load {
    /// So many activities a second.
    pub fn start(url: &str, token: &str, rate: u32) -> Self {
        let (stored, refused) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicU64>::default());
        let request = reqwest::Client::new()
            .post(format!("{url}/graphql"))
            .bearer_auth(token)
            .json(&json!({
                "query": "mutation($activities: [LogActivityInput!]!) { logActivities(input: { activities: $activities }) { userErrors { code } } }",
                "variables": { "activities": vec![json!({ "path": "/products/under-load" }); AT_ONCE as usize] },
            }));
        let (of_task, refused_by) = (stored.clone(), refused.clone());
        let task = tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_secs(1) * AT_ONCE / rate);
            loop {
                pace.tick().await;
                let request = request.try_clone().unwrap();
                let (stored, refused) = (of_task.clone(), refused_by.clone());
                tokio::spawn(async move {
                    let start = Instant::now();
                    match request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                        true => stored.lock().unwrap().push(start.elapsed()),
                        false => {
                            refused.fetch_add(u64::from(AT_ONCE), Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        Self { task, stored, refused, since: Instant::now() }
    }

    /// Ends it, and tells how it went.
    pub async fn stop(self) -> String {
        self.task.abort();
        let _ = self.task.await;
        let seconds = self.since.elapsed().as_secs_f64();
        let mut stored = std::mem::take(&mut *self.stored.lock().unwrap());
        stored.sort();
        let rate = f64::from(AT_ONCE) * stored.len() as f64 / seconds;
        let p99 = stored.get(stored.len() * 99 / 100).copied().unwrap_or_default();
        let refused = self.refused.load(Ordering::Relaxed);
        format!(
            "{rate:.0} activities a second were stored meanwhile, p99 {p99:.1?}; {refused} were refused"
        )
    }
}
