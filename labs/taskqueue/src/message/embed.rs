//! The third part of a message's body: the tasks that follow this one.
//!
//! Most messages have none. Where there are some, they are only read when they are needed, and
//! what can't be read is then this task's failure, not a reason to put its message aside.

use serde::Serialize;
use serde_json::value::RawValue;

use super::link::{self, Kind, Link, Options, Raw, raw};
use super::sender;
use crate::signature::{self, Signature, When};
use crate::time;

/// The tasks that follow this one, each null where there is none.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Embed {
    /// Run after success (`link`).
    callbacks: Option<Raw>,
    /// Run after failure (`link_error`).
    errbacks: Option<Raw>,
    /// The rest of a chain, last task first.
    chain: Option<Raw>,
    /// Run when the whole group is done.
    chord: Option<Raw>,
}

impl Embed {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.callbacks, &self.errbacks, &self.chain, &self.chord]
            .iter()
            .all(|part| part.is_none())
    }

    pub(crate) fn callbacks(&self) -> Result<Vec<Link>, String> {
        read("callbacks", self.callbacks.as_deref())
    }

    pub(crate) fn errbacks(&self) -> Result<Vec<Link>, String> {
        read("errbacks", self.errbacks.as_deref())
    }

    pub(crate) fn chain(&self) -> Result<Vec<Link>, String> {
        read("chain", self.chain.as_deref())
    }

    pub(crate) fn chord(&self) -> Result<Option<Link>, String> {
        Ok(read("chord", self.chord.as_deref())?.pop())
    }

    /// What stands in a body beside the arguments.
    pub(super) fn read(mut fields: Options) -> Self {
        let mut part = |name: &str| fields.remove(name).filter(|part| !is_nothing(part));
        let [callbacks, errbacks, chain, chord] =
            ["callbacks", "errbacks", "chain", "chord"].map(&mut part);
        Self { callbacks, errbacks, chain, chord }
    }

    /// What `options` of Celery's `apply_async` say of what follows.
    pub(super) fn from_options(options: &mut Options) -> Self {
        let mut list = |name: &str| {
            let value = options.remove(name).filter(|value| value.get() != "null")?;
            let is_list = value.get().starts_with('[');
            Some(if is_list { value } else { raw(&[value]) })
        };
        let [callbacks, errbacks, chain] = ["link", "link_error", "chain"].map(&mut list);
        let chord = options.remove("chord").filter(|value| value.get() != "null");
        Self { callbacks, errbacks, chain, chord }
    }

    pub(super) fn of(signature: &Signature) -> Self {
        let list = |links: Vec<Link>| (!links.is_empty()).then(|| raw(&links));
        Self {
            callbacks: list(signature.callbacks.iter().map(Link::from).collect()),
            errbacks: list(signature.errbacks.iter().map(Link::from).collect()),
            // Reversed, so that a worker takes the next one from the end.
            chain: list(signature.chain.iter().rev().map(|task| link(task, true)).collect()),
            chord: None,
        }
    }
}

/// As Python sees it: false and nothing are the same.
pub(super) fn is_nothing(json: &RawValue) -> bool {
    ["null", "false", "0", "[]", "{}", r#""""#].contains(&json.get())
}

/// The error names what is no signature, or one of a kind that we don't know.
fn read(name: &str, json: Option<&RawValue>) -> Result<Vec<Link>, String> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let read = link::is_shallow(json).and_then(|()| link::links(json));
    read.map_err(|error| format!("the {name} of this task: {error}"))
}

/// A signature of ours, to be embedded in another one's message.
impl From<&Signature> for Link {
    fn from(signature: &Signature) -> Self {
        if signature.chain.is_empty() {
            return link(signature, false);
        }
        let tasks = std::iter::once(signature).chain(&signature.chain);
        let tasks = tasks.map(|task| link(task, false)).collect();
        Self::composite(Kind::Chain(tasks), Options::default())
    }
}

/// One task, without the rest of its chain.
fn link(signature: &Signature, frozen: bool) -> Link {
    Link {
        task: signature.task.clone(),
        args: signature.args.iter().map(raw).collect(),
        kind: Kind::Task(raw(&signature.kwargs)),
        options: options(signature, frozen),
        immutable: signature.immutable,
    }
}

/// What the signature says of its own sending, and of what follows it.
fn options(signature: &Signature, frozen: bool) -> Options {
    let mut options = written(&signature.options);
    let mut links = [("link", &signature.callbacks), ("link_error", &signature.errbacks)];
    if frozen {
        options.set("reply_to", &sender().reply_to);
        // A chain hands down its errbacks first.
        links.reverse();
    }
    for (name, signatures) in links.into_iter().filter(|(_, signatures)| !signatures.is_empty()) {
        options.set(name, &signatures.iter().map(Link::from).collect::<Vec<_>>());
    }
    options
}

/// Only what differs from the default, as in Celery: the worker that sends it fills in the rest.
fn written(ours: &signature::Options) -> Options {
    let mut options = Options::default();
    for (relative, absolute, when) in
        [("countdown", "eta", ours.eta), ("expires", "expires", ours.expires)]
    {
        match when {
            Some(When::In(duration)) => options.set(relative, &time::number(duration)),
            Some(When::At(instant)) => options.set(absolute, &time::isoformat(instant)),
            None => {}
        }
    }
    let mut set = |name: &str, differs: bool, value: Raw| {
        if differs {
            options.insert(name, value);
        }
    };
    set("priority", ours.priority != 0, raw(&ours.priority));
    set("queue", ours.queue.is_some(), raw(&ours.queue));
    set("retries", ours.retries != 0, raw(&ours.retries));
    set("ignore_result", ours.ignore_result, raw(&true));
    set("time_limit", ours.time_limit.is_some(), raw(&ours.time_limit.map(time::number)));
    let soft = ours.soft_time_limit;
    set("soft_time_limit", soft.is_some(), raw(&soft.map(time::number)));
    set("headers", !ours.headers.is_empty(), raw(&ours.headers));
    set("task_id", ours.task_id.is_some(), raw(&ours.task_id));
    options
}
