//! A PostgreSQL server of a test's own, to stop and to start as it likes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// However busy the machine is.
const STARTED: Duration = Duration::from_secs(120);

/// It listens on a socket in its directory, where nobody else can be.
pub struct PostgresServer {
    data: tempfile::TempDir,
    process: Option<Child>,
}

impl PostgresServer {
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        if is_root() {
            // PostgreSQL refuses to run as root.
            let owned = Command::new("chown").arg("postgres").arg(data.path()).status();
            assert!(owned.await.unwrap().success());
        }
        let initialised = program("initdb")
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--pgdata"])
            .arg(data.path())
            .stdout(Stdio::null())
            .status();
        assert!(initialised.await.unwrap().success());
        let mut server = Self { data, process: None };
        server.run().await;
        server
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.data.path().display())
    }

    /// Starts it, and returns when it takes connections.
    pub async fn run(&mut self) {
        let process = program("postgres")
            .arg("-D")
            .arg(self.data.path())
            .arg("-k")
            .arg(self.data.path())
            .args(["-c", "listen_addresses="])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.process = Some(process.unwrap());
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        let start = Instant::now();
        while start.elapsed() < STARTED {
            tick.tick().await;
            let ready = program("pg_isready").arg("-q").arg("-h").arg(self.data.path()).status();
            if ready.await.unwrap().success() {
                return;
            }
        }
        panic!("PostgreSQL does not start");
    }

    /// Throws everybody out and stops: after a checkpoint, or at once as in a crash.
    pub async fn stop(&mut self, immediately: bool) {
        let mut process = self.process.take().unwrap();
        let file = self.data.path().join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        let signal = if immediately { "-QUIT" } else { "-INT" };
        let killed = Command::new("kill").args([signal, text.lines().next().unwrap()]).status();
        assert!(killed.await.unwrap().success());
        process.wait().await.unwrap();
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // As root the process at hand is that of runuser.
        let file = self.data.path().join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(id) = text.lines().next() {
            let _ = std::process::Command::new("kill").args(["-QUIT", id]).status();
        }
    }
}

fn is_root() -> bool {
    std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// A program of PostgreSQL, which Debian does not put on the path.
fn program(name: &str) -> Command {
    let path = directory().join(name);
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    }
}

fn directory() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL as of Debian");
    let newest = versions.map(|version| version.unwrap().path()).max().unwrap();
    Path::new(&newest).join("bin")
}
