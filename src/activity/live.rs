//! Activities as they are stored, for those who watch.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

use super::relay::Relay;
use super::{Activity, Filter};
use crate::auth::Staff;
use crate::store::entity::activity;

/// Who is slower than the others by more activities than this misses some.
const KEPT: usize = 1_024;

/// What has just been stored. Cheap to clone; costs nothing while nobody watches.
#[derive(Clone, Debug)]
pub(super) struct Live {
    news: broadcast::Sender<Arc<News>>,
    /// To those who watch at other nodes.
    relay: Relay,
}

#[derive(Debug)]
enum News {
    Logged { row: Arc<activity::Model>, user_agent: String },
    Missed(Lagged),
}

/// So many activities were stored faster than they could be shown; None: an unknown number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lagged(pub Option<u64>);

impl Live {
    pub(super) fn new(relay: Relay) -> Self {
        Self { news: broadcast::Sender::new(KEPT), relay }
    }

    /// Whether anybody watches, here or at another node.
    pub(super) fn is_watched(&self) -> bool {
        self.is_watched_here() || self.relay.is_wanted()
    }

    /// Whether anybody watches at this node.
    pub(super) fn is_watched_here(&self) -> bool {
        self.news.receiver_count() > 0
    }

    /// Shows activities that are on disk to all who watch, and waits for none of them.
    pub(super) fn publish(&self, rows: Vec<Arc<activity::Model>>, user_agent: &str) {
        self.relay.announce(&rows);
        rows.into_iter().for_each(|row| self.show(row, user_agent));
    }

    /// Shows an activity that is on disk to those who watch at this node.
    pub(super) fn show(&self, row: Arc<activity::Model>, user_agent: &str) {
        let user_agent = user_agent.to_owned();
        // It fails if the last watcher has just gone.
        let _ = self.news.send(Arc::new(News::Logged { row, user_agent }));
    }

    /// Says to those who watch at this node that some were stored that can't be shown.
    pub(super) fn show_gap(&self, missed: Lagged) {
        let _ = self.news.send(Arc::new(News::Missed(missed)));
    }

    /// What is stored from now on and the filter lets through.
    pub(super) fn watch(
        &self,
        _: &Staff,
        filter: Filter,
    ) -> impl Stream<Item = Result<Activity, Lagged>> + use<> {
        let news = BroadcastStream::new(self.news.subscribe());
        self.relay.ask();
        news.filter_map(move |news| match news {
            Ok(news) => match &*news {
                News::Logged { row, user_agent } => {
                    filter.matches(row, user_agent).then(|| Ok(Activity::from((**row).clone())))
                }
                News::Missed(missed) => Some(Err(*missed)),
            },
            Err(BroadcastStreamRecvError::Lagged(missed)) => Some(Err(Lagged(Some(missed)))),
        })
    }
}
