//! Step 1's ten checks, and the dry run: is this machine ready for the lab?
//!
//! Each check gives a finding with words, not only a symbol, and where something is missing the
//! command that helps. Nothing is changed; what is started for the dry run is stopped again.

use std::env::consts::EXE_SUFFIX;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskqueue::{Broker, BrokerError, BrokerUrl, Purpose, Stop, Worker, WorkerOptions};

use crate::broker::{self, Choice};
use crate::clock::{LabClock, words};
use crate::feedback::Feedback;
use crate::loopback::{LOCALHOST, Listeners};
use crate::mail::Mailer;
use crate::printable::printable;
use crate::settings::BrokerOption;
use crate::slow_mail::SlowMail;
use crate::system::System;
use crate::tasks;

/// The lab's programs, in the handout's order.
pub const PROGRAMS: [&str; 8] = [
    "lab3",
    "step1_setup",
    "step2_sync_form",
    "step5_broker",
    "step6_worker",
    "step7_async_form",
    "step8_examine",
    "step9_retries",
];

/// How bad it is; also the program's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to do.
    Ready = 0,
    /// You can fix it, with the command beside it.
    YouCanFix = 1,
    /// It needs somebody with more rights on this machine.
    NeedsAdministrator = 2,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub says: String,
    /// How bad it is.
    pub verdict: Verdict,
    /// What helps; empty where nothing needs to be done.
    pub next: String,
}

impl Finding {
    fn good(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, says: says.into(), verdict: Verdict::Ready, next: String::new() }
    }

    /// Worth knowing, and no hindrance.
    fn note(name: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..Self::good(name, says) }
    }

    fn fix(name: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { verdict: Verdict::YouCanFix, ..Self::note(name, says, next) }
    }
}

/// All ten, in the order in which the lab needs them; `terminal` and `mail` are known to the caller.
pub async fn examine(option: &BrokerOption, terminal: &str, mail: &Mailer) -> Vec<Finding> {
    let broker = broker(option).await;
    vec![
        rust(),
        programs(),
        port("form's port", &LOCALHOST, 8000, "--port 8001 to steps 2 and 7"),
        broker_port(&broker),
        port("view's port", &LOCALHOST, 5555, "--port 5556 to step 8"),
        broker,
        client(),
        Finding::good("terminal", terminal),
        Finding::good("mail", format!("goes to {mail}")),
        celery(),
    ]
}

/// The first line that a program prints, if it runs.
fn first_line(program: &str, argument: &str) -> Option<String> {
    let output =
        Command::new(program).arg(argument).output().ok().filter(|out| out.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

fn rust() -> Finding {
    match first_line("cargo", "--version") {
        Some(version) => Finding::good("Rust", version),
        None => Finding::fix("Rust", "cargo does not run", "install it from https://rustup.rs"),
    }
}

fn programs() -> Finding {
    let here = std::env::current_exe().ok();
    let folder = here.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|name| !folder.join(format!("{name}{EXE_SUFFIX}")).exists())
        .collect();
    match missing.len() {
        0 => Finding::good("programs", format!("all {} are built", PROGRAMS.len())),
        count => {
            let of = PROGRAMS.len();
            Finding::fix(
                "programs",
                format!("{count} of {of} are not built yet"),
                "cargo build --bins",
            )
        }
    }
}

/// Tried as the steps do it: a port that they would not get is not free.
fn port(name: &'static str, addresses: &[IpAddr], port: u16, otherwise: &str) -> Finding {
    match Listeners::bind(addresses, port) {
        Ok(_) => Finding::good(name, format!("{port} is free")),
        Err(taken) if taken.source.kind() == std::io::ErrorKind::AddrInUse => {
            let next = format!("{}; or give {otherwise}", System::here().who_has(port));
            Finding::fix(name, format!("{port} is in use, at {}", taken.address.ip()), next)
        }
        Err(taken) => Finding {
            verdict: Verdict::NeedsAdministrator,
            ..Finding::fix(name, format!("{port}: {taken}"), "ask who manages this machine")
        },
    }
}

/// A broker on its port is what we want there.
fn broker_port(broker: &Finding) -> Finding {
    let otherwise = "--port to step 5 and REDIS_URL to the others";
    let free = port("broker's port", &LOCALHOST[..1], 6379, otherwise);
    let answers = broker.says.contains("answers");
    if free.verdict == Verdict::YouCanFix && answers {
        return Finding::good("broker's port", "6379 is in use, by a broker");
    }
    free
}

/// The broker that was named must serve. Where none was, the lab's usual place may be empty: step 5
/// starts one there.
async fn broker(option: &BrokerOption) -> Finding {
    let (named, url) = match option.named().and_then(|named| Ok((named.is_some(), option.url()?))) {
        Ok(found) => found,
        Err(error) => return wrong(&error),
    };
    let checked = async { Broker::at(url.clone())?.check(Purpose::Work).await };
    match checked.await {
        Ok(server) => settings_of(&url, &broker::words(&server)).await,
        Err(BrokerError::Unreachable { .. }) if !named => to_be_started(),
        Err(error) => wrong(&error),
    }
}

/// An error's words, and its own next step.
fn wrong(error: &dyn std::error::Error) -> Finding {
    let text = error.to_string();
    let (says, next) = text.split_once("\n  next: ").unwrap_or((&text, ""));
    let next = next.split_whitespace().collect::<Vec<_>>().join(" ");
    Finding::fix("broker", says, next)
}

fn to_be_started() -> Finding {
    match broker::look() {
        (Some(path), _) => {
            Finding::good("broker", format!("{} is installed, step 5 starts it", path.display()))
        }
        (None, Some(old)) => Finding::note(
            "broker",
            format!("{old}: step 5 starts the built-in one"),
            "a newer one, if you like",
        ),
        (None, None) => Finding::note(
            "broker",
            "no redis-server: step 5 starts the built-in one",
            format!("a real one, if you like: {}", System::here().install_redis()),
        ),
    }
}

/// Persistence and eviction decide whether messages survive; say which it is.
async fn settings_of(url: &BrokerUrl, which: &str) -> Finding {
    let setting = async |name: &str| {
        let mut redis = broker::connect(url).await.ok()?;
        let mut ask = redis::cmd("CONFIG");
        let answer = ask.arg("GET").arg(name).query_async::<(String, String)>(&mut redis).await;
        Some(printable(&answer.ok()?.1, 30))
    };
    let appendonly = setting("appendonly").await.unwrap_or_else(|| "unknown".to_owned());
    let policy = setting("maxmemory-policy").await.unwrap_or_else(|| "unknown".to_owned());
    let says = format!("{which} answers; appendonly {appendonly}, maxmemory-policy {policy}");
    let next = format!("{} CONFIG SET maxmemory-policy noeviction", url.redis_cli());
    match policy.as_str() {
        "noeviction" | "unknown" => Finding::good("broker", says),
        _ => Finding::fix("broker", says, next),
    }
}

fn client() -> Finding {
    let found = ["redis-cli", "valkey-cli", "memurai-cli"]
        .iter()
        .find_map(|name| first_line(name, "--version"));
    match found {
        Some(version) => Finding::good("redis-cli", version),
        None => Finding::note(
            "redis-cli",
            "not installed",
            "step 8 does the same: cargo run --bin step8_examine",
        ),
    }
}

fn celery() -> Finding {
    // On the PATH, or where scripts/celery.sh puts it.
    let version = ["celery", System::here().celery()]
        .into_iter()
        .find_map(|program| first_line(program, "--version"));
    match version {
        Some(version) => Finding::good("Celery", format!("{version} (optional)")),
        None => {
            let how = System::here().install_celery();
            Finding::good("Celery", format!("not installed (optional: {how})"))
        }
    }
}

/// One message through the whole queue, on a built-in broker of its own.
///
/// # Errors
/// Whatever kept it from its end.
pub async fn dry_run() -> Result<String, crate::settings::Exit> {
    let server = broker::Broker::start(Choice::BuiltIn, 0, false).await?;
    let queue = Arc::new(Broker::at(server.url.clone())?);
    let silent = Mailer::Console(Arc::new(|_| {}));
    let mail = SlowMail { work: Duration::ZERO, clock: LabClock::new(1.0), mailer: silent };
    let registry = tasks::registry(mail, Arc::new(|_, _| {}));
    let worker =
        Worker::new(Arc::clone(&queue), registry, WorkerOptions::default(), Arc::new(|_| {}))?;
    let stop = Stop::new();
    let working = tokio::spawn(worker.run(stop.clone()));
    let feedback = Feedback::parse("dry-run@example.com", "hi")?;
    let sent = Instant::now();
    let task = tasks::send_feedback_email_task(&feedback).delay(&queue).await?;
    task.get(Duration::from_secs(3)).await?;
    let took = sent.elapsed();
    stop.warm();
    working.await??;
    server.stop().await;
    Ok(format!("a message went through broker and worker in {}", words(took)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_at_one_of_two_addresses_is_in_use() {
        let Ok(other) = tokio::net::TcpListener::bind((LOCALHOST[1], 0)).await else {
            // A machine without IPv6 has one address only.
            return;
        };
        let taken = other.local_addr().unwrap().port();
        let found = port("form's port", &LOCALHOST, taken, "another to step 2");
        assert_eq!(found.says, format!("{taken} is in use, at ::1"));
        assert!(found.verdict == Verdict::YouCanFix && found.next.contains("another to step 2"));
        assert_eq!(port("broker's port", &LOCALHOST[..1], taken, "").verdict, Verdict::Ready);
    }
}
