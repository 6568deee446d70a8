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

/// A call, with the moment at which it had returned.
struct Call {
    at: SystemTime,
    file: String,
    effect: Effect,
}

enum Effect {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
    Sync,
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
    ///
    /// A disk that lies says of each sync that it is done, and does nothing: what
    /// `synchronous=OFF` is to an honest disk.
    pub fn command(log: &Path, database: &Path, is_honest: bool) -> Vec<String> {
        let calls = "trace=pwrite64,ftruncate,fsync,fdatasync";
        let mut command = strace(database);
        command
            .extend(["-ttt", "-T", "-xx", "-s", "1000000", "-e", calls, "-o"].map(str::to_owned));
        command.push(log.display().to_string());
        if !is_honest {
            command.extend(["-e", "inject=fsync,fdatasync:retval=0"].map(str::to_owned));
        }
        command
    }

    pub fn read(log: &Path) -> Self {
        let text = std::fs::read_to_string(log).unwrap();
        let mut unfinished = BTreeMap::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let (process, line) = line.split_once(' ').unwrap();
            let (at, line) = line.trim_start().split_once(' ').unwrap();
            let is_resumed = line.contains(" resumed>");
            let whole = if let Some(start) = line.strip_suffix(" <unfinished ...>") {
                unfinished.insert(process.to_owned(), start.to_owned());
                continue;
            } else if let Some((_, end)) = line.split_once(" resumed>") {
                unfinished.remove(process).unwrap() + end
            } else {
                line.to_owned()
            };
            // The line of a call has the moment at which it began, and how long it took at its end.
            let (whole, took) = match whole.rsplit_once(" <") {
                Some((whole, took)) => (whole.to_owned(), took.trim_end_matches('>')),
                None => (whole, "0"),
            };
            let began: f64 = if is_resumed { 0.0 } else { took.parse().unwrap() };
            let at = UNIX_EPOCH + Duration::from_secs_f64(at.parse::<f64>().unwrap() + began);
            calls.extend(call(at, &whole));
        }
        Self(calls)
    }

    /// The files at a moment: what was durable then, and a part of the rest as chance has it.
    pub fn files_at(
        &self,
        moment: SystemTime,
        before: &BTreeMap<String, Vec<u8>>,
        chance: Option<&mut StdRng>,
    ) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::<String, File>::new();
        for (name, bytes) in before {
            let file = File { durable: bytes.clone(), ..File::default() };
            files.insert(name.clone(), file);
        }
        for (index, call) in self.0.iter().enumerate().take_while(|(_, call)| call.at <= moment) {
            let file = files.entry(call.file.clone()).or_default();
            match call.effect {
                Effect::Sync => {
                    for index in std::mem::take(&mut file.pending) {
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
    let wal = format!("{}-wal", database.display());
    let database = database.display().to_string();
    let command = ["strace", "-f", "--seccomp-bpf", "-qqq", "-y", "-P", &database, "-P", &wal];
    command.map(str::to_owned).to_vec()
}

/// `pwrite64(9</path>, "…", 24, 0) = 24` and the like; nothing if it has failed or was made up.
fn call(at: SystemTime, line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ")?;
    if result.starts_with('-') || result.contains("INJECTED") {
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
    Some(Call { at, file, effect })
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
