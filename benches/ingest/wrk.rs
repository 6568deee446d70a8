//! The load generator, and what it is to send.

use std::path::Path;
use std::process::Command;

use serde_json::json;

const LOG_ACTIVITY: &str = "mutation($input: LogActivityInput!) { logActivity(input: $input) { activity { id } userErrors { message } } }";
const LOG_ACTIVITIES: &str = "mutation($activities: [LogActivityInput!]!) { logActivities(input: { activities: $activities }) { results { userErrors { message } } } }";

/// What wrk has measured.
#[derive(Clone, Copy)]
pub struct Figure {
    /// Requests per second.
    pub rate: f64,
    /// Milliseconds within which 99 % of the requests were answered.
    pub p99: f64,
    /// Requests that were answered.
    pub requests: u64,
}

/// Requests that a script makes before it sends the first one.
const READY: u32 = 1_000;

/// A request that never changes, so that the generator costs as little as it can.
pub fn form(header: Option<&str>) -> String {
    let body =
        "date=2026-11-23T03:00:00.123Z&path=/checkout/payment&referer=https://shop.example/cart";
    let header = header.map(header_line).unwrap_or_default();
    format!(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\n{header}wrk.body = '{body}'\n"
    )
}

/// The same document, with a thousand paths in turn.
pub fn log_activity(header: &str) -> String {
    let input = json!({ "path": "/products/@", "referer": "https://shop.example/" });
    counting(header, &json!({ "query": LOG_ACTIVITY, "variables": { "input": input } }))
}

/// A hundred activities, each request with another one of a thousand paths.
pub fn log_activities(header: &str) -> String {
    let activities =
        vec![json!({ "path": "/products/@", "referer": "https://shop.example/" }); 100];
    counting(header, &json!({ "query": LOG_ACTIVITIES, "variables": { "activities": activities } }))
}

fn counting(header: &str, body: &serde_json::Value) -> String {
    let header = header_line(header);
    format!(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n{header}\
         local body = '{body}'\nlocal ready = {{}}\nlocal count = 0\n\
         init = function()\n  for i = 1, {READY} do\n    \
         ready[i] = wrk.format(nil, nil, nil, (body:gsub('@', i)))\n  end\nend\n\
         request = function()\n  count = count % {READY} + 1\n  return ready[count]\nend\n"
    )
}

fn header_line(header: &str) -> String {
    let (name, value) = header.split_once(": ").unwrap();
    format!("wrk.headers['{name}'] = '{value}'\n")
}

/// Sends for so many seconds, over so many connections.
pub fn run(directory: &Path, url: &str, script: &str, connections: u32, seconds: u32) -> Figure {
    // Answers other than 2xx would be no figures.
    let done = "done = function(summary, latency)\n  local e = summary.errors\n  \
        io.write('errors ', e.status + e.connect + e.read + e.write + e.timeout, '\\n')\n  \
        io.write('requests ', summary.requests, '\\n')\n  \
        io.write('p99 ', latency:percentile(99), '\\n')\nend\n";
    let file = directory.join("wrk.lua");
    std::fs::write(&file, format!("{script}{done}")).unwrap();
    let output = Command::new("wrk")
        .args(["-t1", "-c", &connections.to_string(), "-d", &seconds.to_string(), "-s"])
        .arg(&file)
        .arg(url)
        .output()
        .expect("wrk, as of the Debian package");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("errors 0"), "{text}");
    let field = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().parse().unwrap()
    };
    Figure {
        rate: field("Requests/sec:"),
        p99: field("p99 ") / 1_000.0,
        requests: field("requests ") as u64,
    }
}
