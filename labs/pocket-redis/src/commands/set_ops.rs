//! Sets against each other: SINTER, SUNION, SDIFF, their STORE, and SINTERCARD.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::value::{Set, Value};

/// What becomes of the first set by each further one.
type Fold = fn(&mut Set, &Set);

fn union(all: &mut Set, set: &Set) {
    for member in set.keys() {
        all.insert(member, ());
    }
}

fn intersection(all: &mut Set, set: &Set) {
    retain(all, |member| set.contains(member));
}

fn difference(all: &mut Set, set: &Set) {
    retain(all, |member| !set.contains(member));
}

fn retain(set: &mut Set, keep: impl Fn(&[u8]) -> bool) {
    let gone: Vec<_> = set.keys().filter(|member| !keep(member)).cloned().collect();
    for member in gone {
        set.remove(&member);
    }
}

/// `SUNION key …`
pub(crate) fn sunion(call: &mut Call<'_>) -> Outcome {
    give(call, union)
}

/// `SINTER key …`
pub(crate) fn sinter(call: &mut Call<'_>) -> Outcome {
    give(call, intersection)
}

/// `SDIFF key …`
pub(crate) fn sdiff(call: &mut Call<'_>) -> Outcome {
    give(call, difference)
}

/// `SUNIONSTORE target key …`
pub(crate) fn sunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, union)
}

/// `SINTERSTORE target key …`
pub(crate) fn sinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, intersection)
}

/// `SDIFFSTORE target key …`
pub(crate) fn sdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, difference)
}

/// `SINTERCARD numkeys key … [LIMIT n]`
pub(crate) fn sintercard(call: &mut Call<'_>) -> Outcome {
    let (keys, limit) = numbered(&call.args[1..])?;
    let count = combine(call, keys, intersection)?.len();
    Ok(Reply::count(count.min(limit)))
}

/// numkeys key … [LIMIT n]
fn numbered(words: &[Vec<u8>]) -> Result<(&[Vec<u8>], usize), Fault> {
    let number = parse_int(&words[0]).and_then(|n| usize::try_from(n).ok());
    let number = number.filter(|n| *n > 0).ok_or("ERR numkeys should be greater than 0")?;
    let rest = &words[1..];
    if number > rest.len() {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    let (keys, words) = rest.split_at(number);
    Ok((keys, limit(words)?))
}

/// Reads `[LIMIT n]`, where zero is no limit.
pub(crate) fn limit(words: &[Vec<u8>]) -> Result<usize, Fault> {
    match words {
        [] => Ok(usize::MAX),
        [word, limit] if word.eq_ignore_ascii_case(b"limit") => {
            let limit = parse_int(limit).and_then(|n| usize::try_from(n).ok());
            let limit = limit.ok_or("ERR LIMIT can't be negative")?;
            Ok(if limit == 0 { usize::MAX } else { limit })
        }
        _ => Err(Fault::Syntax),
    }
}

fn give(call: &mut Call<'_>, fold: Fold) -> Outcome {
    let all = combine(call, &call.args[1..], fold)?;
    Ok(Reply::Set(all.keys().map(Reply::bulk).collect()))
}

fn store(call: &mut Call<'_>, fold: Fold) -> Outcome {
    let all = combine(call, &call.args[2..], fold)?;
    let count = all.len();
    call.store(&call.args[1], Value::Set(all));
    Ok(Reply::count(count))
}

/// Starts with the first set and lets each further one change it.
fn combine(call: &mut Call<'_>, keys: &[Vec<u8>], fold: Fold) -> Result<Set, Fault> {
    let sets: Vec<Set> = keys.iter().map(|key| whole(call, key)).collect::<Result<_, _>>()?;
    let mut sets = sets.into_iter();
    let mut all = sets.next().unwrap_or_default();
    sets.for_each(|set| fold(&mut all, &set));
    Ok(all)
}

fn whole(call: &mut Call<'_>, key: &[u8]) -> Result<Set, Fault> {
    Ok(call.get::<Set>(key)?.cloned().unwrap_or_default())
}
