//! Ctrl-C: the first asks a program to come to an end, the second ends it now.
//!
//! Where there are signals, SIGTERM and a closed terminal (SIGHUP) ask as well. Whoever starts a
//! program with SIGHUP ignored, as `nohup` does, wants it to outlive the terminal: it stays
//! ignored. A worker goes by Celery's rules, where SIGQUIT stops it at once and a second SIGTERM
//! changes nothing.

use tokio_util::sync::CancellationToken;

use crate::narration::Narrator;

/// Tells when Ctrl-C was pressed.
#[derive(Debug, Clone)]
pub struct Interrupt {
    once: CancellationToken,
    twice: CancellationToken,
}

/// What can ask a program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Interrupt,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is Ctrl-C only"))]
    Terminate,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is Ctrl-C only"))]
    HangUp,
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is Ctrl-C only"))]
    Quit,
}

/// What ends a program now.
#[derive(Debug, Clone, Copy)]
enum Rules {
    /// Whatever comes second.
    Any,
    /// SIGQUIT; or Ctrl-C, if it was asked before.
    Celery,
}

impl Rules {
    fn end_now(self, signal: Signal, asked_before: bool) -> bool {
        match self {
            Self::Any => asked_before,
            Self::Celery => signal == Signal::Quit || (asked_before && signal == Signal::Interrupt),
        }
    }
}

impl Interrupt {
    /// Listens from now on.
    #[must_use]
    pub fn listen() -> Self {
        Self::listen_by(Rules::Any, |_| {})
    }

    /// The same, and `says` is printed at the first, before anything else happens.
    #[must_use]
    pub fn announced(narrator: &Narrator, says: &'static str) -> Self {
        let narrator = narrator.clone();
        Self::listen_by(Rules::Any, move |_| narrator.say(format!("\n  {says}")))
    }

    /// The same by Celery's rules for a worker; `says` is not printed where it stops at once.
    #[must_use]
    pub fn of_worker(narrator: &Narrator, says: &'static str) -> Self {
        let narrator = narrator.clone();
        Self::listen_by(Rules::Celery, move |at_once| {
            narrator.say(format!("\n  {}", if at_once { "stopping at once" } else { says }));
        })
    }

    fn listen_by(rules: Rules, first: impl FnOnce(bool) + Send + 'static) -> Self {
        let interrupt = Self { once: CancellationToken::new(), twice: CancellationToken::new() };
        let (once, twice) = (interrupt.once.clone(), interrupt.twice.clone());
        // Registered here and now: a signal that comes before the task's first turn counts.
        let mut signals = Signals::register(rules);
        tokio::spawn(async move {
            let mut now = rules.end_now(signals.next().await, false);
            first(now);
            once.cancel();
            while !now {
                now = rules.end_now(signals.next().await, true);
            }
            twice.cancel();
        });
        interrupt
    }

    /// Cancelled at the first.
    #[must_use]
    pub fn once(&self) -> &CancellationToken {
        &self.once
    }

    /// Cancelled at the second.
    #[must_use]
    pub fn twice(&self) -> &CancellationToken {
        &self.twice
    }
}

/// One that can't be registered ends the process by itself, which is the next best thing.
#[cfg(unix)]
struct Signals([(Signal, Option<tokio::signal::unix::Signal>); 4]);

#[cfg(unix)]
impl Signals {
    fn register(rules: Rules) -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let wanted = |ours: Signal, kind: SignalKind| match (ours, rules) {
            (Signal::Quit, Rules::Any) => None,
            (Signal::HangUp, _) if is_ignored(kind) => None,
            _ => signal(kind).ok(),
        };
        let kinds = [
            (Signal::Interrupt, SignalKind::interrupt()),
            (Signal::Terminate, SignalKind::terminate()),
            (Signal::HangUp, SignalKind::hangup()),
            (Signal::Quit, SignalKind::quit()),
        ];
        Self(kinds.map(|(ours, kind)| (ours, wanted(ours, kind))))
    }

    async fn next(&mut self) -> Signal {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            signal = next(interrupt) => signal,
            signal = next(terminate) => signal,
            signal = next(hangup) => signal,
            signal = next(quit) => signal,
        }
    }
}

#[cfg(unix)]
async fn next((ours, signal): &mut (Signal, Option<tokio::signal::unix::Signal>)) -> Signal {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
    *ours
}

/// Whether whoever started this process wants it to ignore a signal; not, where that can't be told.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    ignored_signals().is_some_and(|ignored| is_in(&ignored, kind.as_raw_value()))
}

/// The mask of the ignored signals in hexadecimal digits, as Linux and ps show it.
#[cfg(unix)]
fn ignored_signals() -> Option<String> {
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        return status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::to_owned);
    }
    let id = std::process::id().to_string();
    let shown = std::process::Command::new("ps").args(["-o", "sigignore=", "-p", &id]).output();
    String::from_utf8(shown.ok()?.stdout).ok()
}

#[cfg(unix)]
fn is_in(mask: &str, signal: i32) -> bool {
    let Ok(mask) = u128::from_str_radix(mask.trim().trim_start_matches("0x"), 16) else {
        return false;
    };
    signal > 0 && mask.checked_shr(signal.unsigned_abs() - 1).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn register(_: Rules) -> Self {
        Self
    }

    async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_stops_at_once_at_sigquit_or_a_second_ctrl_c_and_others_at_whatever_comes_second() {
        use Signal::{HangUp, Interrupt, Quit, Terminate};
        let all = [Interrupt, Terminate, HangUp, Quit];
        assert_eq!(
            all.map(|signal| Rules::Celery.end_now(signal, false)),
            [false, false, false, true]
        );
        assert_eq!(
            all.map(|signal| Rules::Celery.end_now(signal, true)),
            [true, false, false, true]
        );
        assert_eq!(all.map(|signal| Rules::Any.end_now(signal, false)), [false; 4]);
        assert_eq!(all.map(|signal| Rules::Any.end_now(signal, true)), [true; 4]);
    }

    #[cfg(unix)]
    #[test]
    fn a_signals_bit_in_the_mask_is_one_less_than_its_number() {
        assert!(is_in("\t0000000000000001", 1) && is_in("0x1", 1) && is_in("1001", 13));
        assert!(!is_in("0000000000001000", 1) && !is_in("fffe", 1));
        assert!(!is_in("", 1) && !is_in("?", 1) && !is_in("1", 0));
    }
}
