//! Activities that one node stores, for those who watch at another one.
//!
//! A node at which somebody watches asks the others, and asks again from time to time. Who was asked
//! tells the ids of what it stores, for a while. So nothing is told while nobody watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::live::{Lagged, Live};
use crate::error::Error;
use crate::store::Store;
use crate::store::channel::{MAX_IDS, Notice};
use crate::store::entity::activity;

/// How often a node asks.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// A node that was asked tells what it stores until it has not been asked so many times.
const ASKS: u32 = 3;
/// After an error a node listens again, so much later.
const RETRY: Duration = Duration::from_secs(2);
/// Ids that wait to be told; of those beyond it the number is told.
const KEPT: usize = 4_096;

/// The way to the other nodes. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Uuid>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Asks that may fail to come before nothing is told any more.
    wanted: AtomicU32,
    /// Stored, but not told.
    missed: AtomicU64,
    ask: Notify,
}

impl Relay {
    /// The way in, and what comes out of it, which [`run`] takes to the other nodes.
    pub(super) fn new() -> (Self, mpsc::Receiver<Uuid>) {
        let (outbox, ids) = mpsc::channel(KEPT);
        (Self { shared: Arc::default(), outbox }, ids)
    }

    /// Whether somebody watches at another node.
    pub(super) fn is_wanted(&self) -> bool {
        self.shared.wanted.load(Ordering::Relaxed) > 0
    }

    /// Asks the other nodes now, if somebody watches here.
    pub(super) fn ask(&self) {
        self.shared.ask.notify_one();
    }

    /// Lets the other nodes know of activities that are on disk, if one of them wants to.
    pub(super) fn announce(&self, rows: &[Arc<activity::Model>]) {
        if !self.is_wanted() {
            return;
        }
        for row in rows {
            if self.outbox.try_send(row.id).is_err() {
                self.shared.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn was_asked(&self) {
        self.shared.wanted.store(ASKS, Ordering::Relaxed);
    }

    fn was_not_asked(&self) {
        let less = |asks: u32| asks.checked_sub(1);
        // It fails at 0, where it stays.
        let _ = self.shared.wanted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Tells the other nodes, and hears them, for ever.
pub(super) async fn run(store: Store, live: Live, relay: Relay, ids: mpsc::Receiver<Uuid>) {
    if store.is_shared() {
        tokio::join!(tell(&store, &live, &relay, ids), hear(&store, &live, &relay));
    }
}

async fn tell(store: &Store, live: &Live, relay: &Relay, mut outbox: mpsc::Receiver<Uuid>) {
    let mut tick = tokio::time::interval(ASK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ids = Vec::with_capacity(MAX_IDS);
    loop {
        let notice = tokio::select! {
            _ = tick.tick() => {
                relay.was_not_asked();
                Notice::Watched
            }
            () = relay.shared.ask.notified() => Notice::Watched,
            _ = outbox.recv_many(&mut ids, MAX_IDS) => {
                let missed = relay.shared.missed.swap(0, Ordering::Relaxed);
                Notice::Logged { ids: std::mem::take(&mut ids), missed }
            }
        };
        if matches!(notice, Notice::Watched) && !live.is_watched_here() {
            continue;
        }
        let told = match &notice {
            Notice::Logged { ids, missed } => ids.len() as u64 + missed,
            _ => 0,
        };
        if let Err(error) = store.tell(notice).await {
            error.log();
            relay.shared.missed.fetch_add(told, Ordering::Relaxed);
        }
    }
}

async fn hear(store: &Store, live: &Live, relay: &Relay) {
    loop {
        if let Err(error) = listen(store, live, relay).await {
            error.log();
        }
        live.show_gap(Lagged(None));
        tokio::time::sleep(RETRY).await;
    }
}

/// Does what the other nodes ask for and shows what they tell, until the connection breaks.
async fn listen(store: &Store, live: &Live, relay: &Relay) -> Result<(), Error> {
    let mut channel = store.listen().await?;
    // Somebody may have asked before.
    store.tell(Notice::Joined).await?;
    loop {
        match channel.hear().await? {
            Some(Notice::Joined) => relay.ask(),
            Some(Notice::Watched) => relay.was_asked(),
            Some(Notice::Logged { ids, missed }) if live.is_watched_here() => {
                show(store, live, &ids).await?;
                if missed > 0 {
                    live.show_gap(Lagged(Some(missed)));
                }
            }
            Some(Notice::Logged { .. }) => {}
            None => live.show_gap(Lagged(None)),
        }
    }
}

/// Shows activities of other nodes, in the order in which they were told.
async fn show(store: &Store, live: &Live, ids: &[Uuid]) -> Result<(), Error> {
    let mut rows: Vec<_> = store.activities_by_id(ids).await?;
    rows.sort_by_cached_key(|row| ids.iter().position(|id| *id == row.id));
    let sessions: Vec<_> = rows.iter().filter_map(|row| row.session_id).collect();
    let sessions = store.sessions_by_id(&sessions).await?;
    for row in rows {
        let session = sessions.iter().find(|session| Some(session.id) == row.session_id);
        let user_agent = session.map_or("", |session| session.user_agent.as_str());
        live.show(Arc::new(row), user_agent);
    }
    Ok(())
}
