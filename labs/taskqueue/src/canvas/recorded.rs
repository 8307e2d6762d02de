//! What follows a task's end, judged by what real Celery wrote (`tests/golden/canvas`).
//!
//! Each recorded step is one message, the result of its task, and all that Celery sent and stored
//! then. Ids that Celery made up in the step are compared by their order, times only by being there.
//! Options that are null, or that only a sending Python client needs, are left out on both sides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use serde_json::{Map, Value, json};

use super::{Ended, Outbox, Part, Returned, after_chord, after_failure, after_success};
use crate::keys;
use crate::message::{Addressed, Body, Message};
use crate::route::Routes;
use crate::task::{Registry, Task};
use crate::task_error::TaskError;

/// Where Celery leaves somebody waiting and we don't.
const MORE: [(&str, &str); 2] = [
    ("chain_fails_before_group", "each member of the group is FAILURE, not only the group"),
    ("chord_fails_body_chain", "each task of the body is FAILURE, not only the last one"),
];

fn recorded() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/canvas");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(found.len() > 40, "only {} recordings", found.len());
    found
}

fn registry() -> Registry {
    let task = |name| Task::new(name, [], |_, ()| async { Ok(()) });
    let known = ["wire.add", "wire.tsum", "wire.echo", "wire.fail"].map(task);
    Registry::new(known.into_iter().chain([task("wire.quiet").ignore_result()]))
}

/// One step: what was there before, what Celery left, and what we make of the same.
struct Step {
    message: Message,
    body: Body,
    before: Map<String, Value>,
    stored: Map<String, Value>,
    sent: Vec<(String, String)>,
}

impl Step {
    fn read(step: &Value) -> Self {
        let message = Message::decode(step["message"].as_str().unwrap().as_bytes()).unwrap();
        let list = |entry: &Value| {
            let text = |at: usize| entry[at].as_str().unwrap().to_owned();
            (text(0), text(1))
        };
        Self {
            body: message.body().unwrap(),
            message,
            before: step["before"].as_object().unwrap().clone(),
            stored: step["stored"].as_object().unwrap().clone(),
            sent: step["sent"].as_array().unwrap().iter().map(list).collect(),
        }
    }

    fn own(&self) -> Option<&Value> {
        self.stored.get(&keys::task_meta(&self.message.headers.id))
    }

    /// What our worker would do, chords that are complete included.
    fn ours(&self) -> Outbox {
        let (headers, embed) = (&self.message.headers, &self.body.2);
        let (registry, routes) = (&registry(), &Routes::default());
        let ended = Ended { headers, embed, registry, routes, now: Utc::now() };
        let mut outbox = match self.own() {
            Some(own) if own["status"] == "FAILURE" => {
                let text = |field: &str| own["result"][field].as_str().unwrap();
                let arguments = own["result"]["exc_message"].as_array().unwrap().clone();
                let error = TaskError::raised(text("exc_module"), text("exc_type"), arguments);
                after_failure(ended, &error)
            }
            Some(own) => after_success(ended, &own["result"]).unwrap(),
            None => after_success(ended, &json!(3)).unwrap(),
        };
        for part in outbox.parts.clone() {
            if let Some(returned) = self.complete(&part) {
                let (more, _) = after_chord(ended, &part.body, &returned);
                outbox.messages.extend(more.messages);
                outbox.abandoned.extend(more.abandoned);
                outbox.chord_sizes.extend(more.chord_sizes);
                outbox.parts.extend(more.parts);
            }
        }
        outbox
    }

    /// All parts of a chord of which `part` is the last one.
    fn complete(&self, part: &Part) -> Option<Returned> {
        let chord = keys::chord(&part.group_id);
        let size: usize = self.before.get(&chord.size)?.as_str()?.parse().ok()?;
        let mut parts = scored(self.before.get(&chord.parts));
        parts.push((part.group_index.unwrap(), part.encoded.clone()));
        parts.sort_by_key(|(index, _)| *index);
        let structure = self.before.get(&keys::group_meta(&part.group_id)).map(Value::to_string);
        let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
        (parts.len() == size).then_some(Returned { parts, structure })
    }
}

fn scored(parts: Option<&Value>) -> Vec<(u64, String)> {
    let parts = parts.and_then(Value::as_array).cloned().unwrap_or_default();
    let read =
        |part: Value| (part[1].as_f64().unwrap() as u64, part[0].as_str().unwrap().to_owned());
    parts.into_iter().map(read).collect()
}

/// A message without what differs from one sending to the next.
fn comparable(raw: &str, input: &str) -> Value {
    let mut message: Value = serde_json::from_str(raw).unwrap();
    let body = BASE64_STANDARD.decode(message["body"].as_str().unwrap()).unwrap();
    message["body"] = serde_json::from_slice(&body).unwrap();
    for pointer in ["/headers/origin", "/properties/delivery_tag", "/properties/expiration"] {
        if let Some(value) = message.pointer_mut(pointer) {
            *value = json!("its own");
        }
    }
    for pointer in ["/headers/eta", "/headers/expires"] {
        let time = message.pointer_mut(pointer).unwrap();
        if time.as_str().is_some_and(|time| !input.contains(time)) {
            *time = json!("a time");
        }
    }
    // Celery shows a list or a tuple, depending on which of its functions came by.
    let shown = message["headers"]["argsrepr"].as_str().unwrap().replace(['[', ']', '(', ')'], "|");
    message["headers"]["argsrepr"] = json!(shown);
    message["properties"].as_object_mut().unwrap().remove("reply_to");
    strip(&mut message["body"]);
    message
}

/// Removes options that are null or without meaning here.
fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(map) => {
            if let Some(Value::Object(options)) = map.get_mut("options") {
                options.retain(|name, value| {
                    !value.is_null() && !["reply_to", "add_to_parent"].contains(&name.as_str())
                });
            }
            // A header is written as a group or as the list of its tasks.
            if let Some(header) = map.get_mut("header").filter(|header| header.is_object()) {
                *header = header["kwargs"]["tasks"].take();
            }
            map.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// Names ids that the step made up by the order in which they come.
struct Names<'a> {
    input: &'a str,
    names: HashMap<String, String>,
}

impl Names<'_> {
    fn rename(&mut self, value: &Value) -> String {
        let mut text = value.to_string();
        let ids: Vec<String> =
            text.split('"').filter(|part| is_uuid(part)).map(str::to_owned).collect();
        for id in ids {
            let count = self.names.len();
            if !self.input.contains(&id) {
                self.names.entry(id).or_insert_with(|| format!("new id {count}"));
            }
        }
        for (id, name) in &self.names {
            text = text.replace(id, name);
        }
        text
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

type Comparable = (Vec<String>, BTreeMap<String, HashSet<String>>);

fn celerys(step: &Step, input: &str) -> Comparable {
    let mut names = Names { input, names: HashMap::new() };
    let sent = step.sent.iter();
    let sent =
        sent.map(|(list, raw)| names.rename(&json!([list, comparable(raw, input)]))).collect();
    let mut rest: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    let mut note = |what: &str, value: Value| {
        rest.entry(what.into()).or_default().insert(names.rename(&value));
    };
    let own = keys::task_meta(&step.message.headers.id);
    let (tasks, groups) = (keys::task_meta(""), keys::group_meta(""));
    for (key, value) in &step.stored {
        if *key == own {
            note("children", value["children"].clone());
        } else if let Some(id) = key.strip_prefix(&tasks) {
            note("abandoned", json!([id, value["result"], value["parent_id"]]));
        } else if let Some(id) = key.strip_suffix(".s") {
            note("chord sizes", json!([id.trim_start_matches(&groups), value]));
        } else if key.ends_with(".j") {
            let before = scored(step.before.get(key));
            for part in scored(Some(value)).into_iter().filter(|part| !before.contains(part)) {
                note("parts", json!(part));
            }
        } else if let Some(id) = key.strip_prefix(&groups).filter(|id| is_uuid(id)) {
            note("groups", json!([id, value]));
        }
    }
    (sent, rest)
}

fn ours(outbox: &Outbox, input: &str, step: &Step) -> Comparable {
    let mut names = Names { input, names: HashMap::new() };
    let list = |sent: &Addressed| keys::list(&sent.queue, sent.message.properties.priority);
    let mut sent: Vec<(String, &str)> =
        outbox.messages.iter().map(|sent| (list(sent), sent.raw.as_str())).collect();
    sent.sort_by(|(a, _), (b, _)| a.cmp(b));
    let sent = sent.iter();
    let sent =
        sent.map(|(list, raw)| names.rename(&json!([list, comparable(raw, input)]))).collect();
    let mut rest: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    let mut note = |what: &str, value: Value| {
        rest.entry(what.into()).or_default().insert(names.rename(&value));
    };
    if step.own().is_some() {
        note("children", json!(outbox.children));
    }
    for gone in &outbox.abandoned {
        note("abandoned", json!([gone.id, gone.error.document(), gone.parent_id]));
    }
    for (id, size) in &outbox.chord_sizes {
        note("chord sizes", json!([id, size.to_string()]));
    }
    for (id, structure) in &outbox.groups {
        note("groups", json!([id, serde_json::from_str::<Value>(structure).unwrap()]));
    }
    // The last part of a chord that succeeded is gone again when Celery's step is over.
    for part in outbox.parts.iter().filter(|part| step.leaves(part)) {
        note("parts", json!([part.group_index, part.encoded]));
    }
    (sent, rest)
}

impl Step {
    fn leaves(&self, part: &Part) -> bool {
        self.stored.contains_key(&keys::chord(&part.group_id).parts)
    }
}

#[test]
fn what_follows_is_what_celery_sends_and_stores() {
    for (name, recording) in recorded() {
        for (number, step) in recording["steps"].as_array().unwrap().iter().enumerate() {
            let step = Step::read(step);
            let input = format!("{:?} {:?} {}", step.message, step.body, json!(step.before));
            let outbox = step.ours();
            let (celerys, ours) = (celerys(&step, &input), ours(&outbox, &input, &step));
            if name == "link_group_nested" {
                // Celery counts anew in each nested group; here no two members have the same number.
                assert_eq!(ours.0.len(), celerys.0.len(), "{name}, step {number}: messages");
                continue;
            }
            assert_eq!(ours.0, celerys.0, "{name}, step {number}: messages");
            match MORE.iter().find(|(more, _)| *more == name) {
                None => assert_eq!(ours.1, celerys.1, "{name}, step {number}"),
                Some((_, why)) => {
                    let less = |(what, all): (&String, &HashSet<String>)| {
                        all.difference(&ours.1[what]).next().is_some()
                    };
                    assert!(!celerys.1.iter().any(less), "{name}, step {number}: {why}");
                }
            }
        }
    }
}
