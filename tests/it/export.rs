//! Taking the log along: what comes is what the list shows, whole or visibly not.

use std::io::Read;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::audit::lines_of;
use crate::harness::{Client, TestApp};

const CSV: &str = "/export/activities.csv";
const NDJSON: &str = "/export/activities.ndjson";

async fn get(client: &Client, path: &str, query: &[(&str, &str)]) -> Response {
    client.request(Method::GET, path).query(query).send().await.unwrap()
}

async fn text(client: &Client, path: &str, query: &[(&str, &str)]) -> String {
    let response = get(client, path, query).await;
    assert_eq!(response.status(), 200);
    response.text().await.unwrap()
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Logs so many activities with this much to tell in each.
async fn fill(client: &Client, count: usize, bytes: usize) {
    let query = "mutation($input: LogActivitiesInput!) { logActivities(input: $input) { userErrors { code } } }";
    let at_once = (200_000 / (bytes + 200)).clamp(1, 500);
    let paths: Vec<_> = (0..count).map(|number| format!("/{number}")).collect();
    for paths in paths.chunks(at_once) {
        let activity = |path| {
            let properties: serde_json::Map<String, Value> =
                (0..bytes / 1_000).map(|key| (key.to_string(), json!("x".repeat(1_000)))).collect();
            json!({ "path": path, "properties": properties })
        };
        let activities: Vec<_> = paths.iter().map(activity).collect();
        client.graphql_with(query, json!({ "input": { "activities": activities } })).await;
    }
}

#[tokio::test]
async fn the_file_holds_what_the_list_shows() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    fill(&jeff, 60, 0).await;
    fill(&app.visitor(), 60, 0).await;
    let list = staff.activities().await;
    let exported = objects(&text(&staff, NDJSON, &[]).await);
    assert_eq!(exported.len(), 120);
    for (row, shown) in exported.iter().zip(&list) {
        for field in ["id", "name", "path", "referer", "ipAddress", "properties", "truncated"] {
            assert_eq!(row[field], shown[field], "{field}");
        }
        assert_eq!(row["user"]["username"], shown["user"]["username"]);
        assert_eq!(row["session"]["id"], shown["session"]["id"]);
        assert_eq!(row["session"]["userAgent"], "Test/1.0");
    }
    let csv = text(&staff, CSV, &[]).await;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 120);
    for (row, shown) in rows.iter().zip(&exported) {
        for field in ["cursor", "id", "date", "receivedAt", "path"] {
            assert_eq!(&row[column(field)], shown[field].as_str().unwrap());
        }
        assert_eq!(&row[column("username")], shown["user"]["username"].as_str().unwrap_or(""));
    }

    // The same filter and order, and the same cursors.
    let by_jeff = json!({ "anonymous": false, "path": { "startsWith": "/5" } }).to_string();
    let oldest_first = json!({ "field": "DATE", "direction": "ASC" }).to_string();
    let query = [("where", by_jeff.as_str()), ("orderBy", oldest_first.as_str())];
    let exported = objects(&text(&staff, NDJSON, &query).await);
    let paths: Vec<_> = exported.iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!(paths.len(), 11, "{paths:?}");
    let list = "query($after: String) { activities(first: 1, after: $after, orderBy: { field: DATE, direction: ASC },
        where: { anonymous: false, path: { startsWith: \"/5\" } }) { nodes { id } } }";
    let next = staff.graphql_with(list, json!({ "after": exported[3]["cursor"] })).await;
    assert_eq!(next["activities"]["nodes"][0]["id"], exported[4]["id"]);
}

#[tokio::test]
async fn an_export_goes_on_where_it_stopped() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    fill(&app.visitor(), 2_345, 0).await;
    let whole = text(&staff, CSV, &[]).await;
    let lines: Vec<_> = whole.split_inclusive("\r\n").collect();
    assert_eq!(lines.len(), 2_346);
    let cursor = lines[1_000].split(',').next().unwrap();
    let rest = text(&staff, CSV, &[("after", cursor)]).await;
    assert!(rest == lines[1_001..].concat(), "without a header");
    let last = lines[2_345].split(',').next().unwrap();
    assert_eq!(text(&staff, CSV, &[("after", last)]).await, "");

    let by_program = app.program().run(&["export"]).await.success();
    assert!(by_program == whole);
    let arguments = ["export", "--format", "ndjson", "--where", "{\"path\": {\"eq\": \"/7\"}}"];
    let by_program = objects(&app.program().run(&arguments).await.success());
    assert_eq!((by_program.len(), &by_program[0]["path"]), (1, &json!("/7")));
    let after = app.program().run(&["export", "--after", cursor]).await.success();
    assert!(after == rest);
    let oldest = app.program().run(&["export", "--order", "oldest"]).await.success();
    let mut lines: Vec<_> = oldest.split_inclusive("\r\n").collect();
    lines[1..].reverse();
    assert!(lines.concat() == whole);
    let error = app.program().run(&["export", "--where", "{\"pth\": 1}"]).await.failure();
    assert!(error.contains("pth"), "{error}");
}

#[tokio::test]
async fn no_cell_is_a_formula() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    for path in ["=1+1", "+1", "-1", "@x", " =2", "a\"b,c", "a\u{1b}[31m\nb", "\t=3"] {
        app.visitor().log(path).await;
    }
    let oldest_first = json!({ "field": "DATE", "direction": "ASC" }).to_string();
    let csv = text(&staff, CSV, &[("orderBy", &oldest_first)]).await;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let path = reader.headers().unwrap().iter().position(|name| name == "path").unwrap();
    let paths: Vec<_> = reader.records().map(|row| row.unwrap()[path].to_owned()).collect();
    let safe =
        ["'=1+1", "'+1", "'-1", "'@x", "' =2", "a\"b,c", "a\u{fffd}[31m\u{fffd}b", "'\u{fffd}=3"];
    assert_eq!(paths, safe);
    let exact = objects(&text(&staff, NDJSON, &[("orderBy", &oldest_first)]).await);
    assert_eq!(exact[6]["path"], "a\u{1b}[31m\nb");
}

#[tokio::test]
async fn what_is_wrong_is_said_before_the_first_byte() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    let jeff = app.logged_in("jeff", "user").await;
    let logger = app.visitor().with_bearer(&app.make_token("staff", "log").await);
    let forged = app.visitor().with_bearer("djf_forged");
    for path in [CSV, NDJSON] {
        for (client, query, status, code) in [
            (&app.visitor(), [("where", "{}")], 401, "UNAUTHENTICATED"),
            (&forged, [("where", "{}")], 401, "UNAUTHENTICATED"),
            (&jeff, [("where", "{}")], 403, "FORBIDDEN"),
            (&logger, [("where", "{}")], 403, "FORBIDDEN"),
            (&staff, [("where", "{")], 400, "BAD_USER_INPUT"),
            (&staff, [("where", "[]")], 400, "BAD_USER_INPUT"),
            (&staff, [("where", "{\"pth\": {\"eq\": \"/\"}}")], 400, "BAD_USER_INPUT"),
            (&staff, [("where", "{\"or\": [{\"path\": {\"is\": \"/\"}}]}")], 400, "BAD_USER_INPUT"),
            (&staff, [("where", "{\"user\": {\"eq\": \"jeff\"}}")], 400, "BAD_USER_INPUT"),
            (&staff, [("orderBy", "{\"field\": \"PATH\"}")], 400, "BAD_USER_INPUT"),
            (&staff, [("after", "nonsense")], 400, "BAD_USER_INPUT"),
            (&staff, [("filter", "{}")], 400, "BAD_USER_INPUT"),
        ] {
            let response = get(client, path, &query).await;
            assert_eq!(response.status(), status, "{query:?}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["errors"][0]["extensions"]["code"], code, "{body}");
        }
    }
    let response = staff.request(Method::POST, CSV).send().await.unwrap();
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn it_is_compressed_for_those_who_can_take_it() {
    let app = TestApp::start().await;
    let staff = app.staff().await;
    fill(&app.visitor(), 1_200, 0).await;
    let plain = get(&staff, CSV, &[]).await;
    assert_eq!(plain.headers()[CONTENT_TYPE], "text/csv; charset=utf-8");
    assert_eq!(plain.headers()[CONTENT_DISPOSITION], "attachment; filename=\"activities.csv\"");
    assert!(plain.headers().get(CONTENT_ENCODING).is_none());
    let plain = plain.text().await.unwrap();
    let request = staff.request(Method::GET, CSV).header(ACCEPT_ENCODING, "gzip");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
    let body = response.bytes().await.unwrap();
    assert!(body.len() * 3 < plain.len(), "{} {}", body.len(), plain.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert!(text == plain);
}

#[tokio::test]
async fn a_file_that_is_not_whole_does_not_look_so() {
    const ROWS: usize = 4_000;
    let app = TestApp::start().await;
    let staff = app.staff().await;
    fill(&app.visitor(), ROWS, 6_000).await;
    let (node, url) = app.another_node().await;
    let request = staff.clone().at(&url).request(Method::GET, NDJSON);
    let mut response = request.send().await.unwrap();
    // No more than four at once.
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(get(&staff.clone().at(&url), CSV, &[]).await);
    }
    let refused = get(&staff.clone().at(&url), CSV, &[]).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let mut body = response.chunk().await.unwrap().unwrap().to_vec();
    // Nobody reads, so nobody has asked the database for the rest.
    node.shutdown().await;
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend(chunk),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(error.is_some(), "{} bytes came, and no error", body.len());
    let whole = body.iter().rposition(|byte| *byte == b'\n').unwrap();
    let rows = objects(std::str::from_utf8(&body[..whole]).unwrap());
    let last = rows.last().unwrap();
    let rest = text(&staff, NDJSON, &[("after", last["cursor"].as_str().unwrap())]).await;
    assert_eq!(rows.len() + rest.lines().count(), ROWS);
}

#[tokio::test]
async fn every_export_is_in_the_audit_log() {
    let app = TestApp::start().await;
    let admin = app.logged_in("ann", "admin").await;
    let staff = app.staff().await;
    let filter = json!({ "path": { "eq": "/" } }).to_string();
    text(&staff, CSV, &[("where", &filter)]).await;
    get(&staff, CSV, &[("where", "{")]).await;
    app.program().run(&["export", "--format", "ndjson"]).await.success();
    let lines = lines_of(&admin, "export").await;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["actor"]["username"], "staff");
    let details = json!({ "format": "csv", "where": ["path"], "after": null });
    assert_eq!(lines[0]["details"], details, "by what, but not of whom");
    assert_eq!(lines[1]["details"]["by"], "command line");
}
