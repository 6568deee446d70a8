//! Embeds the pages anew when they have been built anew.

use std::env;
use std::fs;

const PAGES: &str = "web/dist";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build reads the pages when it is asked for them.
    if env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return;
    }
    // A folder that is not there would be built for each time. In a package there is no `web`.
    if fs::exists("web").unwrap_or(false) && fs::create_dir_all(PAGES).is_ok() {
        println!("cargo::rerun-if-changed={PAGES}");
    }
}
