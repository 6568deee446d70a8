//! The program, run as an operator runs it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// Of a log that nobody stops, so much is kept.
const KEPT_LINES: usize = 20_000;

/// A run of the command line.
pub struct Program {
    command: Command,
    input: Option<String>,
    // Holds no djaffar.toml.
    _directory: tempfile::TempDir,
}

/// What a run has printed.
#[derive(Debug)]
pub struct Output {
    pub is_success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new(database_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // `make faults` lets the release build run.
        let program = std::env::var("DJAFFAR_TEST_PROGRAM");
        let program = program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_djaffar"));
        let mut command = Command::new(program);
        command.current_dir(directory.path()).env("DJAFFAR_DATABASE_URL", database_url);
        // A test is more than one client may be.
        command.env("DJAFFAR_RATE_LIMITS", "off");
        command.kill_on_drop(true);
        Self { command, input: None, _directory: directory }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets another program run it, such as strace.
    pub fn under(mut self, wrapper: &[String]) -> Self {
        let mut outer = Command::new(&wrapper[0]);
        let program = self.command.as_std();
        outer.args(&wrapper[1..]).arg(program.get_program());
        if let Some(directory) = program.get_current_dir() {
            outer.current_dir(directory);
        }
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                outer.env(name, value);
            }
        }
        outer.kill_on_drop(true);
        self.command = outer;
        self
    }

    /// Does not say which database.
    pub fn without_database(mut self) -> Self {
        self.command.env_remove("DJAFFAR_DATABASE_URL");
        self
    }

    /// Puts a file beside the program.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self._directory.path().join(name), text).unwrap();
        self
    }

    pub fn input(mut self, line: &str) -> Self {
        self.input = Some(format!("{line}\n"));
        self
    }

    pub async fn run(mut self, arguments: &[&str]) -> Output {
        self.command.args(arguments).stdin(Stdio::piped());
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        if let Some(input) = &self.input {
            // A program that fails early does not read.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        Output {
            is_success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts `djaffar serve` on a free port, and returns when it serves.
    pub async fn serve(mut self, arguments: &[&str]) -> Server {
        let format =
            self.command.as_std().get_envs().find(|(name, _)| *name == "DJAFFAR_LOG_FORMAT");
        if format.is_none() {
            self.command.env("DJAFFAR_LOG_FORMAT", "json");
        }
        self.command.arg("serve").args(arguments);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).split(b'\n');
        let log = Arc::new(Mutex::new(Vec::new()));
        let url = loop {
            let line = lines.next_segment().await.unwrap().expect("the server ended first");
            let line = String::from_utf8(line).unwrap();
            if line.contains("serving")
                && let Some((_, url)) = line.split_once("http://")
            {
                break format!("http://{}", url.split(['"', ' ']).next().unwrap());
            }
        };
        // The program must not wait for the pipe to be read.
        let kept = log.clone();
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_segment().await {
                let mut kept = kept.lock().unwrap();
                if kept.len() < KEPT_LINES {
                    kept.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        });
        let process = process(&child);
        Server { url, child, process, log, reader, _program: self }
    }
}

impl Output {
    /// What a successful run has printed.
    pub fn success(self) -> String {
        assert!(self.is_success, "{}", self.stderr);
        self.stdout
    }

    /// What a failed run says of it.
    pub fn failure(self) -> String {
        assert!(!self.is_success, "{}", self.stdout);
        self.stderr
    }
}

/// A running `djaffar serve`, which ends when dropped.
pub struct Server {
    pub url: String,
    child: Child,
    /// The id of the program's own process, which strace may be the parent of.
    pub process: u32,
    log: Arc<Mutex<Vec<String>>>,
    /// Reads what is logged.
    reader: tokio::task::JoinHandle<()>,
    _program: Program,
}

impl Server {
    /// Ends the program, and strace with it, without a word of warning.
    pub async fn kill(&mut self) {
        self.signal("-KILL");
        self.child.wait().await.unwrap();
    }

    /// From now on nobody reads what is logged.
    pub async fn close_log(&mut self) {
        self.reader.abort();
        let _ = (&mut self.reader).await;
    }

    /// The first line that was printed.
    pub async fn first_line(&mut self) -> String {
        let mut line = Vec::new();
        let stdout = self.child.stdout.as_mut().unwrap();
        loop {
            match stdout.read_u8().await.unwrap() {
                b'\n' => return String::from_utf8(line).unwrap(),
                byte => line.push(byte),
            }
        }
    }

    /// The first lines of the log since it serves.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Most resident memory since `forget_peak`, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.process), "5").unwrap();
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    /// What all threads that live have worked, in nanoseconds more exact than `stat` has it.
    pub fn worked(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process)).unwrap();
        let read = |task: std::io::Result<std::fs::DirEntry>| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(tasks.filter_map(read).sum())
    }

    /// Sends SIGTERM, and returns the exit code and what was printed.
    pub async fn stop(mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        let mut stdout = self.child.stdout.take().unwrap();
        let mut printed = String::new();
        let (read, status) = tokio::join!(stdout.read_to_string(&mut printed), self.child.wait());
        read.unwrap();
        (status.unwrap().code(), printed)
    }

    fn signal(&self, signal: &str) {
        let process = self.process.to_string();
        let killed = std::process::Command::new("kill").args([signal, &process]).status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // To kill the child is to kill strace alone, and what it has traced lives on.
        if self.child.id().is_some() {
            let process = self.process.to_string();
            let _ = std::process::Command::new("kill").args(["-KILL", &process]).status();
        }
    }
}

/// The process that a child is, or that strace as the child has started.
fn process(child: &Child) -> u32 {
    let id = child.id().unwrap();
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap();
    match read("comm").trim() {
        "strace" => read(&format!("task/{id}/children")).trim().parse().unwrap(),
        _ => id,
    }
}
