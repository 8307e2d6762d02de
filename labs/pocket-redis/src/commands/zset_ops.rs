//! Sorted sets against each other: ZUNION, ZINTER, ZDIFF, their STORE, and ZINTERCARD.
//!
//! A plain set takes part as if each member had the score one.

use crate::call::{Call, Outcome};
use crate::commands::set_ops::limit;
use crate::fault::Fault;
use crate::number::parse_double;
use crate::reply::Reply;
use crate::sorted_set::SortedSet;
use crate::value::Value;

/// What is done with several sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Union,
    Intersection,
    Difference,
}

/// How two scores of a member become one.
type Aggregate = fn(f64, f64) -> f64;

/// A command as it was asked for.
struct Wish<'a> {
    keys: &'a [Vec<u8>],
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// `ZUNION numkeys key … [WEIGHTS n …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`
pub(crate) fn zunion(call: &mut Call<'_>) -> Outcome {
    give(call, Deed::Union)
}

/// `ZINTER numkeys key … [WEIGHTS n …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`
pub(crate) fn zinter(call: &mut Call<'_>) -> Outcome {
    give(call, Deed::Intersection)
}

/// `ZDIFF numkeys key … [WITHSCORES]`
pub(crate) fn zdiff(call: &mut Call<'_>) -> Outcome {
    give(call, Deed::Difference)
}

/// `ZUNIONSTORE target numkeys key … [WEIGHTS n …] [AGGREGATE SUM | MIN | MAX]`
pub(crate) fn zunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, Deed::Union)
}

/// `ZINTERSTORE target numkeys key … [WEIGHTS n …] [AGGREGATE SUM | MIN | MAX]`
pub(crate) fn zinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, Deed::Intersection)
}

/// `ZDIFFSTORE target numkeys key …`
pub(crate) fn zdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, Deed::Difference)
}

/// `ZINTERCARD numkeys key … [LIMIT n]`
pub(crate) fn zintercard(call: &mut Call<'_>) -> Outcome {
    let (keys, words) = numbered(call, 1)?;
    let limit = limit(words)?;
    let wish = Wish { keys, weights: vec![1.0; keys.len()], aggregate: sum, with_scores: false };
    let count = combine(call, Deed::Intersection, &wish)?.len();
    Ok(Reply::count(count.min(limit)))
}

fn give(call: &mut Call<'_>, deed: Deed) -> Outcome {
    let wish = read(call, 1, deed)?;
    let all = combine(call, deed, &wish)?;
    let members = all.iter().map(|(key, score)| (Reply::bulk(key), score));
    if wish.with_scores {
        return Ok(Reply::Pairs(members.map(|(key, score)| (key, Reply::Double(score))).collect()));
    }
    Ok(Reply::Array(members.map(|(key, _)| key).collect()))
}

fn store(call: &mut Call<'_>, deed: Deed) -> Outcome {
    let wish = read(call, 2, deed)?;
    let mut all = combine(call, deed, &wish)?;
    all.pack();
    let count = all.len();
    call.store(&call.args[1], Value::SortedSet(all));
    Ok(Reply::count(count))
}

fn sum(a: f64, b: f64) -> f64 {
    let sum = a + b;
    // Infinity minus infinity is nothing, for Redis.
    if sum.is_nan() { 0.0 } else { sum }
}

type Words<'a> = &'a [Vec<u8>];

/// The keys whose number stands at `place`, and what follows them.
fn numbered<'a>(call: &mut Call<'a>, place: usize) -> Result<(Words<'a>, Words<'a>), Fault> {
    let number = call.int(place)?;
    let number = usize::try_from(number).ok().filter(|n| *n > 0).ok_or_else(|| {
        let name = call.command.full_name();
        Fault::err(format!("at least 1 input key is needed for '{name}' command"))
    })?;
    let (keys, words) = call.args[place + 1..].split_at_checked(number).ok_or(Fault::Syntax)?;
    for key in keys {
        if !matches!(call.value(key), None | Some(Value::SortedSet(_) | Value::Set(_))) {
            return Err(Fault::WrongType);
        }
    }
    Ok((keys, words))
}

/// Reads a command whose number of keys stands at `place`.
fn read<'a>(call: &mut Call<'a>, place: usize, deed: Deed) -> Result<Wish<'a>, Fault> {
    let (keys, mut words) = numbered(call, place)?;
    let number = keys.len();
    let mut wish = Wish { keys, weights: vec![1.0; number], aggregate: sum, with_scores: false };
    while let [word, after @ ..] = words {
        words = after;
        match (word.to_ascii_uppercase().as_slice(), words) {
            (b"WEIGHTS", _) if deed != Deed::Difference && words.len() >= number => {
                let weight = |text: &Vec<u8>| parse_double(text);
                let weights: Option<Vec<f64>> = words[..number].iter().map(weight).collect();
                wish.weights = weights.ok_or("ERR weight value is not a float")?;
                words = &words[number..];
            }
            (b"AGGREGATE", [how, after @ ..]) if deed != Deed::Difference => {
                wish.aggregate = aggregate(how)?;
                words = after;
            }
            (b"WITHSCORES", _) if place == 1 => wish.with_scores = true,
            _ => return Err(Fault::Syntax),
        }
    }
    Ok(wish)
}

fn aggregate(word: &[u8]) -> Result<Aggregate, Fault> {
    match word.to_ascii_uppercase().as_slice() {
        b"SUM" => Ok(sum),
        b"MIN" => Ok(f64::min),
        b"MAX" => Ok(f64::max),
        _ => Err(Fault::Syntax),
    }
}

/// Members with their weighted scores.
type Members = Vec<(crate::dict::Key, f64)>;

fn combine(call: &mut Call<'_>, deed: Deed, wish: &Wish<'_>) -> Result<SortedSet, Fault> {
    let mut sets: Vec<Members> = Vec::new();
    for (key, weight) in wish.keys.iter().zip(&wish.weights) {
        sets.push(members(call, key, *weight)?);
    }
    let mut all = SortedSet::default();
    let mut sets = sets.into_iter();
    for (member, score) in sets.next().unwrap_or_default() {
        all.insert(&member, score);
    }
    for set in sets {
        match deed {
            Deed::Union => {
                for (member, score) in set {
                    let old = all.score(&member);
                    all.insert(&member, old.map_or(score, |old| (wish.aggregate)(old, score)));
                }
            }
            Deed::Intersection => {
                let mut both = SortedSet::default();
                for (member, score) in set {
                    if let Some(old) = all.score(&member) {
                        both.insert(&member, (wish.aggregate)(old, score));
                    }
                }
                all = both;
            }
            Deed::Difference => {
                for (member, _) in set {
                    all.remove(&member);
                }
            }
        }
    }
    Ok(all)
}

fn members(call: &mut Call<'_>, key: &[u8], weight: f64) -> Result<Members, Fault> {
    let weigh = |score: f64| {
        let score = score * weight;
        if score.is_nan() { 0.0 } else { score }
    };
    match call.value(key) {
        None => Ok(Vec::new()),
        Some(Value::SortedSet(set)) => {
            Ok(set.iter().map(|(key, score)| (key.clone(), weigh(score))).collect())
        }
        Some(Value::Set(set)) => Ok(set.keys().map(|key| (key.clone(), weigh(1.0))).collect()),
        Some(_) => Err(Fault::WrongType),
    }
}
