//! Whether a task's destination is worth asking now: a breaker, as a pure decision.
//!
//! ```text
//!           failures in a row             the pause is over
//!  closed ────────────────────▶ open ───────────────────────▶ half open: one run, the probe
//!    ▲                           ▲                                  │       │
//!    │                           └─── it fails: a longer pause ─────┘       │
//!    └────────────────────────────── a run succeeds ◀───────────────────────┘
//! ```
//!
//! Without it an outage costs every task all its retries; with it a few attempts find out for all.
//! The time comes in as an argument, and what changed goes out as a value. A failure of a class
//! that is not named says nothing about the destination: after such a probe comes another one.
//! Celery has no such thing.

use std::time::{Duration, Instant};

use crate::task_error::TaskError;

/// When a task is held back because its destination is away, and for how long.
///
/// ```
/// use std::time::Duration;
/// use taskqueue::Breaker;
///
/// let breaker = Breaker::opens_for(["MailServerAway"]).failures(3).pause(Duration::from_secs(5));
/// # let _ = breaker;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    classes: Vec<String>,
    failures: u32,
    pause: Duration,
    pause_max: Duration,
}

impl Breaker {
    /// A breaker that counts the failures of these exception classes; `Exception` is all of them.
    /// It opens after five in a row, for 10 s at first and for 5 min at most.
    #[must_use]
    pub fn opens_for<'a>(classes: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            classes: classes.into_iter().map(str::to_owned).collect(),
            failures: 5,
            pause: Duration::from_secs(10),
            pause_max: Duration::from_secs(300),
        }
    }

    /// How many failures in a row open it, over all runs of the task in one worker.
    #[must_use]
    pub fn failures(self, failures: u32) -> Self {
        Self { failures, ..self }
    }

    /// How long it is open at first. After every probe that fails, twice as long.
    #[must_use]
    pub fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The longest pause.
    #[must_use]
    pub fn pause_max(self, pause_max: Duration) -> Self {
        Self { pause_max, ..self }
    }

    /// What a run that raised `error` says about the destination.
    pub(crate) fn judge(&self, error: &TaskError) -> Ending {
        let named = |class: &String| *class == error.exc_type || class == "Exception";
        if self.classes.iter().any(named) { Ending::Away } else { Ending::Unknown }
    }
}

/// What a run that has ended says about the task's destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is there.
    There,
    /// It is away.
    Away,
    /// Nothing.
    Unknown,
}

/// Whether a task may run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It may; a probe's ending decides for all others.
    Run { probe: bool },
    /// Not before this time.
    Wait { until: Instant },
}

/// What an ending changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nobody runs for so long.
    Opened { pause: Duration },
    /// All may run again; it was open for so long.
    Closed { after: Duration },
}

/// A breaker at work.
#[derive(Debug)]
pub(crate) struct Circuit {
    pub(crate) breaker: Breaker,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So many failures in a row.
    Closed {
        failures: u32,
    },
    Open {
        since: Instant,
        until: Instant,
        pause: Duration,
    },
    /// The probe runs.
    HalfOpen {
        since: Instant,
        pause: Duration,
    },
}

impl Circuit {
    pub(crate) fn new(breaker: Breaker) -> Self {
        Self { breaker, state: State::Closed { failures: 0 } }
    }

    /// Whether a run may begin. Who has to wait does so up to a tenth longer, as `chance` (in 0..1)
    /// has it, so that not all come back in the same moment.
    pub(crate) fn ask(&mut self, now: Instant, chance: f64) -> Answer {
        let spread = |pause: Duration| pause.mul_f64(chance / 10.0);
        match self.state {
            State::Closed { .. } => Answer::Run { probe: false },
            State::Open { until, pause, .. } if now < until => {
                Answer::Wait { until: until + spread(pause) }
            }
            State::Open { since, pause, .. } => {
                self.state = State::HalfOpen { since, pause };
                Answer::Run { probe: true }
            }
            State::HalfOpen { pause, .. } => Answer::Wait { until: now + pause + spread(pause) },
        }
    }

    /// A run has ended. While the breaker is not closed, only the probe can fail: whoever began
    /// before it opened knows nothing new.
    pub(crate) fn ended(&mut self, probe: bool, ending: Ending, now: Instant) -> Option<Change> {
        match (self.state, ending) {
            (State::Closed { .. }, Ending::There) => {
                self.state = State::Closed { failures: 0 };
                None
            }
            (State::Open { since, .. } | State::HalfOpen { since, .. }, Ending::There) => {
                self.state = State::Closed { failures: 0 };
                Some(Change::Closed { after: now.saturating_duration_since(since) })
            }
            (State::Closed { failures }, Ending::Away) => {
                self.state = State::Closed { failures: failures.saturating_add(1) };
                let enough = failures.saturating_add(1) >= self.breaker.failures;
                enough.then(|| self.open(now, now, self.breaker.pause))
            }
            (State::HalfOpen { since, pause }, Ending::Away) if probe => {
                Some(self.open(since, now, pause.saturating_mul(2)))
            }
            (State::HalfOpen { since, pause }, Ending::Unknown) if probe => {
                self.state = State::Open { since, until: now, pause };
                None
            }
            _ => None,
        }
    }

    fn open(&mut self, since: Instant, now: Instant, pause: Duration) -> Change {
        let pause = pause.min(self.breaker.pause_max);
        self.state = State::Open { since, until: now + pause, pause };
        Change::Opened { pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Answer = Answer::Run { probe: false };
    const PROBE: Answer = Answer::Run { probe: true };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn circuit() -> Circuit {
        let breaker = Breaker::opens_for(["Away"]).failures(3);
        Circuit::new(breaker.pause(seconds(8)).pause_max(seconds(30)))
    }

    /// One that has just opened.
    fn open(now: Instant) -> Circuit {
        let mut circuit = circuit();
        let changes = [1, 2, 3].map(|_| circuit.ended(false, Ending::Away, now));
        assert_eq!(changes, [None, None, Some(Change::Opened { pause: seconds(8) })]);
        circuit
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_success_begins_the_row_anew() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let row = [Ending::Away, Ending::Away, Ending::There, Ending::Away, Ending::Away];
        for ending in row {
            assert_eq!(circuit.ended(false, ending, now), None);
            assert_eq!(circuit.ask(now, 0.5), RUN);
        }
        let opened = circuit.ended(false, Ending::Away, now);
        assert_eq!(opened, Some(Change::Opened { pause: seconds(8) }));
    }

    #[test]
    fn while_it_is_open_all_wait_until_the_pause_is_over_and_a_tenth_longer_at_most() {
        let now = Instant::now();
        let mut circuit = open(now);
        for (chance, wait) in [(0.0, 8_000), (0.5, 8_400), (1.0, 8_800)] {
            let until = now + Duration::from_millis(wait);
            assert_eq!(circuit.ask(now + seconds(4), chance), Answer::Wait { until });
        }
    }

    #[test]
    fn after_the_pause_one_runs_and_the_others_wait_for_it() {
        let now = Instant::now();
        let (mut circuit, later) = (open(now), now + seconds(8));
        assert_eq!(circuit.ask(later, 0.0), PROBE);
        let until = later + Duration::from_millis(8_400);
        assert_eq!(circuit.ask(later, 0.5), Answer::Wait { until });
    }

    #[test]
    fn a_probe_that_fails_doubles_the_pause_up_to_the_longest() {
        let mut now = Instant::now();
        let mut circuit = open(now);
        let mut pause = seconds(8);
        for expected in [16, 30, 30] {
            now += pause;
            assert_eq!(circuit.ask(now, 0.0), PROBE);
            pause = seconds(expected);
            assert_eq!(circuit.ended(true, Ending::Away, now), Some(Change::Opened { pause }));
        }
    }

    #[test]
    fn a_probe_that_succeeds_closes_it_and_tells_how_long_it_was_open() {
        let now = Instant::now();
        let mut circuit = open(now);
        circuit.ask(now + seconds(10), 0.0);
        circuit.ended(true, Ending::Away, now + seconds(11));
        circuit.ask(now + seconds(31), 0.0);
        let closed = circuit.ended(true, Ending::There, now + seconds(33));
        assert_eq!(closed, Some(Change::Closed { after: seconds(33) }));
        assert_eq!(circuit.ask(now + seconds(33), 0.0), RUN);
        let reopened = [1, 2, 3].map(|_| circuit.ended(false, Ending::Away, now + seconds(33)));
        assert_eq!(reopened[2], Some(Change::Opened { pause: seconds(8) }), "the first pause");
    }

    #[test]
    fn who_began_before_it_opened_can_close_it_but_not_prolong_it() {
        let now = Instant::now();
        let mut circuit = open(now);
        assert_eq!(circuit.ended(false, Ending::Away, now + seconds(9)), None);
        assert_eq!(circuit.ask(now + seconds(10), 0.0), PROBE);
        assert_eq!(circuit.ended(false, Ending::Away, now + seconds(10)), None);
        let closed = circuit.ended(false, Ending::There, now + seconds(11));
        assert_eq!(closed, Some(Change::Closed { after: seconds(11) }));
    }

    #[test]
    fn a_probe_that_tells_nothing_is_followed_by_another() {
        let now = Instant::now();
        let (mut circuit, later) = (open(now), now + seconds(10));
        assert_eq!(circuit.ask(later, 0.0), PROBE);
        assert_eq!(circuit.ended(false, Ending::Unknown, later), None);
        assert_ne!(circuit.ask(later, 0.0), PROBE, "who began before it opened ends no probe");
        assert_eq!(circuit.ended(true, Ending::Unknown, later), None);
        assert_eq!(circuit.ask(later, 0.0), PROBE);
    }

    #[test]
    fn only_the_classes_that_are_named_count() {
        let judged = |classes: &[&str], class| {
            let breaker = Breaker::opens_for(classes.iter().copied());
            breaker.judge(&TaskError::new(class, ""))
        };
        assert_eq!(judged(&["Away", "Gone"], "Gone"), Ending::Away);
        assert_eq!(judged(&["Away"], "ValueError"), Ending::Unknown);
        assert_eq!(judged(&["Exception"], "ValueError"), Ending::Away);
    }
}
