//! A signature inside a message: what `embed` holds, read and written.
//!
//! ```text
//! {"task": "lab.add", "args": [10], "kwargs": {}, "options": {"task_id": …}, "subtask_type": null, "immutable": false}
//! ```
//!
//! `subtask_type` says what `kwargs` holds: a task's own arguments, or the tasks of a chain, a
//! group or a chord. Arguments and options stay the text that they were, so that a Python
//! client's long numbers and the order of its keys pass through us unharmed.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::is_true;
use crate::json;

/// JSON that nobody needs to understand.
pub(crate) type Raw = Box<RawValue>;

/// `value` as JSON text, written as Python writes it.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Raw {
    // Strings, numbers, lists and maps with text keys: there is nothing in it that could fail.
    let text = json::dumps(value).unwrap_or_default();
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A signature, as JSON: Celery's `dict(signature)`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Options", into = "Wire")]
pub(crate) struct Link {
    pub(crate) task: String,
    pub(crate) args: Vec<Raw>,
    pub(crate) kind: Kind,
    pub(crate) options: Options,
    /// It takes no result of the task before it (`si()` instead of `s()`).
    pub(crate) immutable: bool,
}

/// What a signature is made of.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// One task, with these keyword arguments.
    Task(Raw),
    /// One after the other.
    Chain(Vec<Link>),
    /// All at once.
    Group(Vec<Link>),
    /// All at once, and then one with all their results.
    Chord { header: Vec<Link>, body: Box<Link> },
}

impl Link {
    /// What is called, and with what: the same for each copy of a signature, whatever its ids.
    pub(crate) fn identity(&self) -> Value {
        let wire = Wire::from(Self { options: Options::default(), ..self.clone() });
        serde_json::to_value(wire).unwrap_or_default()
    }

    /// A signature of these parts that Celery would give the name `celery.<type>`.
    pub(crate) fn composite(kind: Kind, options: Options) -> Self {
        let task = format!("celery.{}", kind.subtask_type().unwrap_or_default());
        Self { task, args: Vec::new(), kind, options, immutable: false }
    }
}

impl Kind {
    fn subtask_type(&self) -> Option<&'static str> {
        match self {
            Self::Task(_) => None,
            Self::Chain(_) => Some("chain"),
            Self::Group(_) => Some("group"),
            Self::Chord { .. } => Some("chord"),
        }
    }
}

/// The same as it stands in JSON.
#[derive(Serialize)]
struct Wire {
    task: String,
    args: Vec<Raw>,
    kwargs: Raw,
    options: Options,
    subtask_type: Option<String>,
    immutable: bool,
}

#[derive(Serialize, Deserialize)]
struct Tasks<T> {
    tasks: T,
}

#[derive(Serialize, Deserialize)]
struct Chord<H, B> {
    kwargs: Raw,
    header: H,
    body: B,
}

/// What is missing or null is empty: clients of other languages leave it out.
impl TryFrom<Options> for Link {
    type Error = String;

    fn try_from(signature: Options) -> Result<Self, String> {
        let subtask_type: Option<String> = signature.get("subtask_type")?;
        let subtask_type = subtask_type.filter(|kind| !kind.is_empty());
        let named = signature.get("task")?;
        let task: String = named
            .or_else(|| subtask_type.as_ref().map(|kind| format!("celery.{kind}")))
            .ok_or("a signature that names no task")?;
        let args = signature.get("args")?.unwrap_or_default();
        let kwargs = signature.get("kwargs")?.unwrap_or_else(|| raw(&serde_json::Map::new()));
        let options = signature.get("options")?.unwrap_or_default();
        let immutable = signature.value("immutable").is_some_and(|value| is_true(&value));
        let tasks = |kwargs: &Raw| read::<Tasks<Vec<Self>>>(kwargs).map(|kwargs| kwargs.tasks);
        let kind = match subtask_type.as_deref() {
            None => Kind::Task(kwargs),
            Some("chain") => Kind::Chain(tasks(&kwargs)?),
            Some("group") => Kind::Group(tasks(&kwargs)?),
            Some("chord") => {
                let Chord { kwargs, header, body } = read::<Chord<Raw, Self>>(&kwargs)?;
                if kwargs.get() != "{}" {
                    return Err("a chord with keyword arguments of its own".into());
                }
                Kind::Chord { header: header_tasks(&header)?, body: Box::new(body) }
            }
            Some(other) => return Err(format!("a signature of the type {other:?}")),
        };
        Ok(Self { task, args, kind, options, immutable })
    }
}

/// A list of signatures, or one: a group or a chain stands for its tasks.
fn header_tasks(header: &RawValue) -> Result<Vec<Link>, String> {
    if header.get().starts_with('[') {
        return read(header);
    }
    let link: Link = read(header)?;
    Ok(match link.kind {
        Kind::Group(tasks) | Kind::Chain(tasks) => tasks,
        _ => vec![link],
    })
}

fn read<T: DeserializeOwned>(json: &RawValue) -> Result<T, String> {
    serde_json::from_str(json.get()).map_err(|error| error.to_string())
}

impl From<Link> for Wire {
    fn from(Link { task, args, kind, options, immutable }: Link) -> Self {
        let subtask_type = kind.subtask_type().map(str::to_owned);
        let kwargs = match kind {
            Kind::Task(kwargs) => kwargs,
            Kind::Chain(tasks) | Kind::Group(tasks) => raw(&Tasks { tasks }),
            Kind::Chord { header, body } => {
                raw(&Chord { kwargs: raw(&serde_json::Map::new()), header, body })
            }
        };
        Self { task, args, kwargs, options, subtask_type, immutable }
    }
}

/// The options of a signature, in the order in which they were set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options(Vec<(String, Raw)>);

impl Options {
    /// The option `name`; none where it is absent or null.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        let Some((_, value)) = self.0.iter().find(|(key, _)| key == name) else { return Ok(None) };
        serde_json::from_str(value.get()).map_err(|error| format!("the option {name}: {error}"))
    }

    /// The same as a value, whatever it is; none where it is absent or can't be understood.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        self.get(name).ok().flatten()
    }

    /// A list, or one that stands for a list of one.
    pub(crate) fn links(&self, name: &str) -> Result<Vec<Link>, String> {
        let Some((_, value)) = self.0.iter().find(|(key, _)| key == name) else {
            return Ok(Vec::new());
        };
        links(value).map_err(|error| format!("the option {name}: {error}"))
    }

    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.insert(name, raw(value));
    }

    /// Sets it where it is absent or null.
    pub(crate) fn set_default<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if !self.has(name) {
            self.set(name, value);
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && value.get() != "null")
    }

    pub(crate) fn insert(&mut self, name: &str, value: Raw) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Raw> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Raw)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Signatures in a list, one by itself, or null for none.
pub(super) fn links(json: &RawValue) -> Result<Vec<Link>, String> {
    match json.get().as_bytes().first() {
        Some(b'n') => Ok(Vec::new()),
        Some(b'[') => read(json),
        _ => read(json).map(|link| vec![link]),
    }
}

/// Whether it is nested no deeper than serde_json allows: what is read piece by piece escapes its limit.
pub(super) fn is_shallow(json: &RawValue) -> Result<(), String> {
    read::<Value>(json).map(drop)
}

impl FromIterator<(String, Raw)> for Options {
    fn from_iter<I: IntoIterator<Item = (String, Raw)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Options;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("options")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
                // Of two with the same name the later one counts, as in Python.
                let mut places: HashMap<String, usize> = HashMap::new();
                let mut options = Options::default();
                while let Some((name, value)) = map.next_entry::<String, Raw>()? {
                    match places.get(&name) {
                        Some(place) => options.0[*place].1 = value,
                        None => {
                            places.insert(name.clone(), options.0.len());
                            options.0.push((name, value));
                        }
                    }
                }
                Ok(options)
            }
        }
        from.deserialize_map(InOrder)
    }
}
