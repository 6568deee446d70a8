//! The program, as an operator runs it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";

/// Makes the user who logs, and returns a token.
pub fn make_user(url: &str) -> String {
    let run = |arguments: &[&str]| -> String {
        let mut child = program(url)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    run(&["user", "create", "jeff", "--password-stdin"]);
    run(&["token", "create", "--user", "jeff", "--name", "bench", "--scope", "log"])
}

fn program(database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_djaffar"));
    command.env("DJAFFAR_DATABASE_URL", database_url);
    command
}

pub struct Server {
    child: Child,
    pub url: String,
    /// From the start of the process until it serves.
    pub started_in: Duration,
}

impl Server {
    pub fn start(database_url: &str) -> Self {
        let start = Instant::now();
        let mut command = program(database_url);
        command.args(["serve", "--listen", "127.0.0.1:0", "--mode", "development"]);
        command.args(["--log-format", "json", "--rate-limits", "off"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = log
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
                (line["message"] == "serving").then(|| line["url"].as_str().unwrap().to_owned())
            })
            .unwrap();
        let started_in = start.elapsed();
        std::thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        Self { child, url, started_in }
    }

    /// The value of a session cookie.
    pub fn log_in(&self) -> String {
        let query =
            "mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }";
        let body = json!({ "query": query, "variables": { "input": { "username": "jeff", "password": PASSWORD } } });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = reqwest::Client::new().post(format!("{}/graphql", self.url)).json(&body);
            let response = request.send().await.unwrap();
            let cookie = response.headers()["set-cookie"].to_str().unwrap();
            cookie.strip_prefix("sessionid=").unwrap().split(';').next().unwrap().to_owned()
        })
    }

    /// The most memory that was resident at any time, in megabytes.
    pub fn most_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1_024.0 / 1e6
    }

    /// How many activities the program says it has stored since it was started.
    pub fn stored(&self) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let text = runtime.block_on(async {
            let answer = reqwest::get(format!("{}/metrics", self.url)).await.unwrap();
            answer.text().await.unwrap()
        });
        let line = text.lines().find_map(|line| line.strip_prefix("djaffar_activities_total "));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
