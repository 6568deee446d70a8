//! What is held on people: to be told, to be taken back, and not to be kept for longer than needed.

mod erasure;
mod export;
mod person;
mod retention;

use std::sync::Arc;

use tokio::sync::Notify;

pub(crate) use erasure::Mode;
pub(crate) use export::PersonExport;
pub(crate) use person::{Person, Report};
pub(crate) use retention::Pruned;
pub use retention::Retention;

use crate::activity::Activities;
use crate::auth::Auth;
use crate::store::Store;

/// What is held on people. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Privacy {
    store: Store,
    auth: Arc<Auth>,
    activities: Activities,
    /// There is an erasure to be begun.
    erasure_ordered: Arc<Notify>,
    /// What is too old is to be forgotten now.
    prune_ordered: Arc<Notify>,
}

impl Privacy {
    pub(crate) fn new(store: Store, auth: Arc<Auth>, activities: Activities) -> Self {
        let (erasure_ordered, prune_ordered) = Default::default();
        Self { store, auth, activities, erasure_ordered, prune_ordered }
    }
}
