//! What is held on people: to be told, to be taken back, and not to be kept for longer than needed.

mod erasure;
mod person;
mod retention;

use std::sync::Arc;

use tokio::sync::Notify;

pub(crate) use erasure::Mode;
pub(crate) use person::{Person, Report};
#[cfg(feature = "cli")]
pub(crate) use retention::Pruned;
pub use retention::Retention;

use crate::auth::Auth;
use crate::store::Store;

/// What is held on people. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Privacy {
    store: Store,
    auth: Arc<Auth>,
    /// There is an erasure to be begun.
    ordered: Arc<Notify>,
}

impl Privacy {
    pub(crate) fn new(store: Store, auth: Arc<Auth>) -> Self {
        Self { store, auth, ordered: Arc::default() }
    }
}
