//! What a key can hold: five kinds, and how a command asks for the one it works on.

use std::collections::VecDeque;

use crate::dict::Dict;
use crate::number::parse_int;
use crate::sorted_set::SortedSet;

/// A string of bytes.
pub(crate) type Text = Vec<u8>;
/// Elements from left to right.
pub(crate) type List = VecDeque<Vec<u8>>;
/// Fields and their values.
pub(crate) type Hash = Dict<Vec<u8>>;
/// Members.
pub(crate) type Set = Dict<()>;

/// The value of a key.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Text),
    List(List),
    Hash(Hash),
    Set(Set),
    SortedSet(SortedSet),
}

impl Value {
    /// As TYPE answers.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
        }
    }

    /// A collection without elements, which Redis does not keep.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::SortedSet(set) => set.is_empty(),
        }
    }

    /// As OBJECT ENCODING would answer for such a value in Redis, whose default limits these are.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Text(text) if text.len() <= 20 && parse_int(text).is_some() => "int",
            Self::Text(text) if text.len() <= 44 => "embstr",
            Self::Text(_) => "raw",
            Self::List(_) => "quicklist",
            Self::Hash(hash) => {
                let small = |(field, value): (&_, &Vec<u8>)| is_short(field) && value.len() <= 64;
                packed(hash.len() <= 512 && hash.iter().all(small), "listpack", "hashtable")
            }
            Self::Set(set) => {
                let numbers = set.len() <= 512 && set.keys().all(|key| parse_int(key).is_some());
                packed(numbers, "intset", "hashtable")
            }
            Self::SortedSet(set) => {
                let small = set.len() <= 128 && set.scores().keys().all(is_short);
                packed(small, "listpack", "skiplist")
            }
        }
    }

    /// About how many bytes of payload this value holds.
    pub(crate) fn size(&self) -> usize {
        const ENTRY: usize = 48;
        match self {
            Self::Text(text) => text.len(),
            Self::List(list) => list.iter().map(|item| item.len() + ENTRY / 2).sum(),
            Self::Hash(hash) => hash.iter().map(|(k, v)| k.len() + v.len() + ENTRY).sum(),
            Self::Set(set) => set.keys().map(|key| key.len() + ENTRY).sum(),
            Self::SortedSet(set) => set.iter().map(|(key, _)| key.len() + 2 * ENTRY).sum(),
        }
    }
}

fn is_short(key: &crate::dict::Key) -> bool {
    key.len() <= 64
}

fn packed(small: bool, yes: &'static str, no: &'static str) -> &'static str {
    if small { yes } else { no }
}

/// A kind of value, so that a command can ask for `get::<List>(key)`.
pub(crate) trait Kind: Default {
    /// The value as this kind, if it is one.
    fn of(value: &Value) -> Option<&Self>;
    /// The same, to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// The value that holds this.
    fn wrap(self) -> Value;
}

macro_rules! kinds {
    ($($kind:ident),*) => {$(
        impl Kind for $kind {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$kind(inner) = value { Some(inner) } else { None }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$kind(inner) = value { Some(inner) } else { None }
            }

            fn wrap(self) -> Value {
                Value::$kind(self)
            }
        }
    )*};
}

kinds!(Text, List, Hash, Set, SortedSet);
