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
use support::{FEEDBACK, PATIENCE, Program, command, free_port, get};

/// Silent connections are ended after 5 s. Whoever is served before that was not served because of it:
/// the form made room. It takes a fraction of a second, so a loaded machine keeps it too.
const SOON: Duration = Duration::from_secs(5);

/// Step 2's form without its work; one test at a time, because a process may have 1,024 files open.
struct Form {
    program: Program,
    port: u16,
    _alone: MutexGuard<'static, ()>,
}

impl Form {
    fn start() -> Self {
        Self::with(&["--work", "0s"], None)
    }

    /// With these arguments, and no more file descriptors than that.
    fn with(arguments: &[&str], descriptors: Option<u32>) -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let mut command = match descriptors {
            None => command(env!("CARGO_BIN_EXE_step2_sync_form")),
            Some(limit) => {
                let mut shell = command("sh");
                let script = format!("ulimit -n {limit}; exec \"$@\"");
                shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_step2_sync_form")]);
                shell
            }
        };
        let program = Program::start(command.args(["--port", &port.to_string()]).args(arguments));
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

    /// Halves what the system has promised, or less than that.
    fn may_have_only(&self, descriptors: u64) {
        let pid = i32::try_from(self.program.id()).unwrap();
        let limit = Some((descriptors, descriptors));
        rlimit::prlimit(pid, rlimit::Resource::NOFILE, limit, None).unwrap();
    }

    /// How long it has kept a processor busy.
    fn worked(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.program.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // utime and stime, in hundredths of a second on every Linux.
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
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
fn with_few_descriptors_silent_connections_do_not_keep_a_visitor_out() {
    for (descriptors, silent) in [(256, 300), (256, 1000), (64, 300)] {
        let form = Form::with(&["--work", "0s"], Some(descriptors));
        let idle: Vec<_> = (0..silent).map(|_| form.connect()).collect();
        form.serves_soon();
        assert_eq!(idle.len(), silent);
    }
}

#[test]
fn a_form_that_gets_less_than_the_system_promised_makes_room_for_a_visitor() {
    let form = Form::start();
    form.may_have_only(40);
    let idle: Vec<_> = (0..300).map(|_| form.connect()).collect();
    form.serves_soon();
    assert_eq!(idle.len(), 300);
}

#[test]
fn a_form_without_a_descriptor_says_so_rests_and_goes_on() {
    // 3 s that nobody can be spared from.
    let mut form = Form::with(&["--work", "30s", "--speed", "10"], None);
    form.may_have_only(20);
    let (kind, length) = ("application/x-www-form-urlencoded", FEEDBACK.len());
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{FEEDBACK}"
    );
    let busy: Vec<_> = (0..20).map(|_| form.connect_and_say(&request)).collect();
    form.program.until("no connection left");
    let (began, worked) = (Instant::now(), form.worked());
    form.program.until("no connection left");
    // Whoever tries again without a rest is busy all the time; on a loaded machine a bit less.
    assert!((form.worked() - worked) * 5 < began.elapsed(), "it does not rest");
    for mut visitor in busy {
        let mut answer = String::new();
        visitor.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    }
    assert_eq!(get(form.port, "/").0, 200);
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
