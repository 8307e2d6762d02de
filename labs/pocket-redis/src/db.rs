//! One of the sixteen databases: keys, their values, and when they end.
//!
//! A key with a deadline also stands in a tree ordered by deadline, so that the periodic sweep
//! finds what is due without looking at the rest. The clock is an argument: nothing here reads it.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::dict::{Dict, Element, Key};
use crate::value::Value;

/// How a string came about, which OBJECT ENCODING tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Made {
    /// As a whole.
    #[default]
    Whole,
    /// By APPEND or SETRANGE: Redis leaves it room to grow.
    InPlace,
    /// By INCRBYFLOAT: Redis keeps it as text, even if it is an integer.
    AsText,
}

/// A value and its deadline in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    deadline: Option<i64>,
    made: Made,
    /// When it was read or written last.
    used: Cell<i64>,
}

/// The keys of a database are never packed.
impl Element for Entry {
    fn packs(&self, _key: &[u8], _length: usize) -> bool {
        false
    }
}

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Db {
    entries: Dict<Entry>,
    deadlines: BTreeSet<(i64, Key)>,
}

impl Db {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many keys have a deadline.
    pub(crate) fn expiring(&self) -> usize {
        self.deadlines.len()
    }

    /// All keys, for KEYS, SCAN and RANDOMKEY.
    pub(crate) fn entries(&self) -> &Dict<Entry> {
        &self.entries
    }

    pub(crate) fn value(&self, key: &[u8]) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Notes that a key is used now.
    pub(crate) fn touch(&self, key: &[u8], now: i64) {
        if let Some(entry) = self.entries.get(key) {
            entry.used.set(now);
        }
    }

    /// When a key was read or written last.
    pub(crate) fn last_used(&self, key: &[u8]) -> Option<i64> {
        self.entries.get(key).map(|entry| entry.used.get())
    }

    pub(crate) fn made(&self, key: &[u8]) -> Made {
        self.entries.get(key).map_or(Made::Whole, |entry| entry.made)
    }

    pub(crate) fn set_made(&mut self, key: &[u8], made: Made) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.made = made;
        }
    }

    pub(crate) fn value_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Puts a value. The deadline of what was there stays.
    pub(crate) fn put(&mut self, key: &[u8], value: Value) {
        match self.entries.get_mut(key) {
            Some(entry) => (entry.value, entry.made) = (value, Made::Whole),
            None => {
                let (made, used) = (Made::Whole, Cell::new(0));
                self.entries.insert(key, Entry { value, deadline: None, made, used });
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        self.set_deadline(key, None);
        self.entries.remove(key).map(|entry| entry.value)
    }

    pub(crate) fn deadline(&self, key: &[u8]) -> Option<i64> {
        self.entries.get(key)?.deadline
    }

    /// Sets or clears the deadline of a key that exists.
    pub(crate) fn set_deadline(&mut self, key: &[u8], deadline: Option<i64>) {
        let Some(shared) = self.entries.key(key).cloned() else {
            return;
        };
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut entry.deadline, deadline) {
            self.deadlines.remove(&(old, shared.clone()));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, shared));
        }
    }

    /// Whether the key is past its deadline.
    pub(crate) fn is_due(&self, key: &[u8], now: i64) -> bool {
        self.deadline(key).is_some_and(|deadline| deadline < now)
    }

    /// The key that has been due for longest.
    pub(crate) fn first_due(&self, now: i64) -> Option<Key> {
        let (deadline, key) = self.deadlines.first()?;
        (*deadline < now).then(|| key.clone())
    }
}
