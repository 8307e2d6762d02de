//! How often a task may start on one worker: Celery's `rate_limit`.
//!
//! Written as Celery writes it: `10/m`, `5/s`, `100/h`, `0.5/s`, or a number a second. The bucket
//! holds one token, so starts are spread and never come in a burst. Pure: the clock comes in.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// So many starts in a unit of time.
///
/// ```
/// let limit: taskqueue::RateLimit = "10/m".parse()?;
/// assert_eq!(limit.interval(), std::time::Duration::from_secs(6));
/// # Ok::<(), taskqueue::InvalidRateLimit>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    text: String,
    interval: Duration,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rate limit\n  next: write it as 10/s, 10/m or 10/h")]
pub struct InvalidRateLimit(String);

impl RateLimit {
    /// From one start to the next.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }
}

impl FromStr for RateLimit {
    type Err = InvalidRateLimit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidRateLimit(text.to_owned());
        let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
        let unit = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(invalid()),
        };
        let count: f64 = count.trim().parse().map_err(|_| invalid())?;
        // Nothing, less than nothing and no number have no interval; an infinite rate has none worth the name.
        let interval = Duration::try_from_secs_f64(unit / count).map_err(|_| invalid())?;
        if count.is_finite() {
            Ok(Self { text: text.to_owned(), interval })
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.text)
    }
}

/// A token bucket of capacity one.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) limit: RateLimit,
    /// Who comes now may start then.
    next: Option<Instant>,
}

impl Bucket {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, next: None }
    }

    /// Takes the next token, and says how long to wait for it.
    pub(crate) fn take(&mut self, now: Instant) -> Duration {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.limit.interval);
        at - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_celery_reads_it() {
        // >>> 1 / celery.utils.time.rate(text)
        let seconds = [("10/m", 6.0), ("5/s", 0.2), ("100/h", 36.0), ("0.5/s", 2.0), ("4", 0.25)];
        for (text, interval) in seconds {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(
                (limit.interval().as_secs_f64(), limit.to_string().as_str()),
                (interval, text)
            );
        }
    }

    #[test]
    fn what_is_no_rate_says_how_to_write_one() {
        for text in ["", "fast", "10/d", "0/s", "-1/s", "1e-300/h", "inf", "NaN/s"] {
            let error = text.parse::<RateLimit>().unwrap_err().to_string();
            assert!(error.contains("next: write it as 10/s"), "{text}: {error}");
        }
    }

    #[test]
    fn starts_are_spread_and_an_idle_hour_saves_up_one() {
        let (mut bucket, now) = (Bucket::new("10/m".parse().unwrap()), Instant::now());
        let waits = [0, 0, 1].map(|late| bucket.take(now + Duration::from_secs(late)).as_secs());
        assert_eq!(waits, [0, 6, 11]);
        let later = now + Duration::from_secs(3600);
        assert_eq!([bucket.take(later), bucket.take(later)].map(|wait| wait.as_secs()), [0, 6]);
    }
}
