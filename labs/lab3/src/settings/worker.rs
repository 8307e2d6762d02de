//! How step 6's worker works: the options of `celery worker` that the lab has, under their names.

use std::time::Duration;

use clap::Args;
use taskqueue::{InvalidCrontab, ScheduleEntry, WorkerOptions};

use super::duration;
use super::node_name::node_name;
use super::refused::Refused;
use crate::clock::LabClock;
use crate::digest;
use crate::narration::LogLevel;

/// How a worker works.
#[derive(Debug, Clone, Args)]
pub struct Work {
    /// The queues to take from
    #[arg(short = 'Q', long, value_delimiter = ',', default_value = "celery", value_parser = queue)]
    queues: Vec<String>,
    /// How many tasks run at the same time; by default one a core
    #[arg(short, long, allow_negative_numbers = true, value_parser = concurrency)]
    concurrency: Option<usize>,
    /// The worker's name, such as w1@%h: %h is this machine's name, %n the part before its first
    /// dot, %d the rest; by default celery@%h
    #[arg(short = 'n', long, value_parser = hostname)]
    hostname: Option<String>,
    /// Acknowledge a message after its task has run, not before
    #[arg(long)]
    acks_late: bool,
    /// Cut a task after this time
    #[arg(long, value_name = "TIME", allow_negative_numbers = true, value_parser = limit)]
    time_limit: Option<Duration>,
    /// Tell a task after this time to come to an end
    #[arg(long, value_name = "TIME", allow_negative_numbers = true, value_parser = limit)]
    soft_time_limit: Option<Duration>,
    /// How long a silent worker keeps its messages
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = lease)]
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

/// The most tasks at a time that anybody can mean.
const MOST: usize = 1_000_000;

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MOST) => Ok(count),
        Ok(0) => Err("a worker that runs 0 tasks at a time runs none; write 1 or more".to_owned()),
        _ => Err(format!("`{text}` is no number of tasks; write one from 1 to {MOST}")),
    }
}

fn queue(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a queue has a name; write them like -Q celery,mail".to_owned());
    }
    Ok(text.to_owned())
}

fn hostname(text: &str) -> Result<String, String> {
    let usual = WorkerOptions::default().hostname;
    node_name(text, usual.split_once('@').map_or(usual.as_str(), |(_, host)| host))
}

fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => {
            Err(format!("`{text}` would cut every task at its start; leave it out for no limit"))
        }
        limit => Ok(limit),
    }
}

fn lease(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("`{text}` is over at once; write it like 10s")),
        lease => Ok(lease),
    }
}
