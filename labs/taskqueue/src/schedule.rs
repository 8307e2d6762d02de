//! When something is due again: every so often, or by a crontab; and what is to be sent then.
//!
//! Pure: the instant comes in as an argument, and the next one goes out. What happens to them is
//! the worker's affair (`worker/beat.rs`). All times are UTC, as Celery's are by default.

mod crontab;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::signature::Signature;
use crontab::Crontab;
pub use crontab::InvalidCrontab;

/// The shortest interval: below it a beat would have time for nothing else.
const SHORTEST: Duration = Duration::from_millis(1);

/// When a task is due, again and again: Celery's `schedule` and `crontab`.
///
/// ```
/// use taskqueue::Schedule;
///
/// let weekdays = Schedule::crontab("0 9 * * mon-fri")?;
/// let friday = "2026-07-17T09:00:00Z".parse()?;
/// assert_eq!(weekdays.next_after(friday).to_rfc3339(), "2026-07-20T09:00:00+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Every(Duration),
    Crontab(Crontab),
}

impl Schedule {
    /// Every so often, a millisecond at least.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self(Kind::Every(interval.max(SHORTEST)))
    }

    /// By minute, hour, day of the month, month and day of the week, in this order and in UTC:
    /// Celery's `crontab.from_string`.
    ///
    /// Each field is a list (`1,15`) of numbers, ranges (`mon-fri`, `22-2`), steps (`*/15`,
    /// `8-17/2`) and `*`. Months and weekdays may be named (`jan`, `monday`); Sunday is 0. A day is
    /// meant when its date *and* its weekday fit: other crons take either.
    ///
    /// # Errors
    /// What Celery refuses, and what it takes only by accident: text after a range (`1-5-9`), a
    /// name in a field of another kind (`mon` as a minute), a name with a wrong end (`monkey`).
    pub fn crontab(text: &str) -> Result<Self, InvalidCrontab> {
        Ok(Self(Kind::Crontab(Crontab::parse(text)?)))
    }

    /// How often, where it is no crontab.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        match self.0 {
            Kind::Every(interval) => Some(interval),
            Kind::Crontab(_) => None,
        }
    }

    /// The first time that is due after `instant`; the end of all times where there is none.
    #[must_use]
    pub fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        let next = match &self.0 {
            Kind::Every(interval) => TimeDelta::from_std(*interval)
                .ok()
                .and_then(|interval| instant.checked_add_signed(interval)),
            Kind::Crontab(crontab) => crontab.next_after(instant),
        };
        next.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The time to be done at `now`, where the one that was done before is `last`; none where
    /// nothing is due. Several that were missed are one: the last of them counts as `now`.
    pub(crate) fn due(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let due = self.next_after(last);
        let missed_more = self.next_after(due) <= now;
        (due <= now).then_some(if missed_more { now } else { due })
    }
}

/// `every 30s`, or the crontab as it was written.
impl fmt::Display for Schedule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Every(interval) => write!(out, "every {interval:?}"),
            Kind::Crontab(crontab) => write!(out, "{}", crontab.text()),
        }
    }
}

/// One task of a schedule: an entry of Celery's `beat_schedule`.
///
/// ```
/// use std::time::Duration;
/// use taskqueue::{Schedule, ScheduleEntry, Signature};
///
/// // For `Worker::beat_schedule`: a check that is of no use any more when the next one is due.
/// let every = Duration::from_secs(30);
/// let check = Signature::new("tasks.check_disk").arg("/var").expires(every);
/// let entry = ScheduleEntry::new("check-disk", Schedule::every(every), check);
/// # let _ = entry;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleEntry {
    pub(crate) name: String,
    pub(crate) schedule: Schedule,
    pub(crate) signature: Signature,
}

impl ScheduleEntry {
    /// Sends `signature` whenever `schedule` says so. By its `name` the workers of a fleet know
    /// that it is the same entry.
    #[must_use]
    pub fn new(name: impl Into<String>, schedule: Schedule, signature: Signature) -> Self {
        Self { name: name.into(), schedule, signature }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it is due.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_due_once_is_done_in_its_own_time_however_late() {
        let schedule = Schedule::every(Duration::from_secs(30));
        let (last, due) = (at("2026-07-20T09:00:00Z"), at("2026-07-20T09:00:30Z"));
        assert_eq!(schedule.due(last, at("2026-07-20T09:00:29.999Z")), None);
        for now in ["2026-07-20T09:00:30Z", "2026-07-20T09:00:59.999Z"] {
            assert_eq!(schedule.due(last, at(now)), Some(due), "{now}");
        }
    }

    #[test]
    fn what_was_missed_more_than_once_is_done_once() {
        let (last, now) = (at("2026-07-20T09:00:00Z"), at("2026-07-23T12:34:56Z"));
        for schedule in
            [Schedule::every(Duration::from_secs(30)), Schedule::crontab("0 9 * * *").unwrap()]
        {
            assert_eq!(schedule.due(last, now), Some(now), "{schedule}");
            assert_eq!(schedule.due(now, now), None, "{schedule}");
        }
    }

    #[test]
    fn an_entry_says_its_name_and_when_it_is_due_as_it_was_written() {
        let every = Duration::from_millis(1500);
        let entry = ScheduleEntry::new("often", Schedule::every(every), Signature::new("t"));
        let schedule = entry.schedule();
        assert_eq!((entry.name(), schedule.interval()), ("often", Some(every)));
        assert_eq!(schedule.to_string(), "every 1.5s");
        let weekdays = Schedule::crontab("0  9 * * mon-fri").unwrap();
        assert_eq!((weekdays.to_string().as_str(), weekdays.interval()), ("0 9 * * mon-fri", None));
    }

    #[test]
    fn an_interval_has_neither_no_length_nor_an_end() {
        let now = at("2026-07-20T09:00:00Z");
        assert!(Schedule::every(Duration::ZERO).next_after(now) > now);
        assert_eq!(Schedule::every(Duration::MAX).next_after(now), DateTime::<Utc>::MAX_UTC);
    }
}
