//! What a command answers, and its bytes in RESP2 and RESP3.
//!
//! A command says what it means (a map, a score, nothing) and not how that looks: RESP3 has maps,
//! sets, doubles and a null of its own, where RESP2 flattens them into arrays and bulk strings.

use crate::fault::Fault;
use crate::number::format_double;

/// The protocol that a client chose with HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    /// What every client speaks until it says HELLO 3.
    #[default]
    Resp2,
    /// Typed replies, and pushes beside them.
    Resp3,
}

/// The most that one answer may hold, in bytes: a key that is named often is copied as often.
pub(crate) const MAX_ANSWER: usize = 512 * 1024 * 1024;
/// What is said of one that would hold more.
pub(crate) const TOO_LARGE: &str = "ERR the answer would be larger than 512 MiB";

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// `+OK` and the like.
    Status(&'static str),
    /// A status that a script made up.
    StatusText(String),
    /// An error, with its code.
    Error(String),
    /// A whole number.
    Int(i64),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// Text for people; RESP3 marks it as such.
    Verbatim(String),
    /// No value where a string would stand.
    Null,
    /// No value where an array would stand.
    NullArray,
    /// A score.
    Double(f64),
    /// Answers in order.
    Array(Vec<Reply>),
    /// Keys and values; RESP2 lists them in turn.
    Map(Vec<(Reply, Reply)>),
    /// Members with their scores; RESP2 lists them in turn, RESP3 nests each pair.
    Pairs(Vec<(Reply, Reply)>),
    /// Members without an order.
    Set(Vec<Reply>),
    /// A message beside the replies, as pub/sub sends it.
    Push(Vec<Reply>),
    /// Several answers to one command (SUBSCRIBE a b), or none at all.
    Sequence(Vec<Reply>),
}

impl Reply {
    /// `+OK`
    pub(crate) const OK: Self = Self::Status("OK");
    /// Nothing now: the answer comes later, or never.
    pub(crate) const NOTHING: Self = Self::Sequence(Vec::new());

    /// A length or a count.
    pub(crate) fn count(n: usize) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// `:1` or `:0`, which Redis uses for yes and no.
    pub(crate) fn flag(yes: bool) -> Self {
        Self::Int(i64::from(yes))
    }

    /// A copy of these bytes.
    pub(crate) fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(bytes.as_ref().to_vec())
    }

    /// The bytes, or null.
    pub(crate) fn bulk_or_null(bytes: Option<impl AsRef<[u8]>>) -> Self {
        bytes.map_or(Self::Null, Self::bulk)
    }

    /// An array of strings.
    pub(crate) fn bulks<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::Array(items.into_iter().map(Self::bulk).collect())
    }

    /// About how many bytes of payload this answer holds.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Bulk(bytes) => bytes.len(),
            Self::Verbatim(text) | Self::StatusText(text) | Self::Error(text) => text.len(),
            Self::Array(items) | Self::Set(items) | Self::Push(items) | Self::Sequence(items) => {
                items.iter().map(|item| size_of_val(item) + item.size()).sum()
            }
            Self::Map(pairs) | Self::Pairs(pairs) => {
                pairs.iter().map(|(a, b)| size_of_val(a) * 2 + a.size() + b.size()).sum()
            }
            _ => 0,
        }
    }

    /// Appends the bytes that `protocol` has for this answer.
    pub(crate) fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) {
        match self {
            Self::Status(text) => line(out, b'+', text.as_bytes()),
            Self::StatusText(text) => line(out, b'+', text.replace(['\r', '\n'], " ").as_bytes()),
            Self::Error(text) => error(out, text),
            Self::Int(n) => line(out, b':', n.to_string().as_bytes()),
            Self::Bulk(bytes) => bulk(out, bytes),
            Self::Verbatim(text) => verbatim(protocol, out, text),
            Self::Null | Self::NullArray if protocol == Protocol::Resp3 => line(out, b'_', b""),
            Self::Null => line(out, b'$', b"-1"),
            Self::NullArray => line(out, b'*', b"-1"),
            Self::Double(n) => double(protocol, out, *n),
            Self::Array(items) => aggregate(protocol, out, b'*', items),
            Self::Set(items) => aggregate(protocol, out, or_array(protocol, b'~'), items),
            Self::Push(items) => aggregate(protocol, out, or_array(protocol, b'>'), items),
            Self::Map(pairs) => map(protocol, out, pairs),
            Self::Pairs(pairs) => nested(protocol, out, pairs),
            Self::Sequence(items) => items.iter().for_each(|item| item.encode(protocol, out)),
        }
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::Error(fault.to_string())
    }
}

fn line(out: &mut Vec<u8>, mark: u8, text: &[u8]) {
    out.push(mark);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn header(out: &mut Vec<u8>, mark: u8, length: usize) {
    line(out, mark, length.to_string().as_bytes());
}

/// One line stays one line, whatever a client put into the name of its command.
fn error(out: &mut Vec<u8>, text: &str) {
    let text = text.trim_end_matches(['\r', '\n']).replace(['\r', '\n'], " ");
    line(out, b'-', text.as_bytes());
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn verbatim(protocol: Protocol, out: &mut Vec<u8>, text: &str) {
    match protocol {
        Protocol::Resp2 => bulk(out, text.as_bytes()),
        Protocol::Resp3 => {
            header(out, b'=', text.len() + 4);
            out.extend_from_slice(format!("txt:{text}\r\n").as_bytes());
        }
    }
}

fn double(protocol: Protocol, out: &mut Vec<u8>, number: f64) {
    let text = format_double(number);
    match protocol {
        Protocol::Resp2 => bulk(out, text.as_bytes()),
        Protocol::Resp3 => line(out, b',', text.as_bytes()),
    }
}

/// RESP2 has arrays only.
fn or_array(protocol: Protocol, mark: u8) -> u8 {
    match protocol {
        Protocol::Resp2 => b'*',
        Protocol::Resp3 => mark,
    }
}

fn aggregate(protocol: Protocol, out: &mut Vec<u8>, mark: u8, items: &[Reply]) {
    header(out, mark, items.len());
    for item in items {
        item.encode(protocol, out);
    }
}

fn map(protocol: Protocol, out: &mut Vec<u8>, pairs: &[(Reply, Reply)]) {
    match protocol {
        Protocol::Resp2 => header(out, b'*', pairs.len() * 2),
        Protocol::Resp3 => header(out, b'%', pairs.len()),
    }
    for (key, value) in pairs {
        key.encode(protocol, out);
        value.encode(protocol, out);
    }
}

fn nested(protocol: Protocol, out: &mut Vec<u8>, pairs: &[(Reply, Reply)]) {
    match protocol {
        Protocol::Resp2 => map(protocol, out, pairs),
        Protocol::Resp3 => {
            header(out, b'*', pairs.len());
            for (member, score) in pairs {
                header(out, b'*', 2);
                member.encode(protocol, out);
                score.encode(protocol, out);
            }
        }
    }
}
