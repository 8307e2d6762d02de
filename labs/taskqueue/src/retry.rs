//! Whether a failed task is tried again, and when: Celery's options, as a pure decision.
//!
//! No clock and no chance in here: how often it was tried, for how long, and a number from 0 to 1
//! come in, a [`Verdict`] goes out. The arithmetic and the defaults are Celery's
//! (`celery.app.autoretry`, `celery.utils.time.get_exponential_backoff_interval`); [`Jitter::Full`]
//! and `max_elapsed` are ours.

use std::time::Duration;

use crate::task_error::TaskError;

/// What becomes of a task that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is over: FAILURE.
    GiveUp,
    /// It is sent again, not before this time: RETRY.
    Retry {
        /// From now.
        countdown: Duration,
    },
}

/// How chance spreads retries that would otherwise come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Not at all (`retry_jitter=False`): who fails together comes back together.
    None,
    /// Celery's: a whole number of seconds from 0 to the countdown.
    WholeSeconds,
    /// Any fraction of the countdown, but no less than the floor.
    Full {
        /// The least.
        floor: Duration,
    },
}

/// When a task is tried again: the options of Celery's tasks, with Celery's defaults.
///
/// ```
/// use std::time::Duration;
/// use taskqueue::{RetryPolicy, TaskError, Verdict};
///
/// let policy = RetryPolicy::default().autoretry_for(["ConnectionError"]).max_retries(Some(1));
/// let error = TaskError::new("ConnectionError", "away");
/// let countdown = Duration::from_secs(180);
/// let elapsed = Duration::from_secs(1);
/// assert_eq!(policy.after_failure(&error, 0, elapsed, 0.5), Verdict::Retry { countdown });
/// assert_eq!(policy.after_failure(&error, 1, elapsed, 0.5), Verdict::GiveUp);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    autoretry_for: Vec<String>,
    dont_autoretry_for: Vec<String>,
    max_retries: Option<u32>,
    max_elapsed: Option<Duration>,
    default_retry_delay: Duration,
    retry_backoff: Option<f64>,
    retry_backoff_max: Duration,
    retry_jitter: Jitter,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            autoretry_for: Vec::new(),
            dont_autoretry_for: Vec::new(),
            max_retries: Some(3),
            max_elapsed: None,
            default_retry_delay: Duration::from_secs(180),
            retry_backoff: None,
            retry_backoff_max: Duration::from_secs(600),
            retry_jitter: Jitter::WholeSeconds,
        }
    }
}

impl RetryPolicy {
    /// The exception classes that are tried again by themselves; `Exception` is all of them.
    #[must_use]
    pub fn autoretry_for<'a>(self, classes: impl IntoIterator<Item = &'a str>) -> Self {
        Self { autoretry_for: classes.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// Exceptions to the above.
    #[must_use]
    pub fn dont_autoretry_for<'a>(self, classes: impl IntoIterator<Item = &'a str>) -> Self {
        Self { dont_autoretry_for: classes.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// How often at most; the first run does not count. None is for ever.
    #[must_use]
    pub fn max_retries(self, max_retries: Option<u32>) -> Self {
        Self { max_retries, ..self }
    }

    /// No retry once the first attempt is longer ago than this, however few there were. Not in Celery.
    #[must_use]
    pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
        Self { max_elapsed: Some(max_elapsed), ..self }
    }

    /// How long to wait where there is no backoff.
    #[must_use]
    pub fn default_retry_delay(self, default_retry_delay: Duration) -> Self {
        Self { default_retry_delay, ..self }
    }

    /// Wait `factor` seconds, then twice that, then four times.
    #[must_use]
    pub fn retry_backoff(self, factor: f64) -> Self {
        Self { retry_backoff: Some(factor), ..self }
    }

    /// The longest backoff.
    #[must_use]
    pub fn retry_backoff_max(self, retry_backoff_max: Duration) -> Self {
        Self { retry_backoff_max, ..self }
    }

    /// How chance spreads the backoff.
    #[must_use]
    pub fn retry_jitter(self, retry_jitter: Jitter) -> Self {
        Self { retry_jitter, ..self }
    }

    /// `max_retries` and `default_retry_delay`.
    pub(crate) fn basics(&self) -> (Option<u32>, Duration) {
        (self.max_retries, self.default_retry_delay)
    }

    /// What becomes of a task that raised `error` after it was tried `retries` times before, the
    /// first time `elapsed` ago; `chance` lies in 0..1.
    #[must_use]
    pub fn after_failure(
        &self,
        error: &TaskError,
        retries: u32,
        elapsed: Duration,
        chance: f64,
    ) -> Verdict {
        let exhausted = self.max_retries.is_some_and(|most| retries >= most)
            || self.max_elapsed.is_some_and(|most| elapsed > most);
        let countdown = match error.asks_for_retry() {
            // As Celery's `self.retry()`: its own countdown or the default delay, and no backoff.
            Some(countdown) => countdown.unwrap_or(self.default_retry_delay),
            None if self.covers(error) => self.countdown(retries, chance),
            None => return Verdict::GiveUp,
        };
        if exhausted { Verdict::GiveUp } else { Verdict::Retry { countdown } }
    }

    fn covers(&self, error: &TaskError) -> bool {
        let names = |classes: &[String]| {
            classes.iter().any(|class| *class == error.exc_type || class == "Exception")
        };
        names(&self.autoretry_for) && !names(&self.dont_autoretry_for)
    }

    /// How long to wait before the retry after `retries` earlier ones.
    #[must_use]
    pub fn countdown(&self, retries: u32, chance: f64) -> Duration {
        let Some(factor) = self.retry_backoff else { return self.default_retry_delay };
        let exponential = |factor: f64| {
            let unbounded = factor * 2_f64.powi(i32::try_from(retries).unwrap_or(i32::MAX));
            unbounded.min(self.retry_backoff_max.as_secs_f64())
        };
        // Celery: int(max(1.0, retry_backoff)).
        let whole = || exponential(factor.max(1.0).floor());
        match self.retry_jitter {
            Jitter::None => Duration::from_secs_f64(whole()),
            Jitter::WholeSeconds => {
                Duration::from_secs_f64((chance * (whole().floor() + 1.0)).floor())
            }
            Jitter::Full { floor } => {
                Duration::from_secs_f64(chance * exponential(factor.max(0.0))).max(floor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(factor: f64, max: u64, jitter: Jitter) -> RetryPolicy {
        RetryPolicy::default()
            .retry_backoff(factor)
            .retry_backoff_max(Duration::from_secs(max))
            .retry_jitter(jitter)
    }

    /// The verdict a second after the first attempt.
    fn after(policy: &RetryPolicy, error: &TaskError, retries: u32) -> Verdict {
        policy.after_failure(error, retries, Duration::from_secs(1), 0.5)
    }

    #[test]
    fn the_backoff_is_celerys() {
        // >>> [get_exponential_backoff_interval(int(max(1.0, f)), n, m) for n in range(6)]
        let recorded = [
            (1.0, 600, [1, 2, 4, 8, 16, 32]),
            (5.0, 600, [5, 10, 20, 40, 80, 160]),
            (0.5, 600, [1, 2, 4, 8, 16, 32]),
            (2.7, 600, [2, 4, 8, 16, 32, 64]),
            (5.0, 60, [5, 10, 20, 40, 60, 60]),
            (700.0, 600, [600; 6]),
        ];
        for (factor, max, seconds) in recorded {
            let policy = backoff(factor, max, Jitter::None);
            let ours = [0, 1, 2, 3, 4, 5].map(|retries| policy.countdown(retries, 0.9).as_secs());
            assert_eq!(ours, seconds, "factor {factor}, at most {max}");
        }
    }

    #[test]
    fn a_backoff_never_overflows() {
        let policy = backoff(1e300, 600, Jitter::None);
        assert_eq!(policy.countdown(u32::MAX, 1.0), Duration::from_secs(600));
    }

    #[test]
    fn celerys_jitter_draws_whole_seconds_from_nothing_to_the_countdown() {
        let policy = backoff(1.0, 600, Jitter::WholeSeconds);
        let drawn =
            [0.0, 0.19, 0.2, 0.5, 0.8, 0.999].map(|chance| policy.countdown(2, chance).as_secs());
        assert_eq!(drawn, [0, 0, 1, 2, 4, 4]);
    }

    #[test]
    fn full_jitter_draws_fractions_and_keeps_a_floor() {
        let floor = Duration::from_millis(100);
        let policy = backoff(0.5, 600, Jitter::Full { floor });
        let drawn = [0.0, 0.04, 0.5, 1.0].map(|chance| policy.countdown(2, chance).as_millis());
        assert_eq!(drawn, [100, 100, 1000, 2000]);
    }

    #[test]
    fn the_limit_is_reached_as_in_celery() {
        let policy = RetryPolicy::default().autoretry_for(["Exception"]);
        let runs = (0..).take_while(|retries| {
            after(&policy, &TaskError::new("ValueError", ""), *retries) != Verdict::GiveUp
        });
        assert_eq!(runs.count() + 1, 4, "three retries are four runs");
        let for_ever = policy.clone().max_retries(None);
        let verdict = after(&for_ever, &TaskError::new("ValueError", ""), 1_000_000);
        assert_ne!(verdict, Verdict::GiveUp);
        let never = policy.max_retries(Some(0));
        assert_eq!(after(&never, &TaskError::new("ValueError", ""), 0), Verdict::GiveUp);
    }

    #[test]
    fn there_is_no_retry_once_the_first_attempt_is_too_long_ago() {
        let policy = RetryPolicy::default().autoretry_for(["A"]).max_retries(None);
        let policy = policy.max_elapsed(Duration::from_secs(60));
        let asked = TaskError::new("B", "").retry(None);
        for error in [TaskError::new("A", ""), asked] {
            let retried = [0, 60, 61].map(|seconds| {
                let elapsed = Duration::from_secs(seconds);
                policy.after_failure(&error, 7, elapsed, 0.5) != Verdict::GiveUp
            });
            assert_eq!(retried, [true, true, false]);
        }
    }

    #[test]
    fn only_the_classes_that_are_named_are_tried_again() {
        let policy = RetryPolicy::default().autoretry_for(["A", "B"]).dont_autoretry_for(["B"]);
        let verdicts = ["A", "B", "C"].map(|class| after(&policy, &TaskError::new(class, ""), 0));
        assert_eq!(verdicts.map(|verdict| verdict != Verdict::GiveUp), [true, false, false]);
    }

    #[test]
    fn a_task_may_ask_by_itself_with_a_countdown_or_without() {
        let policy = RetryPolicy::default().retry_backoff(1.0);
        let asked = TaskError::new("ValueError", "").retry(Some(Duration::from_secs(7)));
        let countdown = Duration::from_secs(7);
        assert_eq!(after(&policy, &asked, 0), Verdict::Retry { countdown });
        let asked = TaskError::new("ValueError", "").retry(None);
        let countdown = Duration::from_secs(180);
        assert_eq!(after(&policy, &asked, 2), Verdict::Retry { countdown }, "the default");
        let countdown = Duration::from_secs(90);
        let policy = policy.default_retry_delay(countdown);
        assert_eq!(after(&policy, &asked, 2), Verdict::Retry { countdown });
        assert_eq!(after(&policy, &asked, 3), Verdict::GiveUp);
    }
}
