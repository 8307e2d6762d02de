//! Lab time: the clock that `--speed` makes run faster.
//!
//! All durations of the lab (the 20 s of work, a lease, a countdown) are lab time. With
//! `--speed 10` they pass in a tenth, and every duration that is told names both.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// How fast lab time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabClock {
    speed: f64,
}

impl LabClock {
    /// A clock at `speed` times real time; `speed` is positive.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        Self { speed }
    }

    /// How many times faster than real time.
    #[must_use]
    pub fn speed(self) -> f64 {
        self.speed
    }

    /// How long `lab` takes on the wall.
    #[must_use]
    pub fn real(self, lab: Duration) -> Duration {
        lab.div_f64(self.speed)
    }

    /// What `real` is worth in the lab.
    #[must_use]
    pub fn lab(self, real: Duration) -> Duration {
        real.mul_f64(self.speed)
    }

    /// A measured duration in words: `20.0 s`, or `20.0 s (2.0 s real)`.
    #[must_use]
    pub fn tell(self, real: Duration) -> String {
        match self.note() {
            None => words(real),
            Some(_) => format!("{} ({} real)", words(self.lab(real)), words(real)),
        }
    }

    /// What a banner says about a clock that does not run at real time.
    #[must_use]
    pub fn note(self) -> Option<String> {
        let scaled = (self.speed - 1.0).abs() > f64::EPSILON;
        scaled.then(|| {
            format!(
                "lab clock ×{}: 20 s of the lab are {} on the wall",
                self.speed,
                words(self.real(Duration::from_secs(20)))
            )
        })
    }
}

/// How long it is since `began`, in whole microseconds. A wait is measured once; the number goes to
/// the terminal, the chart and the page, and reads the same everywhere.
#[must_use]
pub fn since(began: Instant) -> Duration {
    micros(began.elapsed())
}

/// The same for a time that the system knows.
#[must_use]
pub fn micros(duration: Duration) -> Duration {
    duration - Duration::from_nanos(u64::from(duration.subsec_nanos() % 1000))
}

/// The time of day in whole milliseconds, as it stands in an address.
#[must_use]
pub fn now() -> SystemTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let odd = Duration::from_nanos(u64::from(now.subsec_nanos() % 1_000_000));
    SystemTime::UNIX_EPOCH + now.saturating_sub(odd)
}

/// When something is, within a week: `Mon 09:00:00 UTC`.
#[must_use]
pub fn of_day(time: DateTime<Utc>) -> String {
    time.format("%a %H:%M:%S UTC").to_string()
}

/// A duration as a person says it: `340 µs`, `4.2 ms`, `20.0 s`, `2 min 5 s`.
#[must_use]
pub fn words(duration: Duration) -> String {
    // What would be rounded up to the next unit, or to one digit more, is told in that one.
    match duration.as_secs_f64() {
        0.0 => "0 s".to_owned(),
        s if s < 0.001 => format!("{} µs", duration.as_micros()),
        s if s < 0.009_95 => format!("{:.1} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.0} ms", s * 1e3),
        s if s < 99.95 => format!("{s:.1} s"),
        _ => format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        let told = [0, 340, 4_200, 55_000, 999_000, 20_000_000, 125_000_000]
            .map(|micros| words(Duration::from_micros(micros)));
        assert_eq!(told, ["0 s", "340 µs", "4.2 ms", "55 ms", "999 ms", "20.0 s", "2 min 5 s"]);
        let edges = [999, 9_949, 9_951, 999_499, 999_501, 99_949_000, 100_000_000, 119_700_000]
            .map(|micros| words(Duration::from_micros(micros)));
        let expected =
            ["999 µs", "9.9 ms", "10 ms", "999 ms", "1.0 s", "99.9 s", "1 min 40 s", "1 min 59 s"];
        assert_eq!(edges, expected);
    }

    #[test]
    fn a_faster_clock_tells_both_times() {
        let clock = LabClock::new(10.0);
        assert_eq!(clock.real(Duration::from_secs(20)), Duration::from_secs(2));
        assert_eq!(clock.tell(Duration::from_secs(2)), "20.0 s (2.0 s real)");
        assert_eq!(LabClock::new(1.0).tell(Duration::from_secs(2)), "2.0 s");
    }
}
