//! SCAN and its relatives. Why a scan misses nothing is told in `dict.rs`.

use crate::call::{Call, Outcome};
use crate::dict::{Dict, Key};
use crate::fault::Fault;
use crate::glob;
use crate::number::{format_double, parse_int};
use crate::reply::Reply;
use crate::sorted_set::SortedSet;
use crate::value::{Hash, Set, Value};

/// `MATCH, COUNT` and TYPE.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    kind: Option<&'a [u8]>,
}

impl Options<'_> {
    fn accepts(&self, key: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, key))
    }
}

/// `SCAN cursor [MATCH pattern] [COUNT n] [TYPE name]`
pub(crate) fn scan(call: &mut Call<'_>) -> Outcome {
    let cursor = cursor(&call.args[1])?;
    let options = options(&call.args[2..], true)?;
    let (next, step) = call.db().entries().scan(cursor, options.count);
    let keys: Vec<Key> = step.iter().map(|(key, _)| key.clone()).collect();
    let found = keys.into_iter().filter(|key| {
        let kind = call.value(key).map(Value::type_name);
        let wanted =
            |name: &[u8]| kind.is_some_and(|kind| name.eq_ignore_ascii_case(kind.as_bytes()));
        kind.is_some() && options.accepts(key) && options.kind.is_none_or(wanted)
    });
    Ok(answer(next, found.map(Reply::bulk).collect()))
}

/// `HSCAN key cursor [MATCH pattern] [COUNT n]`
pub(crate) fn hscan(call: &mut Call<'_>) -> Outcome {
    let (cursor, small) = begin(call)?;
    let args = call.args;
    let Some(hash) = call.get::<Hash>(&args[1])? else {
        return Ok(answer(0, Vec::new()));
    };
    step(hash, cursor, small, &args[3..], |field, value| {
        vec![Reply::bulk(field), Reply::bulk(value)]
    })
}

/// `SSCAN key cursor [MATCH pattern] [COUNT n]`
pub(crate) fn sscan(call: &mut Call<'_>) -> Outcome {
    let (cursor, small) = begin(call)?;
    let args = call.args;
    let Some(set) = call.get::<Set>(&args[1])? else {
        return Ok(answer(0, Vec::new()));
    };
    step(set, cursor, small, &args[3..], |member, ()| vec![Reply::bulk(member)])
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT n]`
pub(crate) fn zscan(call: &mut Call<'_>) -> Outcome {
    let (cursor, small) = begin(call)?;
    let args = call.args;
    let Some(set) = call.get::<SortedSet>(&args[1])? else {
        return Ok(answer(0, Vec::new()));
    };
    step(set.scores(), cursor, small, &args[3..], |member, score| {
        vec![Reply::bulk(member), Reply::bulk(format_double(*score))]
    })
}

/// Reads the cursor; says whether Redis would return the whole collection in one step.
fn begin(call: &mut Call<'_>) -> Result<(u64, bool), Fault> {
    let args = call.args;
    let cursor = cursor(&args[2])?;
    let small = |value: &Value| matches!(value.encoding(), "listpack" | "intset");
    Ok((cursor, call.value(&args[1]).is_some_and(small)))
}

fn step<V>(
    dict: &Dict<V>,
    cursor: u64,
    small: bool,
    words: &[Vec<u8>],
    each: impl Fn(&[u8], &V) -> Vec<Reply>,
) -> Outcome {
    let options = options(words, false)?;
    let (cursor, count) = if small { (0, dict.len()) } else { (cursor, options.count) };
    let (next, found) = dict.scan(cursor, count);
    let found = found.iter().filter(|(key, _)| options.accepts(key));
    Ok(answer(next, found.flat_map(|(key, value)| each(key, value)).collect()))
}

fn cursor(text: &[u8]) -> Result<u64, Fault> {
    // As C's `strtoul`, which ends at a zero byte, takes nothing for zero, and counts from the
    // largest number down where there is a minus.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let (minus, digits) = match text {
        [] => return Ok(0),
        [sign @ (b'-' | b'+'), digits @ ..] => (*sign == b'-', digits),
        digits => (false, digits),
    };
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
    let number: Option<u64> = digits.and_then(|digits| digits.parse().ok());
    let number = number.ok_or(Fault::InvalidCursor)?;
    Ok(if minus { number.wrapping_neg() } else { number })
}

fn options(words: &[Vec<u8>], whole_db: bool) -> Result<Options<'_>, Fault> {
    let mut options = Options { pattern: None, count: 10, kind: None };
    for option in words.chunks(2) {
        let [name, value] = option else {
            return Err(Fault::Syntax);
        };
        match name.to_ascii_uppercase().as_slice() {
            b"MATCH" => options.pattern = Some(value),
            b"TYPE" if whole_db => options.kind = Some(value),
            b"COUNT" => {
                let count = parse_int(value).ok_or(Fault::NotAnInteger)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                options.count = count.ok_or(Fault::Syntax)?;
            }
            _ => return Err(Fault::Syntax),
        }
    }
    Ok(options)
}

fn answer(next: u64, found: Vec<Reply>) -> Reply {
    Reply::Array(vec![Reply::bulk(next.to_string()), Reply::Array(found)])
}
