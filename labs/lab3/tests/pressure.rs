//! The form as a process of its own under many, slow and evil visitors: it serves the next one, and
//! its memory stays what it was. Reads /proc, so on Linux only.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

#[path = "form/attack_cases.rs"]
#[allow(dead_code, reason = "the form's tests name each case")]
mod attack_cases;
#[path = "programs/support.rs"]
#[allow(dead_code, reason = "the programs' tests use the rest")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use attack_cases::{Attack, CUT, attacks};
use support::{PATIENCE, Program, command, free_port, get};

/// A visitor's patience, far below the limits that end slow connections.
const SOON: Duration = Duration::from_secs(2);

/// Step 2's form without its work; one test at a time, because a process may have 1,024 files open.
struct Form {
    program: Program,
    port: u16,
    _alone: MutexGuard<'static, ()>,
}

impl Form {
    fn start() -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let mut command = command(env!("CARGO_BIN_EXE_step2_sync_form"));
        let program = Program::start(command.args(["--work", "0s", "--port", &port.to_string()]));
        program.listens_on(port);
        Self { program, port, _alone: alone }
    }

    fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection
    }

    fn connect_and_say(&self, bytes: &str) -> TcpStream {
        let mut connection = self.connect();
        connection.write_all(bytes.as_bytes()).unwrap();
        connection
    }

    fn serves_soon(&self) {
        let began = Instant::now();
        assert_eq!(get(self.port, "/").0, 200);
        assert!(began.elapsed() < SOON, "the visitor waited {:?}", began.elapsed());
    }

    /// What the process has in memory, in kB.
    fn memory(&self) -> i64 {
        let path = format!("/proc/{}/status", self.program.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn attack(&self, attack: &Attack) {
        let mut connection = self.connect();
        // The form may have answered and closed before it is all sent.
        let _ = connection.write_all(&attack.bytes);
        // What only time ends is not waited for.
        if ![CUT, 408].contains(&attack.expected) {
            let _ = connection.read_to_end(&mut Vec::new());
        }
    }
}

#[test]
fn a_thousand_idle_connections_do_not_keep_a_visitor_out() {
    let form = Form::start();
    let idle: Vec<_> = (0..1000).map(|_| form.connect()).collect();
    form.serves_soon();
    assert_eq!(idle.len(), 1000);
}

#[test]
fn a_thousand_heads_that_do_not_end_do_not_keep_a_visitor_out() {
    let form = Form::start();
    let head = "GET / HTTP/1.1\r\nX: ";
    let slow: Vec<_> = (0..1000).map(|_| form.connect_and_say(head)).collect();
    form.serves_soon();
    assert_eq!(slow.len(), 1000);
}

#[test]
fn a_thousand_bodies_that_do_not_end_do_not_keep_a_visitor_out() {
    let form = Form::start();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n{}",
        form.port,
        "a".repeat(30_000)
    );
    let slow: Vec<_> = (0..1000).map(|_| form.connect_and_say(&head)).collect();
    form.serves_soon();
    assert_eq!(slow.len(), 1000);
    assert!(form.memory() < 64 * 1024, "{} kB", form.memory());
}

#[test]
fn memory_stays_flat_under_attack() {
    let form = Form::start();
    let attacks = attacks(&format!("localhost:{}", form.port));
    let rounds = |number: usize| {
        for attack in attacks.iter().cycle().take(number * attacks.len()) {
            form.attack(attack);
        }
        form.memory()
    };
    let (warm, after) = (rounds(10), rounds(30));
    form.serves_soon();
    assert!(after - warm < 4 * 1024, "from {warm} to {after} kB");
    assert!(after < 64 * 1024, "{after} kB");
}
