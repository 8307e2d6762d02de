//! Sorted sets: ZPOPMIN, ZPOPMAX, ZMPOP. Waiting for a member is in `zset_wait.rs`.

use crate::blocking::End;
use crate::call::{Call, Outcome};
use crate::commands::lists::positive;
use crate::dict::Key;
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::{Protocol, Reply};
use crate::sorted_set::SortedSet;

/// `ZPOPMIN key [count]`
pub(crate) fn zpopmin(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Left)
}

/// `ZPOPMAX key [count]`
pub(crate) fn zpopmax(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Right)
}

fn pop(call: &mut Call<'_>, from: End) -> Outcome {
    let args = call.args;
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    let count = args.get(2).map(|text| positive(text)).transpose()?;
    let taken = take(call, &args[1], from, count.unwrap_or(1))?.unwrap_or_default();
    let taken = taken.into_iter().map(|(key, score)| (Reply::bulk(key), Reply::Double(score)));
    // Without a count there is one pair, which RESP3 does not nest.
    if count.is_none() && call.protocol == Protocol::Resp3 {
        return Ok(Reply::Array(taken.flat_map(|(member, score)| [member, score]).collect()));
    }
    Ok(Reply::Pairs(taken.collect()))
}

/// Takes up to `count` members from an end; `None` if there is no such key.
pub(crate) fn take(
    call: &mut Call<'_>,
    key: &[u8],
    from: End,
    count: usize,
) -> Result<Option<Vec<(Key, f64)>>, Fault> {
    let Some(set) = call.get_mut::<SortedSet>(key)? else {
        return Ok(None);
    };
    let count = count.min(set.len());
    let ranks = match from {
        End::Left => 0..count,
        End::Right => set.len() - count..set.len(),
    };
    let mut taken: Vec<_> = set.span(ranks).map(|(key, score)| (key.clone(), score)).collect();
    if from == End::Right {
        taken.reverse();
    }
    for (member, _) in &taken {
        set.remove(member);
    }
    if !taken.is_empty() {
        call.changed(key);
    }
    Ok(Some(taken))
}

/// One member as BZPOPMIN gives it: key, member, score.
pub(crate) fn pop_one(call: &mut Call<'_>, key: &[u8], from: End) -> Result<Option<Reply>, Fault> {
    let taken = take(call, key, from, 1)?.and_then(|taken| taken.into_iter().next());
    Ok(taken.map(|(member, score)| {
        Reply::Array(vec![Reply::bulk(key), Reply::bulk(member), Reply::Double(score)])
    }))
}

/// Several members as ZMPOP gives them: key, and pairs.
pub(crate) fn pop_many(
    call: &mut Call<'_>,
    key: &[u8],
    from: End,
    count: usize,
) -> Result<Option<Reply>, Fault> {
    let Some(taken) = take(call, key, from, count)? else {
        return Ok(None);
    };
    let pairs = taken
        .into_iter()
        .map(|(member, score)| Reply::Array(vec![Reply::bulk(member), Reply::Double(score)]));
    Ok(Some(Reply::Array(vec![Reply::bulk(key), Reply::Array(pairs.collect())])))
}

/// `ZMPOP numkeys key … MIN | MAX [COUNT n]`
pub(crate) fn zmpop(call: &mut Call<'_>) -> Outcome {
    let (keys, from, count) = many(&call.args[1..])?;
    for key in keys {
        if let Some(reply) = pop_many(call, key, from, count)? {
            return Ok(reply);
        }
    }
    Ok(Reply::NullArray)
}

/// Reads what ZMPOP and BZMPOP share: numkeys key … MIN | MAX [COUNT n]
pub(crate) fn many(words: &[Vec<u8>]) -> Result<(&[Vec<u8>], End, usize), Fault> {
    let numkeys = counting(&words[0], "ERR numkeys should be greater than 0")?;
    let rest = &words[1..];
    let from = match rest.get(numkeys).map(|word| word.to_ascii_uppercase()).as_deref() {
        Some(b"MIN") => End::Left,
        Some(b"MAX") => End::Right,
        _ => return Err(Fault::Syntax),
    };
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
