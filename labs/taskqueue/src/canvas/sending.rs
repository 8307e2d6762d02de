//! Turns signatures into messages: Celery's `apply_async`, for each kind of signature.
//!
//! `partial` are arguments that come before a signature's own, unless it is immutable;
//! `over` are options that prevail over its own, but for the group that it is part of.

use serde_json::Value;

use super::freezing::{Handle, Place, bounded, freeze, id_of, members, steps, unrolled};
use super::{Ended, Outbox};
use crate::message::{Kind, Link, MAX_SIZE, Message, Options, Raw, raw};

/// What a chain or a chord does not hand down to its tasks.
const OF_THE_WHOLE: [&str; 8] =
    ["task_id", "group_id", "group_index", "chord", "link", "link_error", "root_id", "parent_id"];

pub(super) struct Sending<'a> {
    pub(super) ended: Ended<'a>,
    pub(super) outbox: Outbox,
    total: usize,
}

impl<'a> Sending<'a> {
    pub(super) fn new(ended: Ended<'a>) -> Self {
        Self { ended, outbox: Outbox::default(), total: 0 }
    }

    /// Sends `link` and lists it among the children of the task that ended.
    pub(super) fn apply_as_child(
        &mut self,
        link: Link,
        partial: &[Raw],
        over: &Options,
    ) -> Result<(), String> {
        let child = self.apply(link, partial, over)?;
        self.outbox.children.push(child);
        Ok(())
    }

    /// Sends `link`; the handle on what was sent.
    pub(super) fn apply(
        &mut self,
        mut link: Link,
        partial: &[Raw],
        over: &Options,
    ) -> Result<Value, String> {
        if !link.immutable {
            link.args.splice(0..0, partial.iter().cloned());
        }
        let args = std::mem::take(&mut link.args);
        match link.kind {
            Kind::Task(_) => self.apply_task(Link { args, ..link }, over),
            Kind::Chain(tasks) => self.apply_chain(tasks, merged(link.options, over), &args),
            Kind::Group(tasks) => self.apply_group(tasks, merged(link.options, over), &args),
            Kind::Chord { header, body } => {
                self.apply_chord(header, *body, merged(link.options, over), &args)
            }
        }
    }

    fn apply_task(&mut self, mut link: Link, over: &Options) -> Result<Value, String> {
        link.options = merged(link.options, over);
        let id = id_of(&link.options)?;
        link.options.set("task_id", &id);
        link.options.set_default("root_id", self.ended.root_id());
        link.options.set_default("parent_id", &self.ended.headers.id);
        if let Some(queue) = self.ended.routes.queue(&link.task) {
            link.options.set_default("queue", queue);
        }
        let ignores_result = self.ended.registry.find(&link.task).map(|task| task.ignores_result());
        let name = link.task.clone();
        let named = |error: String| format!("{name}: {error}");
        let addressed = Message::linked(link, ignores_result, self.ended.now).map_err(named)?;
        let size = addressed.raw.len();
        self.total += size;
        bounded(1, self.total)?;
        if size > MAX_SIZE {
            return Err(named(format!("its message would be {size} bytes long")));
        }
        self.outbox.messages.push(addressed);
        Ok(Handle::task(id).as_tuple())
    }

    fn apply_chain(
        &mut self,
        tasks: Vec<Link>,
        mut options: Options,
        args: &[Raw],
    ) -> Result<Value, String> {
        let place = Place {
            id: options.get("task_id")?,
            root_id: options.get("root_id")?,
            group_id: options.get("group_id")?,
            group_index: options.get("group_index")?,
            chord: options.get("chord")?,
        };
        let (callbacks, errbacks) = (options.links("link")?, options.links("link_error")?);
        let mut after: Vec<Link> = options.links("chain")?;
        OF_THE_WHOLE.iter().for_each(|name| drop(options.remove(name)));
        let (mut steps, _) = steps(tasks, place)?;
        for step in &mut steps {
            link_error(step, &errbacks)?;
        }
        if let Some(last) = steps.last_mut() {
            link_all(last, &callbacks)?;
        }
        let first = steps.remove(0);
        after.extend(steps.into_iter().rev());
        options.set("chain", &after);
        self.apply(first, args, &options)
    }

    pub(super) fn apply_group(
        &mut self,
        mut tasks: Vec<Link>,
        mut options: Options,
        args: &[Raw],
    ) -> Result<Value, String> {
        let id = id_of(&options)?;
        for own in ["task_id", "group_index"] {
            options.remove(own);
        }
        options.set("group_id", &id);
        let root_id = options.get("root_id")?;
        let place = Place { root_id, group_id: Some(id.clone()), ..Place::default() };
        let handle = Handle::group(id.clone(), members(&mut tasks, &place)?);
        // Whichever member tells it: the last one may be a chain or a chord, whose own last task does.
        if options.has("chord") || tasks.iter().any(tells_a_chord) {
            let size = tasks.iter().map(parts).sum();
            self.outbox.chord_sizes.push((id, size));
        }
        for task in tasks {
            self.apply(task, args, &options)?;
        }
        Ok(handle.as_tuple())
    }

    fn apply_chord(
        &mut self,
        mut header: Vec<Link>,
        mut body: Link,
        mut options: Options,
        args: &[Raw],
    ) -> Result<Value, String> {
        let id = id_of(&options)?;
        options.remove("task_id");
        let start = ["countdown", "eta"].map(|name| (name, options.remove(name)));
        link_all(&mut body, &options.links("link")?)?;
        link_error(&mut body, &options.links("link_error")?)?;
        for own in ["link", "link_error"] {
            options.remove(own);
        }
        for (name, value) in options.iter().filter(|(name, _)| *name != "parent_id") {
            body.options.insert(name, value.clone());
        }
        let root_id: Option<String> = body.options.get("root_id")?;
        let place =
            Place { root_id: root_id.clone(), group_id: Some(id.clone()), ..Place::default() };
        freeze(&mut body, place)?;
        header = unrolled(header);
        if header.is_empty() {
            return self.apply(body, &[raw(&[(); 0])], &Options::default());
        }
        let chord = Some(raw(&body));
        let place = Place { root_id, group_id: Some(id.clone()), chord, ..Place::default() };
        let all = members(&mut header, &place)?;
        if all.iter().any(Handle::is_group) {
            let structure =
                raw(&serde_json::json!({"result": Handle::group(id.clone(), all).as_tuple()}));
            self.outbox.groups.push((id.clone(), structure.get().to_owned()));
        }
        for own in ["chain", "chord", "group_id"] {
            options.remove(own);
        }
        for (name, value) in start {
            value.into_iter().for_each(|value| options.insert(name, value));
        }
        options.set("task_id", &id);
        self.apply_group(header, options, args)
    }
}

/// `over` prevails, but a signature stays in the group in which it is.
fn merged(mut options: Options, over: &Options) -> Options {
    let fixed = ["group_id", "stamped_headers"];
    for (name, value) in over.iter().filter(|(_, value)| value.get() != "null") {
        if !(fixed.contains(&name) && options.has(name)) {
            options.insert(name, value.clone());
        }
    }
    options
}

/// How many parts a member returns to its chord.
fn parts(link: &Link) -> usize {
    match &link.kind {
        Kind::Task(_) => 1,
        Kind::Group(tasks) => tasks.iter().map(parts).sum(),
        Kind::Chain(tasks) => tasks.iter().rev().map(parts).find(|parts| *parts > 0).unwrap_or(0),
        Kind::Chord { body, .. } => parts(body),
    }
}

/// Whether a chord waits for what `link` returns.
fn tells_a_chord(link: &Link) -> bool {
    link.options.has("chord")
        || match &link.kind {
            Kind::Task(_) => false,
            Kind::Chain(tasks) => tasks.last().is_some_and(tells_a_chord),
            Kind::Group(tasks) => tasks.iter().any(tells_a_chord),
            Kind::Chord { body, .. } => tells_a_chord(body),
        }
}

/// Adds callbacks to where the result of `link` comes from.
fn link_all(link: &mut Link, callbacks: &[Link]) -> Result<(), String> {
    match &mut link.kind {
        _ if callbacks.is_empty() => Ok(()),
        Kind::Chord { body, .. } => link_all(body, callbacks),
        Kind::Group(_) => Err("a callback of a group; only its members can have some".into()),
        _ => append(&mut link.options, "link", callbacks),
    }
}

/// Adds errbacks to `link`; the members of a group each have them, and a chord's are its body's.
fn link_error(link: &mut Link, errbacks: &[Link]) -> Result<(), String> {
    match &mut link.kind {
        _ if errbacks.is_empty() => Ok(()),
        Kind::Chord { body, .. } => link_error(body, errbacks),
        Kind::Group(tasks) => {
            bounded(tasks.len(), raw(errbacks).get().len())?;
            tasks.iter_mut().try_for_each(|task| link_error(task, errbacks))
        }
        _ => append(&mut link.options, "link_error", errbacks),
    }
}

fn append(options: &mut Options, name: &str, links: &[Link]) -> Result<(), String> {
    let mut all = options.links(name)?;
    all.extend_from_slice(links);
    options.set(name, &all);
    Ok(())
}
