//! What a disk would hold after a power loss, from a recording of what the service wrote.
//!
//! strace notes each write to the files of the database, and each call that makes them durable. A
//! loss of power at any moment leaves what was durable by then, and of what was written later
//! nothing, or any part of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::process::{Child, Command};

use super::until;

/// A call. Several threads call at the same time; strace tells in which order they began and ended.
struct Call {
    /// The line that tells of its beginning.
    began: usize,
    /// That of its end.
    ended: usize,
    /// When it ended.
    at: SystemTime,
    file: String,
    effect: Effect,
}

enum Effect {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
    Sync,
}

/// Whether the disk does what it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disk {
    Honest,
    /// It says of the syncs of the write-ahead log that they are done, and does nothing: what
    /// `synchronous=NORMAL` is to an honest disk.
    IgnoresSyncsOfLog,
    /// The same of all: `synchronous=OFF`.
    IgnoresSyncs,
}

impl Disk {
    fn ignores_sync_of(self, file: &str) -> bool {
        match self {
            Self::Honest => false,
            Self::IgnoresSyncsOfLog => file.ends_with("-wal"),
            Self::IgnoresSyncs => true,
        }
    }
}

/// All calls of a run.
pub struct Recording(Vec<Call>);

/// A file as the disk holds it, and what has been written to it since it was last durable.
#[derive(Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<usize>,
}

impl Recording {
    /// The command that records what a program does with the files of this database.
    pub fn command(log: &Path, database: &Path) -> Vec<String> {
        let calls = "trace=pwrite64,ftruncate,fsync,fdatasync";
        let mut command = strace(database);
        command
            .extend(["-ttt", "-T", "-xx", "-s", "1000000", "-e", calls, "-o"].map(str::to_owned));
        command.push(log.display().to_string());
        command
    }

    pub fn read(log: &Path) -> Self {
        let text = std::fs::read_to_string(log).unwrap();
        let mut unfinished = BTreeMap::new();
        let mut calls = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let (process, line) = line.split_once(' ').unwrap();
            let (at, line) = line.trim_start().split_once(' ').unwrap();
            let at = UNIX_EPOCH + Duration::from_secs_f64(at.parse().unwrap());
            let (began, whole) = if let Some(start) = line.strip_suffix(" <unfinished ...>") {
                unfinished.insert(process.to_owned(), (number, start.to_owned()));
                continue;
            } else if let Some((_, end)) = line.split_once(" resumed>") {
                let (began, start) = unfinished.remove(process).unwrap();
                (began, start + end)
            } else {
                (number, line.to_owned())
            };
            // A line has the moment at which the call began or went on, and how long it took at its end.
            let (whole, took) = whole.rsplit_once(" <").unwrap_or((&whole, "0>"));
            let took = match began == number {
                true => took.trim_end_matches('>').parse().unwrap(),
                false => 0.0,
            };
            let at = at + Duration::from_secs_f64(took);
            let effect = effect(whole);
            calls.extend(effect.map(|(file, effect)| Call {
                began,
                ended: number,
                at,
                file,
                effect,
            }));
        }
        Self(calls)
    }

    /// The files at a moment: what was durable then, and a part of the rest as chance has it.
    pub fn files_at(
        &self,
        moment: SystemTime,
        disk: Disk,
        before: &BTreeMap<String, Vec<u8>>,
        chance: Option<&mut StdRng>,
    ) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::<String, File>::new();
        for (name, bytes) in before {
            let file = File { durable: bytes.clone(), ..File::default() };
            files.insert(name.clone(), file);
        }
        for (index, call) in self.0.iter().enumerate().filter(|(_, call)| call.at <= moment) {
            let file = files.entry(call.file.clone()).or_default();
            match call.effect {
                Effect::Sync if disk.ignores_sync_of(&call.file) => {}
                Effect::Sync => {
                    // What another thread wrote meanwhile may not be part of it.
                    let is_part = |index: &mut usize| self.0[*index].ended < call.began;
                    for index in file.pending.extract_if(.., is_part) {
                        self.0[index].effect.apply(&mut file.durable);
                    }
                }
                _ => file.pending.push(index),
            }
        }
        if let Some(chance) = chance {
            for file in files.values_mut() {
                for index in std::mem::take(&mut file.pending) {
                    if chance.random_bool(0.5) {
                        self.0[index].effect.apply(&mut file.durable);
                    }
                }
            }
        }
        files.into_iter().map(|(name, file)| (name, file.durable)).collect()
    }

    pub fn syncs(&self) -> usize {
        self.0.iter().filter(|call| matches!(call.effect, Effect::Sync)).count()
    }
}

/// strace on whatever touches the files of this database.
pub fn strace(database: &Path) -> Vec<String> {
    let mut command = ["strace", "-f", "--seccomp-bpf", "-qqq", "-y"].map(str::to_owned).to_vec();
    command.extend(strace_files(database));
    command
}

/// strace that lets each sync of the files of this database take that long, and leaves all other
/// calls alone: attached later on, it would stop the process at each of them.
pub fn slow_syncs(database: &Path, delay: Duration) -> Vec<String> {
    let calls = "fsync,fdatasync";
    let mut command = strace(database);
    command.extend(["-o", "/dev/null"].map(str::to_owned));
    command.extend(["-e".to_owned(), format!("trace={calls}")]);
    command.extend(["-e".to_owned(), format!("inject={calls}:delay_exit={}", delay.as_micros())]);
    command
}

/// What tells strace of the files of this database.
fn strace_files(database: &Path) -> [String; 4] {
    let [flag, path] = ["-P".to_owned(), database.display().to_string()];
    let wal = format!("{path}-wal");
    [flag.clone(), path, flag, wal]
}

/// What strace does to a running process, until it is dropped.
pub struct Injection(Child);

impl Injection {
    /// Tampers with these calls of the process on the files of this database.
    pub async fn begin(process: u32, database: &Path, calls: &str, tampering: &str) -> Self {
        let mut command = Command::new("strace");
        command.args(["-f", "-qqq", "-o", "/dev/null", "-p", &process.to_string()]);
        command.args(strace_files(database));
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:{tampering}")]);
        let injection = Self(command.kill_on_drop(true).spawn().unwrap());
        until("every thread is traced", async || is_traced(process)).await;
        injection
    }

    pub async fn end(mut self) {
        // It ends by itself with the process.
        let strace = self.0.id().unwrap().to_string();
        let _ = Command::new("kill").args(["-TERM", &strace]).status().await;
        self.0.wait().await.unwrap();
    }
}

fn is_traced(process: u32) -> bool {
    let mut threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.all(|thread| {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status"));
        status.is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
    })
}

/// `pwrite64(9</path>, "…", 24, 0) = 24` and the like; nothing if it has failed, was made up, or
/// was cut off by the end of the process.
fn effect(line: &str) -> Option<(String, Effect)> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ")?;
    if result.starts_with(['-', '?']) || result.contains("INJECTED") {
        return None;
    }
    let file = arguments.split_once('<')?.1.split_once('>')?.0;
    let file = String::from_utf8(decoded(file)).unwrap();
    let last = |text: &str| text.rsplit(", ").next().unwrap().trim().parse().unwrap();
    let effect = match name {
        "fsync" | "fdatasync" => Effect::Sync,
        "ftruncate" => Effect::Truncate(last(arguments)),
        "pwrite64" => {
            let (_, rest) = arguments.split_once('"')?;
            let (bytes, _) = rest.split_once('"')?;
            Effect::Write { offset: last(arguments), bytes: decoded(bytes) }
        }
        _ => return None,
    };
    Some((file, effect))
}

/// The bytes of `\x37\x7f…`.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.split("\\x").skip(1);
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

impl Effect {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => file.resize(*length, 0),
            Self::Sync => {}
        }
    }
}
