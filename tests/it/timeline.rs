//! Where the hours and days of a timeline begin, by the clocks of those who look.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::{Client, TestApp};

/// The edges of a timeline over a range, as the clocks on the wall show them there.
async fn edges(staff: &Client, bucket: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    let query = format!(
        "{{ activityStats(where: {{ date: {{ gte: \"{from}\", lt: \"{to}\" }} }}) {{
            timeline(bucket: {bucket}, timeZone: \"{zone}\") {{ start end }} }} }}"
    );
    let data = staff.graphql(&query).await;
    let buckets = data["activityStats"]["timeline"].as_array().unwrap().clone();
    let starts = buckets.iter().map(|bucket| bucket["start"].as_str().unwrap().to_owned());
    let last = buckets.last().map(|bucket| bucket["end"].as_str().unwrap().to_owned());
    starts.chain(last).map(|edge| edge.replace(":00+00:00", "")).collect()
}

#[tokio::test]
async fn days_are_as_long_as_they_are_where_people_live() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for (bucket, zone, from, to, expected) in [
        // 25 hours, and 23.
        (
            "DAY",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-26T23:00:00Z",
            "2026-10-24T22:00 2026-10-25T23:00 2026-10-26T23:00",
        ),
        (
            "DAY",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-30T22:00:00Z",
            "2026-03-28T23:00 2026-03-29T22:00 2026-03-30T22:00",
        ),
        // The hour that comes twice.
        (
            "HOUR",
            "Europe/Berlin",
            "2026-10-25T00:10:00Z",
            "2026-10-25T02:10:00Z",
            "2026-10-25T00:00 2026-10-25T01:00 2026-10-25T02:00 2026-10-25T03:00",
        ),
        // Three quarters of an hour beside the rest of the world.
        (
            "HOUR",
            "Asia/Kathmandu",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:30:00Z",
            "2025-12-31T23:15 2026-01-01T00:15 2026-01-01T01:15",
        ),
        // Clocks go forward by half an hour.
        (
            "HOUR",
            "Australia/Lord_Howe",
            "2026-10-03T14:30:00Z",
            "2026-10-03T16:00:00Z",
            "2026-10-03T14:30 2026-10-03T15:30 2026-10-03T16:00",
        ),
        // A day that begins at one o'clock.
        (
            "DAY",
            "Africa/Cairo",
            "2026-04-23T12:00:00Z",
            "2026-04-24T12:00:00Z",
            "2026-04-22T22:00 2026-04-23T22:00 2026-04-24T21:00",
        ),
        // A day that never was.
        (
            "DAY",
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2011-12-30T12:00:00Z",
            "2011-12-29T10:00 2011-12-30T10:00 2011-12-31T10:00",
        ),
        (
            "WEEK",
            "America/New_York",
            "2026-11-01T12:00:00Z",
            "2026-11-02T12:00:00Z",
            "2026-10-26T04:00 2026-11-02T05:00 2026-11-09T05:00",
        ),
        (
            "MONTH",
            "UTC",
            "2026-01-31T00:00:00Z",
            "2026-03-01T00:00:00Z",
            "2026-01-01T00:00 2026-02-01T00:00 2026-03-01T00:00",
        ),
        (
            "MINUTE",
            "UTC",
            "2026-01-01T00:00:30Z",
            "2026-01-01T00:02:00Z",
            "2026-01-01T00:00 2026-01-01T00:01 2026-01-01T00:02",
        ),
    ] {
        assert_eq!(
            edges(&staff, bucket, zone, from, to).await.join(" "),
            expected,
            "{zone} {bucket}"
        );
    }
}

/// A clock that is wrong, or a joker, does not take the chart away from everybody.
#[tokio::test]
async fn an_open_range_reaches_from_1970_until_now() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let now = Utc::now();
    let yesterday = now - TimeDelta::days(1);
    for date in [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2199-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ] {
        app.visitor().post_form("/logs", &[("date", date), ("path", "/wrong")]).await;
    }
    app.visitor().post_form("/logs", &[("date", &yesterday.to_rfc3339()), ("path", "/")]).await;
    let query = "query($where: ActivityFilter) {
        activityStats(where: $where) { activities timeline(bucket: HOUR) { activities } } }";
    let month = json!((now - TimeDelta::days(30)).to_rfc3339());
    for (range, activities, buckets) in [
        (json!({}), 5, 1..=1),
        (json!({ "gte": month }), 3, 696..=698),
        (json!({ "lt": now + TimeDelta::days(1) }), 3, 48..=50),
        // What is asked for is shown, whenever it is.
        (json!({ "gte": "2199-01-01T00:00:00Z", "lt": "2199-01-01T05:00:00Z" }), 1, 5..=5),
        (json!({ "gte": "9999-12-31T20:00:00Z" }), 1, 4..=4),
        (json!({ "lte": "1969-12-31T23:59:59Z", "gte": "1969-12-31T22:00:00Z" }), 1, 2..=2),
    ] {
        let variables = json!({ "where": { "date": range } });
        let stats = staff.graphql_with(query, variables).await["activityStats"].take();
        assert_eq!(stats["activities"], activities, "{range}");
        let timeline = stats["timeline"].as_array().unwrap();
        assert!(buckets.contains(&timeline.len()), "{range}: {}", timeline.len());
        let sum: u64 = timeline.iter().map(|it| it["activities"].as_u64().unwrap()).sum();
        assert_eq!(sum, 1, "{range}");
    }
}

/// However many come in meanwhile, what one answer says was counted at one moment.
#[tokio::test]
async fn totals_timelines_and_rankings_of_an_answer_agree() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let visitor = app.visitor();
    assert_eq!(visitor.log("/").await.status(), 204);
    let enough = watch::Sender::new(false);
    let is_enough = enough.subscribe();
    let coming_in = tokio::spawn(async move {
        while !*is_enough.borrow() {
            assert_eq!(visitor.log("/").await.status(), 204);
        }
    });
    let query = "query($where: ActivityFilter) { activityStats(where: $where) {
        activities
        hours: timeline(bucket: HOUR) { activities }
        days: timeline(bucket: DAY, timeZone: \"Asia/Kathmandu\") { activities }
        top(by: PATH) { activities } } }";
    // Between two given moments: where one is open, the last bucket is that of the last activity at
    // the beginning of the answer.
    let day = TimeDelta::days(1);
    let range = json!({ "date": { "gte": Utc::now() - day, "lt": Utc::now() + day } });
    let sum = |items: &Value| -> u64 {
        items.as_array().unwrap().iter().map(|item| item["activities"].as_u64().unwrap()).sum()
    };
    let mut last = 0;
    // Until some have come in beside the questions.
    while last < 30 {
        let data = staff.graphql_with(query, json!({ "where": range })).await;
        let stats = &data["activityStats"];
        let activities = stats["activities"].as_u64().unwrap();
        for counted in ["hours", "days", "top"] {
            assert_eq!(sum(&stats[counted]), activities, "{counted}");
        }
        last = activities;
    }
    enough.send_replace(true);
    coming_in.await.unwrap();
}

/// One run of the roll-up reads 200,000 activities or so, and leaves a period that it has not read to
/// its end to the next run.
#[tokio::test]
async fn a_period_that_is_too_much_for_one_run_is_counted_by_the_next() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    // The first, the second and the fifth five minutes; by SQL, as to log them one by one would take
    // minutes.
    let (start, third) = (1_767_225_600_000_000_i64, 70_000);
    let id = if app.database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    app.database
        .execute(&format!(
            "INSERT INTO djaffar_activity (id, date, received_at, path, name, truncated)
             WITH RECURSIVE numbers(n) AS
                 (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3 * {third} - 1)
             SELECT {id}, {start} + (n / {third}) * (n / {third}) * 300000000 + n % {third}, 0, '/', '', false
             FROM numbers"
        ))
        .await;
    app.program().run(&["stats", "rebuild"]).await.success();

    let data = staff
        .graphql(
            "{ activityStats(where: { date: { gte: \"2026-01-01T00:00:00Z\",
                                              lt: \"2026-01-01T00:25:00Z\" } }) {
                activities timeline(bucket: MINUTE) { start activities } } }",
        )
        .await;
    let stats = &data["activityStats"];
    assert_eq!(stats["activities"], 3 * third);
    let buckets = stats["timeline"].as_array().unwrap().iter();
    let counts: Vec<_> = buckets.map(|bucket| bucket["activities"].as_i64().unwrap()).collect();
    let (some, none) = ([third, 0, 0, 0, 0], [0; 5]);
    assert_eq!(counts, [some, some, none, none, some].concat());
    // Told by the rollups, each of a whole period.
    let kept = format!("level = 300000000 AND activities = {third}");
    let kept = format!("SELECT COUNT(*) FROM djaffar_rollup WHERE {kept}");
    assert_eq!(app.database.count(&kept).await, 3);
}
