//! A range of names in a sorted set, as ZRANGEBYLEX takes it.

use std::ops::Range;

use crate::dict::Key;
use crate::fault::Fault;
use crate::sorted_set::SortedSet;

/// One end of a range of names.
pub(crate) enum NameLimit<'a> {
    Least,
    Most,
    Including(&'a [u8]),
    Excluding(&'a [u8]),
}

/// The ranks of a range of names. Where all scores are the same, as they should be, the names are
/// in order; where they are not, Redis gives what a walk from one end meets, and so does this, as
/// long as the set is small.
pub(crate) fn named(
    set: &SortedSet,
    reverse: bool,
    min: &NameLimit<'_>,
    max: &NameLimit<'_>,
) -> Range<usize> {
    const SMALL: usize = 128;
    if set.len() > SMALL {
        return set.named(|name| !above(name, min), |name| below(name, max));
    }
    let names: Vec<&Key> = set.iter().map(|(name, _)| name).collect();
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return 0..0;
    };
    if !above(last, min) || !below(first, max) {
        return 0..0;
    }
    if reverse {
        let end = names.iter().rposition(|name| below(name, max)).map_or(0, |at| at + 1);
        let start = names[..end].iter().rposition(|name| !above(name, min));
        return start.map_or(0, |at| at + 1)..end;
    }
    let start = names.iter().position(|name| above(name, min)).unwrap_or(names.len());
    let length = names[start..].iter().position(|name| !below(name, max));
    start..length.map_or(names.len(), |length| start + length)
}

/// Reads one end.
pub(crate) fn name_limit(text: &[u8]) -> Result<NameLimit<'_>, Fault> {
    match text {
        b"-" => Ok(NameLimit::Least),
        b"+" => Ok(NameLimit::Most),
        [b'[', name @ ..] => Ok(NameLimit::Including(name)),
        [b'(', name @ ..] => Ok(NameLimit::Excluding(name)),
        _ => Err("ERR min or max not valid string range item".into()),
    }
}

fn above(name: &[u8], limit: &NameLimit<'_>) -> bool {
    match limit {
        NameLimit::Least => true,
        NameLimit::Most => false,
        NameLimit::Including(end) => name >= *end,
        NameLimit::Excluding(end) => name > *end,
    }
}

fn below(name: &[u8], limit: &NameLimit<'_>) -> bool {
    match limit {
        NameLimit::Least => false,
        NameLimit::Most => true,
        NameLimit::Including(end) => name <= *end,
        NameLimit::Excluding(end) => name < *end,
    }
}
