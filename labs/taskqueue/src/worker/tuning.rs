//! What remote control may change while the worker runs: time limits, rate limits, events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::rate_limit::{Bucket, RateLimit};
use crate::task::{Registry, TimeLimits};

pub(super) struct Tuning {
    time_limits: Mutex<HashMap<String, TimeLimits>>,
    buckets: Mutex<HashMap<String, Bucket>>,
    task_events: AtomicBool,
}

impl Tuning {
    /// What the tasks of `registry` say themselves.
    pub(super) fn of(registry: &Registry, task_events: bool) -> Self {
        let limited = registry
            .tasks()
            .filter_map(|task| Some((task.name().to_owned(), Bucket::new(task.limit()?.clone()))));
        Self {
            time_limits: Mutex::default(),
            buckets: Mutex::new(limited.collect()),
            task_events: AtomicBool::new(task_events),
        }
    }

    /// In place of what the task says, if somebody said otherwise.
    pub(super) fn time_limits(&self, task: &str) -> Option<TimeLimits> {
        lock(&self.time_limits).get(task).copied()
    }

    pub(super) fn set_time_limits(&self, task: &str, limits: TimeLimits) {
        lock(&self.time_limits).insert(task.to_owned(), limits);
    }

    /// How long the next start of `task` has to wait.
    pub(super) fn wait(&self, task: &str, now: Instant) -> Duration {
        lock(&self.buckets).get_mut(task).map_or(Duration::ZERO, |bucket| bucket.take(now))
    }

    pub(super) fn rate_limit(&self, task: &str) -> Option<RateLimit> {
        lock(&self.buckets).get(task).map(|bucket| bucket.limit.clone())
    }

    /// None is no limit. Who waits already goes on waiting.
    pub(super) fn set_rate_limit(&self, task: &str, limit: Option<RateLimit>) {
        let mut buckets = lock(&self.buckets);
        match limit {
            Some(limit) => drop(buckets.insert(task.to_owned(), Bucket::new(limit))),
            None => drop(buckets.remove(task)),
        }
    }

    pub(super) fn task_events(&self) -> bool {
        self.task_events.load(Ordering::Relaxed)
    }

    /// Whether they are published; false where that is no news.
    pub(super) fn set_task_events(&self, publish: bool) -> bool {
        self.task_events.swap(publish, Ordering::Relaxed) != publish
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
