//! What an operator can see of a running instance, in the OpenMetrics text format.
//!
//! Each instance has a registry of its own: two may live in one process.

use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// All counters of an instance. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    activities: Counter,
    commits: Counter,
    failed_commits: Counter,
    statements: Family<Vec<(String, String)>, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("djaffar");
        let activities = Counter::default();
        let commits = Counter::default();
        let failed_commits = Counter::default();
        let statements = Family::<Vec<(String, String)>, Counter>::default();
        registry.register(
            "activities",
            "Activities stored, repeated ids not counted",
            activities.clone(),
        );
        registry.register("commits", "Transactions committed by the writer", commits.clone());
        registry.register(
            "failed_commits",
            "Transactions of the writer that failed",
            failed_commits.clone(),
        );
        registry.register(
            "database_statements",
            "Statements sent to the database",
            statements.clone(),
        );
        Self { registry: Arc::new(registry), activities, commits, failed_commits, statements }
    }

    /// Counts a commit that stored so many new activities.
    pub(crate) fn committed(&self, activities: u64) {
        self.commits.inc();
        self.activities.inc_by(activities);
    }

    /// Counts a commit that failed.
    pub(crate) fn commit_failed(&self) {
        self.failed_commits.inc();
    }

    /// A callback that counts the statements of one pool of connections.
    pub(crate) fn statements(
        &self,
        pool: &str,
    ) -> impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static {
        let counter =
            self.statements.get_or_create_owned(&vec![("pool".to_owned(), pool.to_owned())]);
        move |_| {
            counter.inc();
        }
    }

    /// All counters as text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
