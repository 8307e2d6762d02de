//! What becomes of a form's task: what an `AsyncResult` says, in the form's words.
//!
//! Reads `celery-task-meta-<id>` and listens to the channel of that name; writes nothing and keeps
//! nothing. While Redis is away the last word stands.

use taskqueue::{AsyncResult, TaskMeta};

use crate::form::Progress;
use crate::shell;

/// How many messages may wait before the form takes no more: two days of work at one task at a
/// time, and some ten megabytes of Redis.
pub const MOST_WAITING: usize = 10_000;

/// What has become of `task`; if that is what was `seen` already, waits until it is something else.
/// `redis_cli` is how redis-cli has to be called here.
pub async fn of(task: &AsyncResult, redis_cli: &str, seen: Option<&Progress>) -> Progress {
    let command = format!("{redis_cli} {}", shell::get_result(&task.id));
    let told = |meta: &TaskMeta| told(meta, command.clone());
    match seen {
        Some(seen) => told(&task.until(|meta| told(meta) != *seen).await),
        None => match task.meta().await {
            Ok(meta) => told(&meta),
            Err(error) => unknown(&error, command),
        },
    }
}

fn told(meta: &TaskMeta, command: String) -> Progress {
    // Where a task went well or has only begun, the result is no reason.
    let has_reason = meta.result.get("exc_type").is_some();
    Progress {
        state: Some(meta.state.to_string()),
        reason: has_reason.then(|| meta.error().to_string()),
        command,
        done: meta.state.is_ready(),
        done_at: meta.done_at(),
    }
}

fn unknown(error: &impl ToString, command: String) -> Progress {
    let reason = Some(error.to_string());
    Progress { state: None, reason, command, done: false, done_at: None }
}
