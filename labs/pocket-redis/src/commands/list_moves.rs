//! Lists: from one to another, from the first of several, and where an element stands.

use crate::blocking::End;
use crate::call::{Call, Outcome};
use crate::commands::lists::{put, take, take_many};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::value::List;

/// `LEFT or RIGHT.`
pub(crate) fn end(word: &[u8]) -> Result<End, Fault> {
    match word.to_ascii_uppercase().as_slice() {
        b"LEFT" => Ok(End::Left),
        b"RIGHT" => Ok(End::Right),
        _ => Err(Fault::Syntax),
    }
}

/// `LMOVE source target LEFT | RIGHT LEFT | RIGHT`
pub(crate) fn lmove(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let (from, to) = (end(&args[3])?, end(&args[4])?);
    Ok(shift(call, &args[1], &args[2], from, to)?.unwrap_or(Reply::Null))
}

/// `RPOPLPUSH source target`
pub(crate) fn rpoplpush(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    Ok(shift(call, &args[1], &args[2], End::Right, End::Left)?.unwrap_or(Reply::Null))
}

/// Moves one element; `None` if the source is empty. Source and target may be the same list.
pub(crate) fn shift(
    call: &mut Call<'_>,
    source: &[u8],
    target: &[u8],
    from: End,
    to: End,
) -> Result<Option<Reply>, Fault> {
    if call.get::<List>(source)?.is_none() {
        return Ok(None);
    }
    // Look before the element is taken: a refused move must lose nothing.
    call.get::<List>(target)?;
    let taken = call.get_mut::<List>(source)?.and_then(|list| take(list, from));
    let Some(element) = taken else {
        return Ok(None);
    };
    let reply = Reply::bulk(&element);
    put(call.get_or_new::<List>(target)?, to, element);
    call.changed(source);
    call.changed(target);
    Ok(Some(reply))
}

/// `LMPOP numkeys key … LEFT | RIGHT [COUNT n]`
pub(crate) fn lmpop(call: &mut Call<'_>) -> Outcome {
    let (keys, from, count) = many(&call.args[1..])?;
    for key in keys {
        if let Some(reply) = pop_many(call, key, from, count)? {
            return Ok(reply);
        }
    }
    Ok(Reply::NullArray)
}

/// Pops up to `count` elements: the key and what came off it, or `None` if there is nothing.
pub(crate) fn pop_many(
    call: &mut Call<'_>,
    key: &[u8],
    from: End,
    count: usize,
) -> Result<Option<Reply>, Fault> {
    let Some(list) = call.get_mut::<List>(key)? else {
        return Ok(None);
    };
    let elements = take_many(list, from, count);
    call.changed(key);
    Ok(Some(Reply::Array(vec![Reply::bulk(key), Reply::Array(elements)])))
}

/// Reads what LMPOP and BLMPOP share: numkeys key … LEFT | RIGHT [COUNT n]
pub(crate) fn many(words: &[Vec<u8>]) -> Result<(&[Vec<u8>], End, usize), Fault> {
    let numkeys = counting(&words[0], "ERR numkeys should be greater than 0")?;
    let rest = &words[1..];
    let side = rest.get(numkeys).ok_or(Fault::Syntax)?;
    let from = end(side)?;
    let count = match &rest[numkeys + 1..] {
        [] => 1,
        [word, count] if word.eq_ignore_ascii_case(b"count") => {
            counting(count, "ERR count should be greater than 0")?
        }
        _ => return Err(Fault::Syntax),
    };
    Ok((&rest[..numkeys], from, count))
}

fn counting(text: &[u8], complaint: &'static str) -> Result<usize, Fault> {
    let number = parse_int(text).and_then(|n| usize::try_from(n).ok());
    number.filter(|n| *n > 0).ok_or(complaint.into())
}

/// What LPOS is asked for.
struct Search {
    rank: i64,
    count: Option<usize>,
    limit: usize,
}

/// `LPOS key element [RANK n] [COUNT n] [MAXLEN n]`
pub(crate) fn lpos(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let search = search(&args[3..])?;
    let empty = List::new();
    let list = call.get::<List>(&args[1])?.unwrap_or(&empty);
    let skip = usize::try_from(search.rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let wanted = match search.count {
        None => 1,
        Some(0) => usize::MAX,
        Some(count) => count,
    };
    let is_hit = |(_, element): &(usize, &Vec<u8>)| **element == args[2];
    let places: Vec<usize> = if search.rank > 0 {
        let hits = list.iter().enumerate().take(search.limit).filter(is_hit);
        hits.map(|(at, _)| at).skip(skip).take(wanted).collect()
    } else {
        let hits = list.iter().enumerate().rev().take(search.limit).filter(is_hit);
        hits.map(|(at, _)| at).skip(skip).take(wanted).collect()
    };
    match search.count {
        Some(_) => Ok(Reply::Array(places.into_iter().map(Reply::count).collect())),
        None => Ok(places.first().map_or(Reply::Null, |at| Reply::count(*at))),
    }
}

fn search(words: &[Vec<u8>]) -> Result<Search, Fault> {
    let mut search = Search { rank: 1, count: None, limit: usize::MAX };
    for option in words.chunks(2) {
        let [name, value] = option else {
            return Err(Fault::Syntax);
        };
        match name.to_ascii_uppercase().as_slice() {
            b"RANK" => search.rank = rank(value)?,
            b"COUNT" => search.count = Some(bound(value, "ERR COUNT can't be negative")?),
            b"MAXLEN" => {
                let limit = bound(value, "ERR MAXLEN can't be negative")?;
                search.limit = if limit == 0 { usize::MAX } else { limit };
            }
            _ => return Err(Fault::Syntax),
        }
    }
    Ok(search)
}

fn rank(text: &[u8]) -> Result<i64, Fault> {
    match parse_int(text) {
        None => Err(Fault::NotAnInteger),
        Some(0) => Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
             second ... or use negative to start from the end of the list"
            .into()),
        // The one number without a positive twin: Redis 7.0 takes it for -1.
        Some(i64::MIN) => Ok(-1),
        Some(rank) => Ok(rank),
    }
}

fn bound(text: &[u8], complaint: &'static str) -> Result<usize, Fault> {
    let number = parse_int(text).and_then(|n| usize::try_from(n).ok());
    number.ok_or(complaint.into())
}
