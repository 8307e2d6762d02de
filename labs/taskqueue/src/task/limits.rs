//! How long a task may run, and how it hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::task_error::TaskError;

/// How long a task may run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TimeLimits {
    pub(crate) hard: Option<Duration>,
    pub(crate) soft: Option<Duration>,
}

impl TimeLimits {
    /// Celery's rule, and its words: who is told after his end is never told.
    pub(crate) fn check(self) -> Result<(), TaskError> {
        match (self.hard, self.soft) {
            (Some(hard), Some(soft)) if soft > hard => {
                let rule = "soft_time_limit must be less than or equal to time_limit";
                Err(TaskError::new("ValueError", rule))
            }
            _ => Ok(()),
        }
    }

    /// These, and where one is missing the other's.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { hard: self.hard.or(other.hard), soft: self.soft.or(other.soft) }
    }
}

/// How a task hears of its soft time limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct SoftLimit {
    pub(crate) reached: CancellationToken,
    heard: Arc<AtomicBool>,
}

impl SoftLimit {
    pub(crate) async fn wait(&self) {
        self.heard.store(true, Ordering::Relaxed);
        self.reached.cancelled().await;
    }

    /// Whether the task listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }
}
