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
#[cfg(feature = "cli")]
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
    ordered: Arc<Notify>,
}

impl Privacy {
    pub(crate) fn new(store: Store, auth: Arc<Auth>, activities: Activities) -> Self {
        Self { store, auth, activities, ordered: Arc::default() }
    }
}
