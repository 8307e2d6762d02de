//! What a command answers when it cannot do its work: Redis' own words, one variant a meaning.
//!
//! Clients compare these texts (`WRONGTYPE`, `NOSCRIPT`, `BUSYKEY` …), so each is written once,
//! with the code that leads it.

use std::borrow::Cow;
use std::fmt;

/// An error reply, without its leading `-`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The key holds another kind of value.
    WrongType,
    /// An argument should be an integer of 64 bits.
    NotAnInteger,
    /// An argument should be a finite number.
    NotAFloat,
    /// The options do not fit together.
    Syntax,
    /// Too few or too many arguments for the command named here.
    Arity(String),
    /// A command that needs its key found none.
    NoSuchKey,
    /// An index outside the list.
    IndexOutOfRange,
    /// A count that must not be negative.
    NotPositive,
    /// The cursor of a SCAN is no number.
    InvalidCursor,
    /// The time to live is zero, negative or beyond the calendar: named after the command.
    InvalidExpire(&'static str),
    /// A command of Redis that this server has not.
    NotHere(String),
    /// EVALSHA of a script that is not known.
    NoScript,
    /// Said by one command only; the text carries its code.
    Said(Cow<'static, str>),
}

impl Fault {
    /// An `ERR` with this text.
    pub(crate) fn err(text: impl fmt::Display) -> Self {
        Self::Said(Cow::Owned(format!("ERR {text}")))
    }
}

impl From<&'static str> for Fault {
    fn from(text: &'static str) -> Self {
        Self::Said(Cow::Borrowed(text))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::NotAFloat => "ERR value is not a valid float",
            Self::Syntax => "ERR syntax error",
            Self::NoSuchKey => "ERR no such key",
            Self::IndexOutOfRange => "ERR index out of range",
            Self::NotPositive => "ERR value is out of range, must be positive",
            Self::InvalidCursor => "ERR invalid cursor",
            Self::NoScript => "NOSCRIPT No matching script. Please use EVAL.",
            Self::Said(text) => text,
            Self::Arity(name) => {
                return write!(f, "ERR wrong number of arguments for '{name}' command");
            }
            Self::NotHere(name) => {
                return write!(
                    f,
                    "ERR {name} is not in the built-in broker: start a redis-server instead"
                );
            }
            Self::InvalidExpire(name) => {
                return write!(f, "ERR invalid expire time in '{name}' command");
            }
        };
        f.write_str(text)
    }
}
