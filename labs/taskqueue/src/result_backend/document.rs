//! The documents that a worker stores under `celery-task-meta-<id>`, field by field in Celery's order.

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};

use super::State;
use crate::canvas::Abandoned;
use crate::event::Revocation;
use crate::task::Request;
use crate::task_error::TaskError;
use crate::{json as python, time};

#[derive(Serialize)]
struct Document<'a, R> {
    status: &'a str,
    result: R,
    traceback: Option<String>,
    children: Option<Vec<Value>>,
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

/// `children` are the handles on what was sent after it.
pub(crate) fn success(request: &Request, result: Value, children: Vec<Value>) -> String {
    let document = Document::new(request, &State::Success, result);
    Document { children: Some(children), ..document }.write()
}

pub(crate) fn failure(request: &Request, error: &TaskError) -> String {
    write(request, &State::Failure, error.document(), Some(request.traceback(error)))
}

/// A task that will never run because of `request`'s end.
pub(crate) fn abandoned(request: &Request, gone: &Abandoned) -> String {
    let document = Document {
        traceback: Some(request.traceback(&gone.error)),
        children: Some(gone.children.clone()),
        group_id: gone.group_id.as_deref(),
        parent_id: gone.parent_id.as_deref(),
        task_id: &gone.id,
        ..Document::new(request, &State::Failure, gone.error.document())
    };
    document.write()
}

pub(crate) fn retry(request: &Request, error: &TaskError, countdown: Duration) -> String {
    let why = format!("Retry in {}s: {error}", countdown.as_secs_f64());
    let retry = TaskError::in_module("celery.exceptions", "Retry", why);
    write(request, &State::Retry, error.document(), Some(request.traceback(&retry)))
}

pub(crate) fn revoked(request: &Request, reason: &str) -> String {
    let error = TaskError::in_module("celery.exceptions", "TaskRevokedError", reason);
    write(request, &State::Revoked, error.document(), None)
}

/// For a task of which only the id is known.
pub(crate) fn revoked_unseen(task_id: &str) -> String {
    let why = Revocation::Revoked.word();
    let error = TaskError::in_module("celery.exceptions", "TaskRevokedError", why);
    let document = Document {
        status: State::Revoked.word(),
        result: error.document(),
        traceback: None,
        children: None,
        date_done: Some(time::isoformat(Utc::now().fixed_offset())),
        group_id: None,
        parent_id: None,
        task_id,
    };
    document.write()
}

fn write(
    request: &Request,
    state: &State,
    result: impl Serialize,
    traceback: Option<String>,
) -> String {
    Document { traceback, ..Document::new(request, state, result) }.write()
}

impl<'a, R: Serialize> Document<'a, R> {
    fn new(request: &'a Request, state: &'a State, result: R) -> Self {
        // A retry is the child of the attempt that failed, under the same id.
        let children = match state {
            State::Retry => vec![json!([[request.id, null], null])],
            _ => Vec::new(),
        };
        Self {
            status: state.word(),
            result,
            traceback: None,
            children: Some(children),
            date_done: state.is_ready().then(|| time::isoformat(Utc::now().fixed_offset())),
            group_id: request.group.as_deref(),
            parent_id: request.parent_id.as_deref(),
            task_id: &request.id,
        }
    }

    fn write(&self) -> String {
        // Texts, numbers and a JSON value: there is nothing in it that could fail.
        python::dumps(self).unwrap_or_default()
    }
}
