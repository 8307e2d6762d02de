//! Step 9 as a student runs it: each scenario by its name, the story on each broker, and its end.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

#[path = "../programs/support.rs"]
#[allow(dead_code, reason = "the programs' tests use the rest")]
mod support;

#[cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
#[cfg(target_os = "linux")]
use std::{process::Stdio, time::Instant};

use support::{Program, command, did_not_run};

const STEP9: &str = env!("CARGO_BIN_EXE_step9_retries");

fn step9(arguments: &[&str]) -> Program {
    Program::start(command(STEP9).args(arguments))
}

/// The whole of what it says, after it has ended well.
fn played(arguments: &[&str]) -> String {
    let (status, output) = step9(arguments).end();
    assert!(status.success(), "{output}");
    assert!(!output.contains('\u{1b}'), "a pipe gets no escape sequences");
    for line in output.lines().filter(|line| !line.contains("$ redis-cli")) {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
    assert_stopped(&output);
    output
}

/// The broker that its redis-cli lines name is gone.
fn assert_stopped(output: &str) {
    let Some((_, rest)) = output.split_once("redis-cli -p ") else { return };
    let port: u16 = rest.split(' ').next().unwrap().parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "its broker still runs");
}

/// The verdict lines as one text, whatever their line breaks.
fn verdicts(output: &str) -> String {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in output.lines() {
        let starts = line.contains("✔ verdict");
        inside = starts || (inside && line.starts_with("          "));
        if inside {
            found.extend(line.split_whitespace());
        }
    }
    found.join(" ")
}

fn assert_verdicts(output: &str, expected: &[&str]) {
    let verdicts = verdicts(output);
    for words in expected {
        assert!(verdicts.contains(words), "{words:?} is missing in {verdicts:?}\n{output}");
    }
}

fn alone(scenario: &str) -> String {
    played(&["--builtin", "--speed", "20", scenario])
}

const TRANSIENT: &str = "transient: 3 attempts · 1 sent · PENDING → RETRY → SUCCESS";
const PERMANENT: &str = "permanent: 1 attempt · 0 sent · PENDING → FAILURE";
const EXHAUSTED: &str =
    "exhausted: 4 attempts · PENDING → RETRY → FAILURE · error: the server's own 421";
const BACKOFF: &str = "backoff: jitter flattens the peaks";
const TIMEOUT: &str = "timeout: polite MailServerSilent · deaf TimeLimitExceeded · next sent";
const CRASH: [&str; 2] = [
    "crash: early: accepted 10 · delivered 9 · lost 1 · twice 0",
    "crash: late: accepted 10 · delivered 10 · lost 0 · twice 1",
];
const DUPLICATE: [&str; 2] = [
    "duplicate: no key: accepted 1 · delivered 1 · lost 0 · twice 1",
    "duplicate: key: accepted 1 · delivered 1 · lost 0 · twice 0",
];

#[test]
fn a_mail_server_that_is_busy_twice_gets_the_mail_at_the_third_attempt() {
    let output = alone("transient");
    assert_verdicts(&output, &[TRANSIENT]);
    for lane in ["busy     try 1 RETRY", "busy     try 2 RETRY", "busy     try 3 SUCCESS"] {
        assert!(output.contains(lane), "{lane:?} is missing in\n{output}");
    }
    assert!(output.contains("GET celery-task-meta-busy"), "{output}");
}

#[test]
fn what_is_refused_for_ever_is_tried_once() {
    assert_verdicts(&alone("permanent"), &[PERMANENT]);
}

#[test]
fn retries_have_an_end_and_the_servers_own_error_is_the_result() {
    assert_verdicts(&alone("exhausted"), &[EXHAUSTED]);
}

#[test]
fn the_herd_is_a_calculation_and_the_same_seed_gives_the_same_picture() {
    let picture = |seed| {
        let output = played(&["--builtin", "--herd", "150", "--seed", seed, "backoff"]);
        assert!(output.contains("no queue and no mail here: 150 callers"), "{output}");
        assert_verdicts(&output, &[BACKOFF]);
        output
            .split_once("each column")
            .unwrap()
            .1
            .split(" s ▶ compared")
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        picture("7").lines().filter(|line| line.contains('#')).collect::<Vec<_>>(),
        picture("7").lines().filter(|line| line.contains('#')).collect::<Vec<_>>()
    );
    assert_ne!(picture("7"), picture("8"));
}

#[test]
fn a_silent_mail_server_keeps_its_slot_only_up_to_the_limits() {
    let output = alone("timeout");
    assert_verdicts(&output, &[TIMEOUT]);
    assert!(output.contains("with no limit the first mail would keep the only slot"), "{output}");
}

#[test]
fn killed_workers_lose_a_mail_or_send_one_twice() {
    let output = alone("crash");
    assert_verdicts(&output, &CRASH);
    assert!(output.contains("early-3, whose worker was killed: STARTED, for ever"), "{output}");
}

#[test]
fn an_idempotency_key_keeps_the_second_mail_back() {
    let output = alone("duplicate");
    assert_verdicts(&output, &DUPLICATE);
    assert!(output.contains("keyed: seen before: skipped"), "{output}");
    assert!(output.contains("TTL idempotency:keyed"), "{output}");
}

#[test]
fn the_story_plays_on_a_redis_server_and_ends_with_its_table() {
    if lab3::broker::installed().is_none() {
        return did_not_run("step 9 on a redis-server", "redis-server");
    }
    let output = played(&["--speed", "20"]);
    assert!(!output.contains("built-in"), "{output}");
    assert_story(&output);
}

#[test]
fn the_story_plays_on_the_built_in_broker_and_ends_with_its_table() {
    assert_story(&played(&["--builtin", "--speed", "20"]));
}

fn assert_story(output: &str) {
    assert_verdicts(output, &[TRANSIENT, PERMANENT, EXHAUSTED, BACKOFF, TIMEOUT]);
    assert_verdicts(output, &CRASH);
    assert_verdicts(output, &DUPLICATE);
    let (_, table) = output.split_once("What it came to").unwrap();
    let row = |name: &str| {
        let line = table.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        let numbers = line.split_whitespace().rev().take(3).collect::<Vec<_>>();
        numbers.into_iter().rev().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("transient"), "3 0 0");
    assert_eq!(row("crash, early ack"), "10 1 0");
    assert_eq!(row("crash, late ack"), "12 0 1");
    assert_eq!(row("duplicate, key"), "2 0 0");
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let (status, output) = step9(&["storm"]).end();
    assert_eq!(status.code(), Some(2), "{output}");
    for words in ["storm", "transient", "permanent", "exhausted", "timeout", "crash", "duplicate"] {
        assert!(output.contains(words), "{words:?} is missing in\n{output}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_a_worker_process_runs_leaves_none_behind() {
    let mut program = step9(&["--builtin", "crash"]);
    program.until("early-1 at worker 1");
    program.interrupt();
    // A child that lived on would hold our end of its output open, and this would not return.
    let (status, output) = program.end();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(output.contains("stopped; nothing is left running"), "{output}");
}

#[cfg(target_os = "linux")]
#[test]
fn workers_go_away_even_when_the_program_is_killed() {
    let mut program = command(STEP9);
    program.args(["--builtin", "--speed", "5", "crash"]).stdout(Stdio::piped());
    let mut program = program.spawn().unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("early-1 at worker 1")));
    let workers = children(program.id());
    assert!(!workers.is_empty(), "there is no worker process");
    program.kill().unwrap();
    program.wait().unwrap();
    let deadline = Instant::now() + support::PATIENCE;
    while workers.iter().any(|worker| runs(*worker)) {
        assert!(Instant::now() < deadline, "a worker lives on");
        std::thread::yield_now();
    }
}

/// Whether the process is there, and no mere entry that nobody has collected.
#[cfg(target_os = "linux")]
fn runs(process: u32) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// The processes that a process has started.
#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{of}/task")).unwrap();
    let lists = tasks.map(|task| task.unwrap().path().join("children"));
    let lists = lists.map(|list| std::fs::read_to_string(list).unwrap_or_default());
    lists
        .flat_map(|list| list.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}
