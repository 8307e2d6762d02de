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
    let mut all = combine(sets(call, &call.args[2..])?, union);
    all.pack();
    store(call, all)
}

/// `SINTERSTORE target key …`
pub(crate) fn sinterstore(call: &mut Call<'_>) -> Outcome {
    let mut all = combine(sets(call, &call.args[2..])?, intersection);
    all.pack();
    store(call, all)
}

/// `SDIFFSTORE target key …`
pub(crate) fn sdiffstore(call: &mut Call<'_>) -> Outcome {
    let sets = sets(call, &call.args[2..])?;
    let removes = removes(&sets);
    let mut all = combine(sets, difference);
    if !removes {
        all.pack();
    }
    store(call, all)
}

/// `SINTERCARD numkeys key … [LIMIT n]`
pub(crate) fn sintercard(call: &mut Call<'_>) -> Outcome {
    let (keys, limit) = numbered(&call.args[1..])?;
    let count = combine(sets(call, keys)?, intersection).len();
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
    let all = combine(sets(call, &call.args[1..])?, fold);
    Ok(Reply::Set(all.keys().map(Reply::bulk).collect()))
}

fn store(call: &mut Call<'_>, all: Set) -> Outcome {
    let count = all.len();
    call.store(&call.args[1], Value::Set(all));
    Ok(Reply::count(count))
}

/// Whether Redis would copy the first set and remove from it, which stays unpacked, and not
/// gather what is left: it weighs how many members it would look at.
fn removes(sets: &[Set]) -> bool {
    let lengths = || sets.iter().map(Set::len).filter(|length| *length > 0);
    lengths().count() * sets.first().map_or(0, Set::len) / 2 > lengths().sum()
}

/// Starts with the first set and lets each further one change it.
fn combine(sets: Vec<Set>, fold: Fold) -> Set {
    let mut sets = sets.into_iter();
    let mut all = sets.next().unwrap_or_default();
    all.pack();
    sets.for_each(|set| fold(&mut all, &set));
    all
}

fn sets(call: &mut Call<'_>, keys: &[Vec<u8>]) -> Result<Vec<Set>, Fault> {
    let whole = |key: &Vec<u8>| Ok(call.get::<Set>(key)?.cloned().unwrap_or_default());
    keys.iter().map(whole).collect()
}
