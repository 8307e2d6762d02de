//! Gives a signature the ids that its tasks will have: Celery's `freeze`.
//!
//! A client freezes what it sends; what it only linked comes without ids. An id that is there stays.

use std::collections::VecDeque;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::message::{Kind, Link, MAX_SIZE, Options, Raw};

/// The most bytes that may follow one task.
pub(super) const MAX_TOTAL: usize = 16 * MAX_SIZE;

/// A signature names its body once, and its header has a thousand members that each carry it.
pub(super) fn bounded(copies: usize, size: usize) -> Result<(), String> {
    match copies.saturating_mul(size) {
        0..=MAX_TOTAL => Ok(()),
        total => Err(format!("what follows would be {total} bytes long")),
    }
}

/// What a signature is part of.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The id of the whole: of a chain or a chord, that is its last task's.
    pub(super) id: Option<String>,
    pub(super) root_id: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) group_index: Option<u64>,
    pub(super) chord: Option<Raw>,
}

/// The handle on a result, in Celery's form: `[[id, parent], members]`.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    id: String,
    parent: Option<Box<Handle>>,
    members: Option<Vec<Handle>>,
}

impl Handle {
    pub(super) fn task(id: String) -> Self {
        Self { id, parent: None, members: None }
    }

    pub(super) fn group(id: String, members: Vec<Self>) -> Self {
        Self { id, parent: None, members: Some(members) }
    }

    pub(super) fn is_group(&self) -> bool {
        self.members.is_some()
    }

    pub(super) fn as_tuple(&self) -> Value {
        let parent = self.parent.as_ref().map(|parent| parent.as_tuple());
        let members = self.members.as_ref();
        let members = members.map(|all| all.iter().map(Self::as_tuple).collect::<Vec<_>>());
        json!([[self.id, parent], members])
    }

    /// Puts `first` before all that came before this.
    fn begin_with(&mut self, first: Self) {
        match &mut self.parent {
            Some(parent) => parent.begin_with(first),
            None => self.parent = Some(Box::new(first)),
        }
    }
}

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// The id that stands in `options`, or a new one.
pub(super) fn id_of(options: &Options) -> Result<String, String> {
    let id: Option<String> = options.get("task_id")?;
    Ok(id.filter(|id| !id.is_empty()).unwrap_or_else(new_id))
}

/// Gives `link` its ids and its place.
pub(super) fn freeze(link: &mut Link, place: Place) -> Result<Handle, String> {
    let options = &mut link.options;
    match &mut link.kind {
        Kind::Task(_) => {
            if let Some(id) = &place.id {
                options.set_default("task_id", id);
            }
            let id = id_of(options)?;
            options.set("task_id", &id);
            set_place(options, &place);
            Ok(Handle::task(id))
        }
        Kind::Chain(tasks) => {
            let (steps, handle) = steps(std::mem::take(tasks), place)?;
            *tasks = steps;
            options.set("task_id", &handle.id);
            Ok(handle)
        }
        Kind::Group(tasks) => {
            let id = id_of(options)?;
            options.set("task_id", &id);
            set_place(options, &place);
            Ok(Handle::group(id, members(tasks, &place)?))
        }
        Kind::Chord { header, body } => {
            let id = id_of(options)?;
            options.set("task_id", &id);
            // The header is told of its body when it is sent, and not before: see `chord`.
            let within = Place { root_id: place.root_id.clone(), ..Place::default() };
            let header = Handle::group(id, members(header, &within)?);
            let mut handle = freeze(body, place)?;
            handle.begin_with(header);
            Ok(handle)
        }
    }
}

fn set_place(options: &mut Options, place: &Place) {
    if let Some(root_id) = &place.root_id {
        options.set("root_id", root_id);
    }
    if let Some(group_id) = &place.group_id {
        options.set_default("group_id", group_id);
    }
    if let Some(chord) = &place.chord {
        options.set("chord", chord);
    }
    if let Some(index) = place.group_index {
        options.set("group_index", &index);
    }
}

/// Freezes the tasks of a group in their places; groups among them are unrolled.
pub(super) fn members(tasks: &mut Vec<Link>, place: &Place) -> Result<Vec<Handle>, String> {
    *tasks = unrolled(std::mem::take(tasks));
    bounded(tasks.len(), place.chord.as_ref().map_or(0, |chord| chord.get().len()))?;
    (0..)
        .zip(tasks)
        .map(|(index, task)| {
            freeze(task, Place { id: None, group_index: Some(index), ..place.clone() })
        })
        .collect()
}

/// Without groups in groups, and without chains of nothing. As in Celery (`_freeze_unroll`), the
/// tasks of a group within a group change their order, and so do their results.
pub(super) fn unrolled(tasks: Vec<Link>) -> Vec<Link> {
    let mut left = VecDeque::from(tasks);
    let mut flat = Vec::new();
    while let Some(task) = left.pop_front() {
        match task.kind {
            Kind::Group(tasks) => tasks.into_iter().for_each(|task| left.push_front(task)),
            Kind::Chain(ref tasks) if tasks.is_empty() => {}
            _ => flat.push(task),
        }
    }
    flat
}

/// The steps of a chain in order, frozen: nested chains are spliced, and a group that another task
/// follows becomes a chord with that task for its body.
pub(super) fn steps(tasks: Vec<Link>, place: Place) -> Result<(Vec<Link>, Handle), String> {
    // Last step first, so that of two groups in a row the first one waits for the whole second chord.
    let mut steps: Vec<Link> = Vec::new();
    for task in spliced(tasks).into_iter().rev() {
        match (task.kind, steps.pop()) {
            (Kind::Group(header), Some(next)) => {
                let kind = Kind::Chord { header, body: Box::new(next) };
                steps.push(Link::composite(kind, Options::default()));
            }
            (kind, next) => {
                steps.extend(next);
                steps.push(Link { kind, ..task });
            }
        }
    }
    steps.reverse();
    let root_id = place.root_id.clone();
    let mut last = steps.pop().ok_or("a chain without tasks")?;
    let mut handle = freeze(&mut last, place)?;
    for step in steps.iter_mut().rev() {
        let place = Place { root_id: root_id.clone(), ..Place::default() };
        handle.begin_with(freeze(step, place)?);
    }
    steps.push(last);
    Ok((steps, handle))
}

/// Without chains in chains, groups of one, and groups of none.
fn spliced(tasks: Vec<Link>) -> Vec<Link> {
    let splice = |task: Link| match task.kind {
        Kind::Chain(tasks) => spliced(tasks),
        Kind::Group(mut tasks) if tasks.len() < 2 => {
            tasks.pop().map(|only| spliced(vec![only])).unwrap_or_default()
        }
        _ => vec![task],
    };
    tasks.into_iter().flat_map(splice).collect()
}
