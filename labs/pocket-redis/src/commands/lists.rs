//! Lists: push, pop, look, cut. Moves between lists are in `list_moves.rs`, waiting in
//! `list_wait.rs`.

use crate::blocking::End;
use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::value::List;

/// `LPUSH key element …`
pub(crate) fn lpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Left)
}

/// `RPUSH key element …`
pub(crate) fn rpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Right)
}

/// `LPUSHX key element …`: only if the list exists.
pub(crate) fn lpushx(call: &mut Call<'_>) -> Outcome {
    push_if_there(call, End::Left)
}

/// `RPUSHX key element …`: only if the list exists.
pub(crate) fn rpushx(call: &mut Call<'_>) -> Outcome {
    push_if_there(call, End::Right)
}

fn push_if_there(call: &mut Call<'_>, end: End) -> Outcome {
    let key = &call.args[1];
    match call.get::<List>(key)? {
        Some(_) => push(call, end),
        None => Ok(Reply::Int(0)),
    }
}

fn push(call: &mut Call<'_>, end: End) -> Outcome {
    let (key, elements) = (&call.args[1], &call.args[2..]);
    let list = call.get_or_new::<List>(key)?;
    for element in elements {
        put(list, end, element.clone());
    }
    let length = list.len();
    call.changed(key);
    Ok(Reply::count(length))
}

/// Puts an element at an end.
pub(crate) fn put(list: &mut List, end: End, element: Vec<u8>) {
    match end {
        End::Left => list.push_front(element),
        End::Right => list.push_back(element),
    }
}

/// Takes an element from an end.
pub(crate) fn take(list: &mut List, end: End) -> Option<Vec<u8>> {
    match end {
        End::Left => list.pop_front(),
        End::Right => list.pop_back(),
    }
}

/// `LPOP key [count]`
pub(crate) fn lpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Left)
}

/// `RPOP key [count]`
pub(crate) fn rpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Right)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let args = call.args;
    if args.len() > 3 {
        return Err(call.arity());
    }
    let count = args.get(2).map(|text| positive(text)).transpose()?;
    let Some(list) = call.get_mut::<List>(&args[1])? else {
        return Ok(if count.is_some() { Reply::NullArray } else { Reply::Null });
    };
    let reply = match count {
        None => Reply::bulk_or_null(take(list, end)),
        Some(count) => Reply::Array(take_many(list, end, count)),
    };
    if count != Some(0) {
        call.changed(&args[1]);
    }
    Ok(reply)
}

/// Takes up to `count` elements from an end, in the order in which they come off.
pub(crate) fn take_many(list: &mut List, end: End, count: usize) -> Vec<Reply> {
    let count = count.min(list.len());
    (0..count).filter_map(|_| take(list, end)).map(Reply::Bulk).collect()
}

/// A count that must not be negative.
pub(crate) fn positive(text: &[u8]) -> Result<usize, Fault> {
    parse_int(text).and_then(|n| usize::try_from(n).ok()).ok_or(Fault::NotPositive)
}

/// `LLEN key`
pub(crate) fn llen(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::count(call.get::<List>(key)?.map_or(0, List::len)))
}

/// `LINDEX key index`
pub(crate) fn lindex(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let Some(list) = call.get::<List>(&args[1])? else {
        return Ok(Reply::Null);
    };
    let index = parse_int(&args[2]).ok_or(Fault::NotAnInteger)?;
    Ok(Reply::bulk_or_null(place(index, list.len()).and_then(|at| list.get(at))))
}

/// An index from the front or, if negative, from the end.
pub(crate) fn place(index: i64, length: usize) -> Option<usize> {
    let length_signed = i64::try_from(length).ok()?;
    let index = if index < 0 { index.checked_add(length_signed)? } else { index };
    usize::try_from(index).ok().filter(|at| *at < length)
}

/// A range with both ends included, each counted from the end if negative; as a plain range.
pub(crate) fn span(start: i64, stop: i64, length: usize) -> std::ops::Range<usize> {
    let signed = i64::try_from(length).unwrap_or(i64::MAX);
    let from_end = |n: i64| if n < 0 { n.saturating_add(signed) } else { n };
    let start = usize::try_from(from_end(start)).unwrap_or(0);
    let end = usize::try_from(from_end(stop).saturating_add(1)).unwrap_or(0).min(length);
    if start >= end { 0..0 } else { start..end }
}

/// `LRANGE key start stop`
pub(crate) fn lrange(call: &mut Call<'_>) -> Outcome {
    let (start, stop) = (call.int(2)?, call.int(3)?);
    let key = &call.args[1];
    let Some(list) = call.get::<List>(key)? else {
        return Ok(Reply::Array(Vec::new()));
    };
    Ok(Reply::bulks(list.range(span(start, stop, list.len()))))
}

/// `LTRIM key start stop`
pub(crate) fn ltrim(call: &mut Call<'_>) -> Outcome {
    let (start, stop) = (call.int(2)?, call.int(3)?);
    let key = &call.args[1];
    if let Some(list) = call.get_mut::<List>(key)? {
        let span = span(start, stop, list.len());
        list.truncate(span.end);
        list.drain(..span.start);
        call.changed(key);
    }
    Ok(Reply::OK)
}

/// `LSET key index element`
pub(crate) fn lset(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let list = call.get_mut::<List>(&args[1])?.ok_or(Fault::NoSuchKey)?;
    let index = parse_int(&args[2]).ok_or(Fault::NotAnInteger)?;
    let at = place(index, list.len()).ok_or(Fault::IndexOutOfRange)?;
    list[at].clone_from(&args[3]);
    call.changed(&args[1]);
    Ok(Reply::OK)
}

/// `LREM key count element`: the first `count`, the last `-count`, or all.
pub(crate) fn lrem(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let count = call.int(2)?;
    let Some(list) = call.get_mut::<List>(&args[1])? else {
        return Ok(Reply::Int(0));
    };
    let hits = list.iter().filter(|element| **element == args[3]).count();
    let limit = match usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) {
        0 => hits,
        limit => limit.min(hits),
    };
    // Counted from the front: from the back, the first hits are the ones that stay.
    let skip = if count < 0 { hits - limit } else { 0 };
    let mut seen = 0;
    list.retain(|element| {
        let hit = *element == args[3];
        seen += usize::from(hit);
        !(hit && (skip + 1..=skip + limit).contains(&seen))
    });
    if limit > 0 {
        call.changed(&args[1]);
    }
    Ok(Reply::count(limit))
}

/// `LINSERT key BEFORE | AFTER pivot element`
pub(crate) fn linsert(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let after = match (call.is(2, "after"), call.is(2, "before")) {
        (true, _) => 1,
        (_, true) => 0,
        _ => return Err(Fault::Syntax),
    };
    let Some(list) = call.get_mut::<List>(&args[1])? else {
        return Ok(Reply::Int(0));
    };
    let Some(at) = list.iter().position(|element| *element == args[3]) else {
        return Ok(Reply::Int(-1));
    };
    list.insert(at + after, args[4].clone());
    let length = list.len();
    call.changed(&args[1]);
    Ok(Reply::count(length))
}
