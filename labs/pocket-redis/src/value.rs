//! What a key can hold: five kinds, and how a command asks for the one it works on.

use std::collections::VecDeque;

use crate::dict::{Dict, Element};
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

    /// As OBJECT ENCODING would answer for such a value in Redis.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Self::Text(text) if text.len() <= 20 && parse_int(text).is_some() => "int",
            Self::Text(text) if text.len() <= 44 => "embstr",
            Self::Text(_) => "raw",
            Self::List(_) => "quicklist",
            Self::Hash(hash) => packed(hash, "listpack", "hashtable"),
            Self::Set(set) => packed(set, "intset", "hashtable"),
            Self::SortedSet(set) => packed(set.scores(), "listpack", "skiplist"),
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

fn packed<V>(dict: &Dict<V>, yes: &'static str, no: &'static str) -> &'static str {
    if dict.is_packed() { yes } else { no }
}

/// Redis' default limits: as many bytes of a name or a value go into a listpack.
const MAX_PACKED: usize = 64;

/// A field of a hash.
impl Element for Vec<u8> {
    fn packs(&self, key: &[u8], length: usize) -> bool {
        length <= 512 && key.len() <= MAX_PACKED && self.len() <= MAX_PACKED
    }
}

/// A member of a set.
impl Element for () {
    fn packs(&self, key: &[u8], length: usize) -> bool {
        length <= 512 && parse_int(key).is_some()
    }
}

/// A member of a sorted set.
impl Element for f64 {
    fn packs(&self, key: &[u8], length: usize) -> bool {
        length <= 128 && key.len() <= MAX_PACKED
    }
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
