//! The end of a chord: all parts have returned, and somebody sends the body.
//!
//! The parts are `[1, task id, state, result]`, in the order of the header. Their results are
//! passed on as the text that they are. Where the header was more than a list of tasks, its
//! structure was saved as `[[group id, parent], members]`, a member being `[[id, parent], null]` for
//! a task and `[[id, parent], members]` for a group.

use std::collections::HashMap;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::sending::Sending;
use super::{Ended, Outbox};
use crate::message::{Kind, Link, Options};
use crate::task_error::TaskError;

/// What a complete chord left in Redis.
#[derive(Debug)]
pub(crate) struct Returned {
    /// The parts, in the order of the header.
    pub(crate) parts: Vec<String>,
    /// The structure of the header, where it was saved.
    pub(crate) structure: Option<String>,
}

/// A chord whose body can't run.
struct Broken {
    /// What its `ChordError` says.
    message: String,
    /// The failure of the member that broke it.
    cause: Option<Box<TaskError>>,
    /// The errbacks that were called already, for chords within its header.
    called: Vec<Value>,
}

/// The name under which a part of a failed chord says which errbacks were called for it. Not in Celery.
pub(super) const CALLED: &str = "errbacks_called";

impl Broken {
    fn new(what: &str, error: impl Display) -> Self {
        Self { message: format!("{what} error: {error}"), cause: None, called: Vec::new() }
    }
}

/// Either the body is sent, or it is FAILURE; `false` where it failed.
pub(crate) fn after_chord(ended: Ended<'_>, body: &Link, returned: &Returned) -> (Outbox, bool) {
    match sent(ended, body, returned) {
        Ok(outbox) => (outbox, true),
        Err(broken) => (failed(ended, body, broken), false),
    }
}

/// Celery counts in a list where it is told to, and we don't: its body is FAILURE.
pub(crate) fn unreadable_chord(ended: Ended<'_>, body: &Link) -> Outbox {
    let what = "its parts are counted in another form than a worker of this kind knows";
    let next = "next: leave `result_chord_ordered` at its default, True";
    let message = format!("{what}\n  {next}");
    failed(ended, body, Broken { message, cause: None, called: Vec::new() })
}

fn sent(ended: Ended<'_>, body: &Link, returned: &Returned) -> Result<Outbox, Broken> {
    let mut sending = Sending::new(ended);
    let results = RawValue::from_string(results(returned)?);
    let partial = [results.map_err(|error| Broken::new("Join", error))?];
    sending
        .apply(body.clone(), &partial, &Options::default())
        .map_err(|error| Broken::new("Callback", error))?;
    Ok(sending.outbox)
}

fn failed(ended: Ended<'_>, body: &Link, broken: Broken) -> Outbox {
    let mut sending = Sending::new(ended);
    // As in Celery, the members of a group get the failure itself, and one task its ChordError.
    let error = match (&body.kind, broken.cause) {
        (Kind::Group(_), Some(cause)) => *cause,
        _ => TaskError::in_module("celery.exceptions", "ChordError", broken.message),
    };
    // It stores before it reads on: what can't be read can't be told.
    let _ = sending.abandon_body(body.clone(), &error, broken.called);
    sending.outbox
}

/// The body's argument: the list of all results, or the failure of the first that failed.
fn results(returned: &Returned) -> Result<String, Broken> {
    let join = |error: serde_json::Error| Broken::new("Join", error);
    let mut by_id: HashMap<String, &str> = HashMap::new();
    let mut in_order = Vec::new();
    let mut broken: Option<Broken> = None;
    for part in &returned.parts {
        let (_, id, state, result): (u8, String, String, &RawValue) =
            serde_json::from_str(part).map_err(join)?;
        if matches!(state.as_str(), "FAILURE" | "REVOKED") {
            let mut raised: Raised = serde_json::from_str(result.get()).map_err(join)?;
            let called = std::mem::take(&mut raised.errbacks_called);
            let first = broken.get_or_insert_with(|| {
                let cause = raised.error();
                let message = format!("Dependency {id} raised {}", cause.repr());
                Broken { message, cause: Some(Box::new(cause)), called: Vec::new() }
            });
            first.called.extend(called);
        }
        by_id.insert(id, result.get());
        in_order.push(result.get());
    }
    if let Some(broken) = broken {
        return Err(broken);
    }
    match &returned.structure {
        None => Ok(format!("[{}]", in_order.join(", "))),
        Some(structure) => {
            let saved: Value = serde_json::from_str(structure).map_err(join)?;
            gather(&saved["result"], &by_id)
        }
    }
}

/// An exception as a worker of any language stores it.
#[derive(Deserialize)]
struct Raised {
    exc_type: String,
    #[serde(default)]
    exc_message: Value,
    #[serde(default)]
    exc_module: Option<String>,
    /// [`CALLED`]
    #[serde(default)]
    errbacks_called: Vec<Value>,
}

impl Raised {
    fn error(self) -> TaskError {
        let arguments = match self.exc_message {
            Value::Array(arguments) => arguments,
            other => vec![other],
        };
        TaskError::raised(&self.exc_module.unwrap_or_default(), &self.exc_type, arguments)
    }
}

fn gather(handle: &Value, by_id: &HashMap<String, &str>) -> Result<String, Broken> {
    if let Some(members) = handle[1].as_array() {
        let members: Result<Vec<String>, _> =
            members.iter().map(|member| gather(member, by_id)).collect();
        return Ok(format!("[{}]", members?.join(", ")));
    }
    let id = handle[0][0].as_str().unwrap_or_default();
    let result = by_id.get(id).map(|result| (*result).to_owned());
    result.ok_or_else(|| Broken::new("Join", format!("no result of {id}")))
}
