//! The arrows between the rooms of `src` run one way: doors, domain, store.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Rooms, and what their files must not mention.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    ("http", &["crate::store", "crate::cli", "sea_orm::"]),
    ("graphql", &["crate::store", "crate::http", "crate::cli", "sea_orm::"]),
    (
        "activity",
        &["crate::http", "crate::graphql", "crate::cli", "crate::app", "axum::", "sea_orm::"],
    ),
    (
        "auth",
        &[
            "crate::http",
            "crate::graphql",
            "crate::cli",
            "crate::app",
            "crate::activity",
            "crate::privacy",
            "axum::",
            "sea_orm::",
        ],
    ),
    (
        "privacy",
        &["crate::http", "crate::graphql", "crate::cli", "crate::app", "axum::", "sea_orm::"],
    ),
    (
        "store",
        &[
            "crate::http",
            "crate::graphql",
            "crate::cli",
            "crate::app",
            "crate::activity",
            "crate::auth",
            "crate::privacy",
            "axum::",
        ],
    ),
    ("cli", &["crate::http", "crate::activity", "sea_orm::"]),
];
const MAX_LINES: usize = 500;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn rooms_mention_only_what_lies_below_them() {
    for (room, forbidden) in FORBIDDEN {
        let files = sources(&Path::new(ROOT).join(room));
        assert!(!files.is_empty(), "there is no room called {room}");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let lines = text.lines().enumerate();
            for (number, line) in lines.filter(|(_, line)| !line.trim_start().starts_with("//")) {
                // Ways around the words below.
                assert!(!line.contains("crate::{") && !line.contains("super::super"));
                for word in forbidden {
                    assert!(!line.contains(word), "{}:{}: {word}", file.display(), number + 1);
                }
            }
        }
    }
}

#[test]
fn only_the_program_has_state_of_its_own() {
    for file in sources(Path::new(ROOT)) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.lines().count() <= MAX_LINES, "{} is too long", file.display());
        if file.ends_with("main.rs") {
            continue;
        }
        for word in ["static ", "thread_local!", "global_allocator"] {
            // Lifetimes are no statics.
            let is_there = text.lines().any(|line| line.replace("'static ", "").contains(word));
            assert!(!is_there, "{}: {word}", file.display());
        }
    }
}
