//! The short table of faults, as it is played with every `cargo test`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

use std::io::Write;
use std::process::{Command, Output};

fn chaos(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos")).args(arguments).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8(said).unwrap();
    (output, said)
}

/// Says so past libtest's capture; in CI, where everything is installed, it is a failure.
fn has_redis(test: &str) -> bool {
    let found = Command::new("redis-server").arg("--version").output().is_ok();
    if !found {
        say(&format!("did not run: {test} needs redis-server on the PATH\n"));
        assert!(std::env::var_os("CI").is_none(), "{test} needs redis-server on the PATH");
    }
    found
}

fn say(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn every_row_of_the_short_table_holds() {
    if !has_redis("the short table of faults") {
        return;
    }
    let (output, said) = chaos(&["--quick"]);
    let rows = said.lines().filter(|line| line.starts_with(['✔', '◌', '✘']));
    let (run, skipped): (Vec<_>, Vec<_>) = rows.partition(|row| !row.starts_with('◌'));
    skipped.iter().for_each(|row| say(&format!("{row}\n")));
    assert!(output.status.success(), "{said}");
    assert_eq!(run.len() + skipped.len(), 18, "{said}");
    assert!(run.iter().all(|row| row.starts_with("✔ holds ")), "{said}");
    // Only what needs another tool of the system may be left out, and nothing in CI.
    assert!(skipped.iter().all(|row| row.contains("libfaketime")), "{said}");
    assert!(skipped.is_empty() || std::env::var_os("CI").is_none(), "{said}");
}

#[test]
fn a_queue_that_loses_tasks_is_found_out() {
    if !has_redis("early acknowledgement under SIGKILL") {
        return;
    }
    // Early acknowledgement loses what a killed worker had in hand.
    let (output, said) = chaos(&["--quick", "--early", "sigkill"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("✘ FAILS sigkill") && said.contains("expected: at most 0 lost"),
        "{said}"
    );
    assert!(said.contains("      lost task-"), "and names them: {said}");
    for told in [
        "again: scripts/chaos.sh --quick --seed 1 sigkill\n",
        ": ledger: start task-",
        ": workers: started task-",
        ": Redis: [], result none\n",
        "end of ledger.txt: ",
        "end of workers.log: ",
        "end of redis.log: ",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let files = said.lines().find_map(|line| line.trim().strip_prefix("its files: ")).unwrap();
    std::fs::remove_dir_all(files).unwrap();
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let (output, said) = chaos(&["earthquake"]);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("sigkill") && said.contains("read-only"), "{said}");
}
