//! The documents that a worker stores under `celery-task-meta-<id>`, field by field in Celery's order.

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};

use super::State;
use crate::task::Request;
use crate::task_error::TaskError;
use crate::{json as python, time};

#[derive(Serialize)]
struct Document<'a> {
    status: &'a str,
    result: Value,
    traceback: Option<String>,
    children: Vec<Value>,
    date_done: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<&'a str>,
    task_id: &'a str,
}

pub(crate) fn started(request: &Request) -> String {
    write(
        request,
        &State::Started,
        json!({"pid": std::process::id(), "hostname": request.hostname}),
        None,
    )
}

pub(crate) fn success(request: &Request, result: Value) -> String {
    write(request, &State::Success, result, None)
}

pub(crate) fn failure(request: &Request, error: &TaskError) -> String {
    let traceback = format!("{}{}.{error}\n", place(request), error.exc_module);
    write(request, &State::Failure, error.document(), Some(traceback))
}

pub(crate) fn retry(request: &Request, error: &TaskError, countdown: Duration) -> String {
    let seconds = countdown.as_secs_f64();
    let traceback =
        format!("{}celery.exceptions.Retry: Retry in {seconds}s: {error}\n", place(request));
    write(request, &State::Retry, error.document(), Some(traceback))
}

pub(crate) fn revoked(request: &Request, reason: &str) -> String {
    let error = TaskError::in_module("celery.exceptions", "TaskRevokedError", reason);
    write(request, &State::Revoked, error.document(), None)
}

/// Python shows a stack here; what we have is where the task ran.
fn place(request: &Request) -> String {
    format!("Task {} in worker {}\n", request.task, request.hostname)
}

fn write(request: &Request, state: &State, result: Value, traceback: Option<String>) -> String {
    // A retry is the child of the attempt that failed, under the same id.
    let children = match state {
        State::Retry => vec![json!([[request.id, null], null])],
        _ => Vec::new(),
    };
    let document = Document {
        status: state.word(),
        result,
        traceback,
        children,
        date_done: state.is_ready().then(|| time::isoformat(Utc::now().fixed_offset())),
        group_id: request.group.as_deref(),
        parent_id: request.parent_id.as_deref(),
        task_id: &request.id,
    };
    // Texts, numbers and a JSON value: there is nothing in it that could fail.
    python::dumps(&document).unwrap_or_default()
}
