//! The lab's programs with their Python counterparts: the Django form before `step6_worker`, a
//! Celery worker behind `step7_async_form`, and a fleet of both kinds under fire.
//!
//! Everything is started as docs/celery.md says, by `scripts/celery.sh`; without Celery in its
//! place these tests say `did not run`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

#[path = "../../../taskqueue/tests/celery/process.rs"]
mod process;
#[path = "../programs/support.rs"]
#[allow(dead_code, reason = "the programs' tests use the rest")]
mod support;

mod fleet;
mod swapped;

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether there is a Celery for `scripts/celery.sh`; says so if there is none.
fn celery_is_installed() -> bool {
    let usual = root().join("target/celery");
    let venv = std::env::var_os("CELERY_VENV").map_or(usual, PathBuf::from);
    let installed = venv.join("bin/celery").exists();
    if !installed {
        let thread = std::thread::current();
        let needs = "Celery (scripts/celery.sh install), and bash";
        support::did_not_run(thread.name().unwrap_or_default(), needs);
    }
    installed
}

/// `scripts/celery.sh` with these arguments, before this broker.
fn celery(command: &str, url: &str, arguments: &[&str]) -> Command {
    let mut script = Command::new("bash");
    script.arg(root().join("scripts/celery.sh")).args([command, "--broker", url]).args(arguments);
    script.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
    script
}
