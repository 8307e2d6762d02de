//! How many tasks end and how long the oldest message has waited, second by second.

use std::collections::VecDeque;

use super::life::End;

/// Seconds that are remembered.
pub(crate) const SECONDS: usize = 60;

/// What one second brought.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Second {
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    /// The longest wait that was seen in it, in seconds.
    pub(crate) oldest: f64,
}

/// The last minute.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The seconds since 1970 of the newest.
    at: i64,
    seconds: VecDeque<Second>,
}

impl Pace {
    /// A task has ended.
    pub(crate) fn ended(&mut self, end: End, now: f64) {
        let second = self.second(now);
        match end {
            End::Success => second.succeeded += 1,
            _ => second.failed += 1,
        }
    }

    /// The oldest message has waited for so many seconds.
    pub(crate) fn oldest(&mut self, age: f64, now: f64) {
        let second = self.second(now);
        second.oldest = second.oldest.max(age);
    }

    /// The seconds of the last minute, the newest last; fewer where nobody has watched for so long.
    pub(crate) fn seconds(&self) -> impl ExactSizeIterator<Item = Second> {
        self.seconds.iter().copied()
    }

    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    fn second(&mut self, now: f64) -> &mut Second {
        let now = now.floor() as i64;
        let passed = usize::try_from(now - self.at).unwrap_or(0).min(SECONDS);
        let passed = if self.seconds.is_empty() { 1 } else { passed };
        for _ in 0..passed {
            self.seconds.push_back(Second::default());
        }
        let spare = self.seconds.len().saturating_sub(SECONDS);
        self.seconds.drain(..spare);
        self.at = self.at.max(now);
        let newest = self.seconds.len() - 1;
        &mut self.seconds[newest]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_count_and_a_minute_is_kept() {
        let mut pace = Pace::default();
        pace.ended(End::Success, 1_000_000.2);
        pace.ended(End::Success, 1_000_000.9);
        pace.ended(End::Lost, 1_000_003.0);
        pace.oldest(4.0, 1_000_003.1);
        pace.oldest(3.0, 1_000_003.9);
        let seconds: Vec<_> = pace.seconds().collect();
        let second = |succeeded, failed, oldest| Second { succeeded, failed, oldest };
        assert_eq!(
            seconds,
            [second(2, 0, 0.0), Second::default(), Second::default(), second(0, 1, 4.0)]
        );
        pace.oldest(1.0, 2_000_000.0);
        assert_eq!(pace.seconds().len(), SECONDS);
        assert_eq!(pace.seconds().map(|second| second.succeeded).sum::<u32>(), 0);
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut pace = Pace::default();
        pace.ended(End::Success, 100.0);
        pace.ended(End::Success, 50.0);
        assert_eq!(pace.seconds().map(|second| second.succeeded).collect::<Vec<_>>(), [2]);
    }
}
