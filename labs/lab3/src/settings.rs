//! Arguments and environment, read once: each step takes the groups that it needs.
//!
//! `--broker` wins over `REDIS_URL`, which wins over the default. Durations are lab time, written
//! `20s`, `250ms` or `0s`.

mod broker;
mod hidden;
mod mail_file;
mod node_name;
mod refused;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

use crate::clock::LabClock;
use crate::loopback::{LOCALHOST, Listeners, Taken};
use crate::mail::{Mailer, SmtpServer};
use crate::narration::{self, Narrator};
use crate::printable::printable_lines;
use crate::slow_mail::SlowMail;
use crate::system::System;
pub use broker::{BadBroker, BrokerOption, DEFAULT_BROKER, REDIS_URL, on_port};
pub use mail_file::MailRefused;
pub use worker::Work;

/// How a program talks to whoever sits before it.
#[derive(Debug, Clone, Args)]
pub struct Talk {
    /// Make everything this many times faster
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Do not ask for a prediction
    #[arg(long)]
    pub no_ask: bool,
    /// Finished lines only: no colours, no moving bars
    #[arg(long)]
    pub plain: bool,
}

impl Talk {
    /// The lab's clock.
    #[must_use]
    pub fn clock(&self) -> LabClock {
        LabClock::new(self.speed)
    }

    /// The one who prints.
    #[must_use]
    pub fn narrator(&self) -> Narrator {
        Narrator::new(self.plain, !self.no_ask, self.clock())
    }
}

/// What the form's mail costs, and where it goes.
#[derive(Debug, Clone, Args)]
pub struct Mail {
    /// How long the simulated work before a mail takes
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    work: Duration,
    /// Send by this mail server instead of printing the mail, such as smtp://127.0.0.1:1025
    #[arg(long, value_name = "URL", conflicts_with = "mail_file")]
    smtp: Option<String>,
    /// Append each mail to this file instead of printing it
    #[arg(long, value_name = "PATH")]
    mail_file: Option<PathBuf>,
}

impl Mail {
    /// The mail as these options want it; a printed one is printed by `narrator`.
    ///
    /// # Errors
    /// `--smtp` names no mail server that can be used; `--mail-file` no file that can be written.
    pub fn slow_mail(&self, narrator: &Narrator) -> Result<SlowMail, MailRefused> {
        let mailer = match (&self.smtp, &self.mail_file) {
            (Some(url), _) => Mailer::Smtp(SmtpServer::from_url(url)?),
            (None, Some(path)) => Mailer::File(mail_file::writable(path)?),
            (None, None) => {
                let narrator = narrator.clone();
                Mailer::Console(std::sync::Arc::new(move |letter| narrator.letter(letter)))
            }
        };
        Ok(SlowMail { work: self.work, clock: narrator.clock, mailer })
    }
}

/// Where the form is; the live view listens in the same way.
#[derive(Debug, Clone, Args)]
pub struct FormPort {
    /// The form's port
    #[arg(long, default_value = "8000", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
}

impl FormPort {
    /// Listens, on this machine only, at each address that the browser may take for `localhost`.
    ///
    /// # Errors
    /// Something else does already, at one of them.
    pub fn listen(&self) -> Result<Listeners, PortTaken> {
        Listeners::bind(&LOCALHOST, self.port)
            .map_err(|source| PortTaken { port: self.port, source })
    }

    /// What to type into the browser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

/// Where the live view of step 8 is.
#[derive(Debug, Clone, Args)]
pub struct ViewPort {
    /// The live view's port
    #[arg(long, default_value = "5555", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

impl From<&ViewPort> for FormPort {
    fn from(view: &ViewPort) -> Self {
        Self { port: view.port }
    }
}

/// Reads a program's arguments; a wrong one ends it with what is wrong and what would be right.
#[must_use]
pub fn read<A: Parser>() -> A {
    narration::tell_panics();
    A::try_parse().unwrap_or_else(|error| hidden::refuse(&error))
}

/// Another program listens where the form should.
#[derive(Debug, thiserror::Error)]
#[error(
    "port {port} can't be had: {source}\n  next: {}",
    way_out(*.port, .source)
)]
pub struct PortTaken {
    port: u16,
    source: Taken,
}

fn way_out(port: u16, taken: &Taken) -> String {
    match taken.source.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{}; stop that,\n        or choose another port, with --port {}",
            System::here().who_has(port),
            port.checked_add(1).unwrap_or(8000)
        ),
        _ => "choose another port, with --port 8080".to_owned(),
    }
}

/// How `main` ends when something is in the way: with the error's own words, next step included.
pub struct Exit(Box<dyn std::error::Error>);

impl<E: std::error::Error + 'static> From<E> for Exit {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// What the runtime prints after `Error: `.
impl std::fmt::Debug for Exit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&narration::last_words(&printable_lines(&self.0.to_string())))
    }
}

/// `20s`, `1.5s`, `250ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write it like 20s, 250ms or 0s");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1.0),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if seconds <= 86_400.0 => Ok(duration),
        _ => Err(format!("`{text}` is out of range; the lab takes 0s to 86400s")),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err(format!("`{text}` is no speed; write a number from 0.1 to 1000, such as 10")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_with_their_unit() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_is_no_duration_says_how_to_write_one() {
        for text in ["20", "s", "ms", "-1s", "1e300s", "NaNs", "infs", "1m", "90000s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("20").unwrap_err().contains("write it like 20s"));
        for text in ["0", "-1", "NaN", "fast", "1001"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
