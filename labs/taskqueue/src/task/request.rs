//! What a running task may know about its call: Celery's `self.request`.

use super::limits::SoftLimit;
use crate::task_error::TaskError;

/// What a running task may know about its call: Celery's `self.request`.
#[derive(Debug, Clone)]
pub struct Request {
    /// The task's id, the same through all retries.
    pub id: String,
    /// The task's name.
    pub task: String,
    /// Another name for people, where the sender gave one.
    pub shadow: Option<String>,
    /// How often it was tried before.
    pub retries: u32,
    /// Not before this time, ISO 8601, where the sender named one.
    pub eta: Option<String>,
    /// Not after this time, ISO 8601, where the sender named one.
    pub expires: Option<String>,
    /// Whether the message was handed out before.
    pub redelivered: bool,
    /// The queue that it came from.
    pub queue: String,
    /// The arguments as Python shows them.
    pub argsrepr: String,
    /// The keyword arguments as Python shows them.
    pub kwargsrepr: String,
    /// The worker that runs it.
    pub hostname: String,
    /// The task with which all began, in a workflow.
    pub root_id: Option<String>,
    /// The task that sent this one.
    pub parent_id: Option<String>,
    /// The group that it is part of.
    pub group: Option<String>,
    /// Whether the sender wants no result stored.
    pub ignore_result: bool,
    pub(crate) soft: SoftLimit,
}

impl Request {
    /// The name for people: the sender's `shadow`, or the task's own.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shadow.as_deref().unwrap_or(&self.task)
    }

    /// Returns when the soft time limit is reached, for a task that wants to end in order:
    /// from the first call on, the task is only told and no longer ended there.
    pub async fn soft_time_limit(&self) {
        self.soft.wait().await;
    }

    /// Python shows a stack here; what we have is where the task ran, and what it raised.
    pub(crate) fn traceback(&self, error: &TaskError) -> String {
        let Self { task, hostname, .. } = self;
        format!("Task {task} in worker {hostname}\n{}.{error}\n", error.exc_module)
    }
}
