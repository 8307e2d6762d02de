//! The scenarios of step 9: a mail server that misbehaves as told, and what the queue makes of it.
//!
//! Each has a name, says what happens as it happens, ends with the timeline of its attempts and a
//! verdict, and is an error if it did not do what it says. The mail server, the queue, the workers
//! and the kills are real; only `backoff` is a calculation, and says so.

mod attempts;
mod backoff;
mod bench;
mod crash;
mod crew;
mod duplicate;
mod ledger;
mod report;
mod retries;
mod timeout;
mod worker_process;

use clap::ValueEnum;

use crate::settings::Exit;
pub use bench::Bench;
pub use worker_process::WorkerArguments;

/// What can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The mail server is busy twice (421), then takes the mail
    Transient,
    /// The mail server knows no such recipient (550): one attempt
    Permanent,
    /// The mail server is always busy: max_retries, then FAILURE
    Exhausted,
    /// A herd that comes back, in three ways (a calculation)
    Backoff,
    /// The mail server falls silent: soft and hard time limit
    Timeout,
    /// Workers are killed: early and late acknowledgement
    Crash,
    /// Sent, but not acknowledged: without and with an idempotency key
    Duplicate,
}

/// What a scenario came to: a row of the table at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The scenario, and where it has several parts, which.
    pub name: &'static str,
    /// How often the mail server was tried, over all mails.
    pub attempts: usize,
    /// Mails that are gone without a word: neither sent nor FAILURE.
    pub lost: usize,
    /// Mails that were sent a second time.
    pub twice: usize,
}

/// A scenario did something else.
#[derive(Debug, thiserror::Error)]
#[error(
    "{scenario} did not do what it says\n  expected: {expected}\n  measured: {measured}\n  \
     next: run it alone and read its lines: cargo run --bin step9_retries -- {scenario}"
)]
pub struct Otherwise {
    scenario: &'static str,
    expected: String,
    measured: String,
}

impl Scenario {
    /// All of them, as a story.
    pub const STORY: [Self; 7] = [
        Self::Transient,
        Self::Permanent,
        Self::Exhausted,
        Self::Backoff,
        Self::Timeout,
        Self::Crash,
        Self::Duplicate,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Its name and what happens in it.
    #[must_use]
    pub fn title(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().cloned());
        format!("{} · {}", self.name(), help.unwrap_or_default())
    }

    /// Plays it.
    ///
    /// # Errors
    /// [`Otherwise`], or what stood in the way.
    pub async fn play(self, bench: &Bench) -> Result<Vec<Measured>, Exit> {
        match self {
            Self::Transient => retries::transient(bench).await,
            Self::Permanent => retries::permanent(bench).await,
            Self::Exhausted => retries::exhausted(bench).await,
            Self::Backoff => backoff::play(bench),
            Self::Timeout => timeout::play(bench).await,
            Self::Crash => crash::play(bench).await,
            Self::Duplicate => duplicate::play(bench).await,
        }
    }
}
