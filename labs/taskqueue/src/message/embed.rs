//! The third part of a message's body: the tasks that follow this one.
//!
//! Most messages have none. Where there are some, they are only read when they are needed, and
//! what can't be read is then this task's failure, not a reason to put its message aside.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::link::{self, Link, Options, Raw, raw};

/// The tasks that follow this one, each null where there is none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
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
}

/// The error names what is no signature, or one of a kind that we don't know.
fn read(name: &str, json: Option<&RawValue>) -> Result<Vec<Link>, String> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let read = link::is_shallow(json).and_then(|()| link::links(json));
    read.map_err(|error| format!("the {name} of this task: {error}"))
}
