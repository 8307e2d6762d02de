//! What a worker tells by itself: how the queue stands, every half minute, and what became of the
//! day's tasks, at nine on weekdays.
//!
//! Two tasks like any other, sent by beat (`step6_worker -B`) and run by whichever worker takes
//! them. They only read Redis. No result of theirs is kept: the next digest would count it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};
use taskqueue::{
    BrokerUrl, InvalidCrontab, Schedule, ScheduleEntry, Signature, Task, TaskError, TaskMeta,
};

use crate::clock::LabClock;
use crate::examine::{self, Gauge};
use crate::{broker, clock};

/// How the queue stands.
pub const REPORT_QUEUE: &str = "feedback.tasks.report_queue";
/// What became of the tasks of the last day.
pub const DAILY_DIGEST: &str = "feedback.tasks.daily_digest";

/// How often the queue is reported, in lab time.
const EVERY: Duration = Duration::from_secs(30);
/// In UTC, by the calendar: `--speed` does not move it.
const WEEKDAYS_AT_NINE: &str = "0 9 * * mon-fri";
/// The most results that are counted, and how many are asked for at once.
const COUNTED: usize = 10_000;
const PAGE: usize = 500;

/// Is told what a task found out.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

struct Observatory {
    url: BrokerUrl,
    tell: Tell,
}

/// The two tasks; they look into the Redis at `url` and tell what they see.
#[must_use]
pub fn tasks(url: &BrokerUrl, tell: Tell) -> [Task; 2] {
    let one = Arc::new(Observatory { url: url.clone(), tell });
    let other = Arc::clone(&one);
    [
        Task::new(REPORT_QUEUE, [], move |_, ()| Arc::clone(&one).report_queue()),
        Task::new(DAILY_DIGEST, [], move |_, ()| Arc::clone(&other).daily_digest()),
    ]
}

/// Beat's schedule.
///
/// # Errors
/// None, as long as the constant above is a crontab.
pub fn beat_schedule(clock: LabClock) -> Result<Vec<ScheduleEntry>, InvalidCrontab> {
    let every = clock.real(EVERY);
    let (often, weekdays) = (Schedule::every(every), Schedule::crontab(WEEKDAYS_AT_NINE)?);
    // A report that nobody took until the next one is due is no news any more.
    let report = Signature::new(REPORT_QUEUE).expires(every).ignore_result();
    let digest = Signature::new(DAILY_DIGEST).ignore_result();
    Ok(vec![
        ScheduleEntry::new("report-queue", often, report),
        ScheduleEntry::new("daily-digest", weekdays, digest),
    ])
}

/// What is scheduled and when it is due after `now`, a line each. What was due before, while no
/// beat ran, comes sooner.
#[must_use]
pub fn plan(entries: &[ScheduleEntry], clock: LabClock, now: DateTime<Utc>) -> Vec<String> {
    let plan = |entry: &ScheduleEntry| {
        let schedule = entry.schedule();
        let every = schedule.interval().map(|real| format!("every {}", clock.tell(real)));
        let when = every.unwrap_or_else(|| schedule.to_string());
        format!("{} {when}, next by {}", entry.name(), clock::of_day(schedule.next_after(now)))
    };
    entries.iter().map(plan).collect()
}

impl Observatory {
    async fn report_queue(self: Arc<Self>) -> Result<(), TaskError> {
        (self.tell)(&Gauge::of(&self.url).read().await);
        Ok(())
    }

    async fn daily_digest(self: Arc<Self>) -> Result<(), TaskError> {
        let redis = broker::connect(&self.url).await;
        let redis = redis.map_err(|error| TaskError::new("ConnectionError", error))?;
        let counts = count_results(redis).await;
        let counts = counts.map_err(|error| TaskError::new("ConnectionError", error))?;
        let counts: Vec<_> =
            counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        (self.tell)(&format!("the last day's tasks: {counts}"));
        Ok(())
    }
}

/// How many results there are of each state. They are kept for a day, so these are the day's.
async fn count_results(mut redis: MultiplexedConnection) -> RedisResult<BTreeMap<String, usize>> {
    let keys = examine::keys(&mut redis, "celery-task-meta-*", COUNTED).await?;
    let mut counts = BTreeMap::new();
    for page in keys.chunks(PAGE) {
        let found: Vec<Option<Vec<u8>>> = cmd("MGET").arg(page).query_async(&mut redis).await?;
        let results = found.iter().flatten().filter_map(|raw| TaskMeta::decode(raw).ok());
        for result in results {
            *counts.entry(result.state.word().to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_clock_moves_the_interval_and_not_the_calendar() {
        let now = "2026-07-17T09:30:00Z".parse().unwrap();
        let plan = |speed| {
            let clock = LabClock::new(speed);
            plan(&beat_schedule(clock).unwrap(), clock, now)
        };
        let digest = "daily-digest 0 9 * * mon-fri, next by Mon 09:00:00 UTC";
        let report = "report-queue every 30.0 s, next by Fri 09:30:30 UTC";
        assert_eq!(plan(1.0), [report, digest]);
        let report = "report-queue every 30.0 s (3.0 s real), next by Fri 09:30:03 UTC";
        assert_eq!(plan(10.0), [report, digest]);
    }
}
