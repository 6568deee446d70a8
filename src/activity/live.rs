//! Activities as they are stored, for those who watch.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

use super::{Activity, Filter};
use crate::auth::Staff;
use crate::store::entity::activity;

/// Who is slower than the others by more activities than this misses some.
const KEPT: usize = 1_024;

/// What has just been stored. Cheap to clone; costs nothing while nobody watches.
#[derive(Clone, Debug)]
pub(super) struct Live {
    news: broadcast::Sender<Arc<News>>,
}

#[derive(Debug)]
struct News {
    row: Arc<activity::Model>,
    user_agent: String,
}

/// So many activities were stored faster than the watcher took them, and are not shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lagged(pub u64);

impl Live {
    pub(super) fn new() -> Self {
        Self { news: broadcast::Sender::new(KEPT) }
    }

    /// Whether anybody watches.
    pub(super) fn is_watched(&self) -> bool {
        self.news.receiver_count() > 0
    }

    /// Shows activities that are on disk to all who watch, and waits for none of them.
    pub(super) fn publish(
        &self,
        rows: impl IntoIterator<Item = Arc<activity::Model>>,
        user_agent: &str,
    ) {
        for row in rows {
            // It fails if the last watcher has just gone.
            let _ = self.news.send(Arc::new(News { row, user_agent: user_agent.to_owned() }));
        }
    }

    /// What is stored from now on and the filter lets through.
    pub(super) fn watch(
        &self,
        _: &Staff,
        filter: Filter,
    ) -> impl Stream<Item = Result<Activity, Lagged>> + use<> {
        BroadcastStream::new(self.news.subscribe()).filter_map(move |news| match news {
            Ok(news) => {
                let News { row, user_agent } = &*news;
                filter.matches(row, user_agent).then(|| Ok(Activity::from((**row).clone())))
            }
            Err(BroadcastStreamRecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
        })
    }
}
