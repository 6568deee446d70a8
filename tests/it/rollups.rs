//! What is counted in advance, whatever is in the log.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::harness::TestApp;
use crate::stats::log;

/// What staff are told of these activities when all of them are counted in advance.
async fn rolled_up(activities: &[Value], query: &str) -> Value {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    log(&app.visitor(), activities).await;
    app.djaffar.shutdown().await;
    app.program().run(&["stats", "rebuild"]).await.success();
    assert_eq!(app.database.count("SELECT count(*) FROM djaffar_rollup_stale").await, 0);
    let (_node, url) = app.another_node().await;
    staff.at(&url).graphql(query).await
}

#[tokio::test]
async fn a_referer_that_names_no_possible_host_does_not_stop_the_counting() {
    // Each of these letters is six of the host, and nothing packs them.
    let mut random = StdRng::seed_from_u64(3);
    let mut letter = || char::from_u32(random.random_range(0x100..0x800)).unwrap();
    let nonsense: String = (0..1_000).map(|_| letter()).collect();
    let activities = [("x", nonsense.as_str()), ("https", &nonsense), ("https", "a.example")]
        .map(|(scheme, host)| json!({ "path": "/", "referer": format!("{scheme}://{host}") }));
    // Of all time, and of what no rollup answers.
    let query = "{ all: activityStats { ...stats }
                   some: activityStats(where: { path: { eq: \"/\" } }) { ...stats } }
        fragment stats on ActivityStats { activities top(by: REFERER_HOST) { value activities } }";
    let stats = rolled_up(&activities, query).await;
    let expected = json!({ "activities": 3, "top": [{ "value": "a.example", "activities": 1 }] });
    assert_eq!((&stats["all"], &stats["some"]), (&expected, &expected));
}

#[tokio::test]
async fn the_least_id_at_the_first_moment_of_a_period_is_counted() {
    let first = json!({ "id": uuid::Uuid::nil(), "path": "/", "date": "2026-10-01T10:00:00Z" });
    let stats = rolled_up(&[first], "{ activityStats { activities } }").await;
    assert_eq!(stats["activityStats"]["activities"], 1);
}
