//! How step 6's worker works: the options of `celery worker` that the lab has, under their names.

use std::time::Duration;

use clap::Args;
use taskqueue::{InvalidCrontab, ScheduleEntry, WorkerOptions};

use super::duration;
use super::refused::Refused;
use crate::clock::LabClock;
use crate::digest;
use crate::narration::LogLevel;

/// How a worker works.
#[derive(Debug, Clone, Args)]
pub struct Work {
    /// The queues to take from
    #[arg(short = 'Q', long, value_delimiter = ',', default_value = "celery")]
    queues: Vec<String>,
    /// How many tasks run at the same time; by default one a core
    #[arg(short, long)]
    concurrency: Option<usize>,
    /// The worker's name; by default celery@ and this machine's
    #[arg(short = 'n', long)]
    hostname: Option<String>,
    /// Acknowledge a message after its task has run, not before
    #[arg(long)]
    acks_late: bool,
    /// Cut a task after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time_limit: Option<Duration>,
    /// Tell a task after this time to come to an end
    #[arg(long, value_name = "TIME", value_parser = duration)]
    soft_time_limit: Option<Duration>,
    /// How long a silent worker keeps its messages
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    lease: Duration,
    /// Publish an event for every step of a task, for Flower and `celery events`
    #[arg(short = 'E', long)]
    task_events: bool,
    /// Send the tasks of the schedule when they are due, too
    #[arg(short = 'B', long)]
    beat: bool,
    /// How much to tell: all, only what waits and what went wrong, or only what went wrong
    #[arg(short, long, value_name = "LEVEL", default_value = "info", ignore_case = true)]
    pub loglevel: LogLevel,
    #[command(flatten)]
    refused: Refused,
}

impl Work {
    /// Beat's schedule; nothing without `--beat`.
    ///
    /// # Errors
    /// As [`digest::beat_schedule`].
    pub fn beat_schedule(&self, clock: LabClock) -> Result<Vec<ScheduleEntry>, InvalidCrontab> {
        if self.beat { digest::beat_schedule(clock) } else { Ok(Vec::new()) }
    }

    /// The same for the queue, in real time.
    #[must_use]
    pub fn options(&self, clock: LabClock) -> WorkerOptions {
        let usual = WorkerOptions::default();
        let real = |lab| clock.real(lab);
        WorkerOptions {
            hostname: self.hostname.clone().unwrap_or(usual.hostname),
            queues: self.queues.clone(),
            concurrency: self.concurrency.unwrap_or(usual.concurrency),
            acks_late: self.acks_late,
            // The form's success page shows when a task starts.
            track_started: true,
            lease: real(self.lease).max(Duration::from_millis(200)),
            time_limit: self.time_limit.map(real),
            soft_time_limit: self.soft_time_limit.map(real),
            task_events: self.task_events,
            ..usual
        }
    }
}
