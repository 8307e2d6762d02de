//! What follows when a task has ended: callbacks, the rest of its chain, its chord, its errbacks.
//!
//! Celery's rules (`celery.canvas`, `celery.app.trace`), as a pure decision: the message that ended
//! and its outcome come in, an [`Outbox`] goes out. Nothing is sent from here.
//!
//! ```text
//! success ─▶ each callback, and the next of the chain with the rest in its own embed, get the result
//! failure ─▶ each errback gets the id; the rest of the chain is FAILURE too
//! both    ─▶ the chord is told; when all have told it, its body gets the list of results, or ChordError
//! ```
//!
//! Where Celery would leave somebody waiting for ever, we don't: a chord that fails inside
//! another one's header fails that one, too, and a group that never starts fails member by member.
//! What can't be sent is an [`Unsupported`] that names it.

mod abandoning;
mod chord;
mod freezing;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod recorded;
mod sending;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::message::{Addressed, Embed, Headers, Kind, Link, Options, Raw, raw};
use crate::route::Routes;
use crate::task::Registry;
use crate::task_error::TaskError;
pub(crate) use chord::{Returned, after_chord, unreadable_chord};
use sending::Sending;

/// A task that has ended.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) headers: &'a Headers,
    pub(crate) embed: &'a Embed,
    /// Knows the tasks of this worker, and which of them store no result.
    pub(crate) registry: &'a Registry,
    /// Where a task goes that names no queue.
    pub(crate) routes: &'a Routes,
    pub(crate) now: DateTime<Utc>,
}

/// All that is to be written when a task has ended.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) messages: Vec<Addressed>,
    /// How many parts the chords that begin now will have, by group id.
    pub(crate) chord_sizes: Vec<(String, usize)>,
    /// The structure of a group's results, where it is more than a list, by group id.
    pub(crate) groups: Vec<(String, String)>,
    /// Tasks that will never run.
    pub(crate) abandoned: Vec<Abandoned>,
    /// What chords are to be told.
    pub(crate) parts: Vec<Part>,
    /// The results of what was sent, as Celery lists them in the parent's.
    pub(crate) children: Vec<Value>,
}

/// A task that will never run, because one before it failed.
#[derive(Debug, Clone)]
pub(crate) struct Abandoned {
    pub(crate) id: String,
    pub(crate) group_id: Option<String>,
    pub(crate) parent_id: Option<String>,
    pub(crate) error: TaskError,
    /// The results of the errbacks that were called for it.
    pub(crate) children: Vec<Value>,
}

/// One member's end, as its chord is told.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) group_id: String,
    pub(crate) group_index: Option<u64>,
    pub(crate) task_id: String,
    /// `[1, task id, state, result]`.
    pub(crate) encoded: String,
    /// The chord's body.
    pub(crate) body: Link,
}

/// Something follows that we can't send.
#[derive(Debug, thiserror::Error)]
#[error(
    "what follows this task can't be sent: {0}\n  next: leave such tasks to a Celery worker, on a queue of their own"
)]
pub(crate) struct Unsupported(String);

impl From<String> for Unsupported {
    fn from(what: String) -> Self {
        Self(what)
    }
}

impl From<Unsupported> for TaskError {
    fn from(unsupported: Unsupported) -> Self {
        Self::new("NotImplementedError", unsupported)
    }
}

/// Whether all that may follow can be sent. What can't is better known before the task has run.
pub(crate) fn check(ended: Ended<'_>) -> Result<(), Unsupported> {
    after_success(ended, &Value::Null)?;
    failure(ended, &TaskError::new("Exception", "")).1
}

/// What follows a success.
pub(crate) fn after_success(ended: Ended<'_>, value: &Value) -> Result<Outbox, Unsupported> {
    let mut sending = Sending::new(ended);
    let (partial, family) = ([raw(value)], ended.family());
    for callback in grouped(ended.embed.callbacks()?) {
        sending.apply_as_child(callback, &partial, &family)?;
    }
    let mut chain = ended.embed.chain()?;
    if let Some(next) = chain.pop() {
        let mut family = family;
        family.set("chain", &chain);
        sending.apply_as_child(next, &partial, &family)?;
    }
    sending.outbox.parts.extend(ended.part("SUCCESS", &raw(value))?);
    Ok(sending.outbox)
}

/// As in Celery, several callbacks are one group; those that are groups already are sent first.
fn grouped(callbacks: Vec<Link>) -> Vec<Link> {
    if callbacks.len() < 2 {
        return callbacks;
    }
    let is_group = |link: &Link| matches!(link.kind, Kind::Group(_));
    let (mut groups, others): (Vec<Link>, Vec<Link>) = callbacks.into_iter().partition(is_group);
    if !others.is_empty() {
        groups.push(Link::composite(Kind::Group(others), Options::default()));
    }
    groups
}

/// What follows a failure that is not tried again, as far as it can be read.
pub(crate) fn after_failure(ended: Ended<'_>, error: &TaskError) -> Outbox {
    failure(ended, error).0
}

fn failure(ended: Ended<'_>, error: &TaskError) -> (Outbox, Result<(), Unsupported>) {
    let mut sending = Sending::new(ended);
    let told = ended.part("FAILURE", &raw(&error.document()));
    let told = told.map(|part| sending.outbox.parts.extend(part));
    let failed = ended.embed.chain().and_then(|chain| sending.abandon_all(&chain, error));
    let called = ended
        .embed
        .errbacks()
        .and_then(|errbacks| sending.call_errbacks(errbacks, &ended.headers.id, ended.root_id()))
        .map(drop);
    (sending.outbox, told.and(failed.map_err(Unsupported)).and(called.map_err(Unsupported)))
}

/// A task that is not run at all: as in Celery, only its chord hears of it.
pub(crate) fn after_revocation(ended: Ended<'_>, reason: &str) -> Outbox {
    let error = TaskError::in_module("celery.exceptions", "TaskRevokedError", reason);
    let part = ended.part("REVOKED", &raw(&error.document())).ok().flatten();
    Outbox { parts: part.into_iter().collect(), ..Outbox::default() }
}

impl Ended<'_> {
    fn root_id(&self) -> &str {
        self.headers.root_id.as_deref().unwrap_or(&self.headers.id)
    }

    /// What its descendants inherit.
    fn family(&self) -> Options {
        let mut family = Options::default();
        family.set("parent_id", &self.headers.id);
        family.set("root_id", self.root_id());
        family
    }

    fn part(&self, state: &str, result: &Raw) -> Result<Option<Part>, Unsupported> {
        let Headers { id, group, group_index, .. } = self.headers;
        match (self.embed.chord()?, group) {
            (Some(body), Some(group)) => {
                Part::new(id.clone(), group.clone(), *group_index, (state, result), body).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl Part {
    fn new(
        task_id: String,
        group_id: String,
        group_index: Option<u64>,
        (state, result): (&str, &Raw),
        body: Link,
    ) -> Result<Self, Unsupported> {
        let encoded = raw(&(1, &task_id, state, result)).get().to_owned();
        Ok(Self { group_id, group_index, task_id, encoded, body })
    }

    /// This part is a failure for which these errbacks were called. Celery passes over the note.
    fn note_called(&mut self, error: &TaskError, called: &[Value]) {
        if let (false, Ok(Value::Object(mut result))) =
            (called.is_empty(), serde_json::to_value(error.document()))
        {
            result.insert(chord::CALLED.into(), called.into());
            self.encoded = raw(&(1, &self.task_id, "FAILURE", result)).get().to_owned();
        }
    }
}
