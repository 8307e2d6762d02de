//! `cargo run`: the whole lab by itself.

use std::net::TcpStream;

use crate::support::{Program, command, did_not_run, free_port};

const TOUR: &str = env!("CARGO_BIN_EXE_lab3");

/// What every run of the tour must show, whatever its broker.
fn assert_told(output: &str) {
    for line in [
        "Thank you!",
        "visitor inside the request",
        "work    by the queue",
        "user waited",
        "SUCCESS",
    ] {
        assert!(output.contains(line), "{line:?} is missing in:\n{output}");
    }
    assert_each_wait_has_one_number(output);
    assert!(!output.contains('\u{1b}'), "a pipe gets no escape sequences");
    for line in output.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
}

/// The line of the visit, the bar and the table say the same.
fn assert_each_wait_has_one_number(output: &str) {
    let waits = output.lines().filter_map(|line| {
        let (_, wait) = line.split_once("visitor 1 waited ")?;
        Some(wait.split(" (").next().unwrap_or(wait))
    });
    let names = ["inside the request", "by the queue", "refused twice"];
    let waits: Vec<_> = waits.collect();
    assert_eq!(waits.len(), names.len(), "{output}");
    for (name, wait) in names.into_iter().zip(waits) {
        let line = |start: &str| output.lines().find(|line| line.trim_start().starts_with(start));
        let bar = line(&format!("visitor {name}")).expect(name);
        let row = line(&format!("{name}  ")).expect(name);
        let bar_says =
            bar.trim_end().ends_with(&format!(" {wait}")) || bar.ends_with(&format!("▏{wait}"));
        assert!(bar_says && row.contains(&format!("  {wait}  ")), "{wait}:\n{bar}\n{row}");
        let work = line(&format!("work    {name}")).expect(name);
        let mail_after = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).nth(2);
        assert!(work.ends_with(mail_after.expect(name)), "{work}\n{row}");
    }
}

/// The port that the tour's own redis-cli lines name.
fn port_of_the_broker(output: &str) -> u16 {
    let (_, rest) = output.split_once("redis-cli -p ").expect("the tour has a broker of its own");
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_tour_plays_on_the_built_in_broker_and_ends_well() {
    let (status, output) = Program::start(command(TOUR).args(["--builtin", "--speed", "10"])).end();
    assert!(status.success(), "{output}");
    assert!(output.contains("the built-in broker (nothing is kept on disk)"));
    assert_told(&output);
}

#[test]
fn the_tour_plays_on_a_redis_server_and_leaves_none_behind() {
    if lab3::broker::installed().is_none() {
        return did_not_run("the tour on a redis-server", "redis-server");
    }
    let (status, output) = Program::start(command(TOUR).args(["--speed", "10"])).end();
    assert!(status.success(), "{output}");
    assert!(!output.contains("built-in"), "{output}");
    assert_told(&output);
    assert!(
        TcpStream::connect(("127.0.0.1", port_of_the_broker(&output))).is_err(),
        "it still runs"
    );
}

#[test]
fn without_a_redis_server_on_the_path_the_tour_brings_its_own_broker() {
    let nowhere = std::env::temp_dir().join("lab3-empty-path");
    std::fs::create_dir_all(&nowhere).unwrap();
    let mut command = command(TOUR);
    let (status, output) =
        Program::start(command.args(["--speed", "10"]).env("PATH", nowhere)).end();
    assert!(status.success(), "{output}");
    assert!(output.contains("the built-in broker (nothing is kept on disk)"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_leaves_no_process_behind() {
    let mut tour = Program::start(command(TOUR).args(["--speed", "5"]));
    let queued = tour.until("redis-cli");
    tour.interrupt();
    let (status, output) = tour.end();
    assert_eq!(status.code(), Some(130), "{output}");
    assert!(output.contains("stopped; nothing is left running"), "{output}");
    assert!(
        TcpStream::connect(("127.0.0.1", port_of_the_broker(&queued))).is_err(),
        "its broker still runs"
    );
}

#[test]
fn a_tour_whose_mail_can_not_be_sent_does_not_end_well() {
    let nobody = format!("smtp://127.0.0.1:{}", free_port());
    let mut command = command(TOUR);
    let command = command.args(["--builtin", "--work", "0s", "--smtp", &nobody]);
    let (status, output) = Program::start(command).end();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(
        output.contains("the mail server") && output.contains("the form answered 503"),
        "{output}"
    );
}

#[test]
fn a_wrong_option_is_named_together_with_what_would_be_right() {
    let cases = [
        (["--work", "20"], "`20` is no duration; write it like 20s, 250ms or 0s"),
        (["--speed", "0"], "`0` is no speed; write a number from 0.1 to 1000, such as 10"),
        (["--smtp", "localhost"], "next: write it as smtp://host:port"),
    ];
    for (arguments, words) in cases {
        let (status, output) = Program::start(command(TOUR).args(arguments)).end();
        assert!(!status.success() && output.contains(words), "{arguments:?}: {output}");
    }
}
