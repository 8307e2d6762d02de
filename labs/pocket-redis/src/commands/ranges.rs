//! Ranges of sorted sets: by rank, by score, by name; to read, to count, to remove.

use crate::call::{Call, Outcome};
use crate::commands::lists::span;
use crate::commands::name_range::{name_limit, named};
use crate::dict::Key;
use crate::fault::Fault;
use crate::number::{parse_int, parse_loosely};
use crate::reply::Reply;
use crate::sorted_set::{ScoreLimit, SortedSet};
use crate::value::Value;

/// What orders a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

/// A range as it was asked for.
struct Range<'a> {
    by: By,
    reverse: bool,
    with_scores: bool,
    /// Offset and count; a negative count is none.
    limit: (i64, i64),
    first: &'a [u8],
    last: &'a [u8],
}

/// `ZRANGE key first last [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub(crate) fn zrange(call: &mut Call<'_>) -> Outcome {
    range(call, None, None)
}

/// `ZREVRANGE key first last [WITHSCORES]`
pub(crate) fn zrevrange(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Rank), Some(true))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub(crate) fn zrangebyscore(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Score), Some(false))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub(crate) fn zrevrangebyscore(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Score), Some(true))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub(crate) fn zrangebylex(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Name), Some(false))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub(crate) fn zrevrangebylex(call: &mut Call<'_>) -> Outcome {
    range(call, Some(By::Name), Some(true))
}

fn range(call: &mut Call<'_>, by: Option<By>, reverse: Option<bool>) -> Outcome {
    let args = call.args;
    let range = read(args, by, reverse)?;
    let chosen = choose(call, &range)?;
    let chosen = chosen.into_iter().map(|(key, score)| (Reply::bulk(key), score));
    if range.with_scores {
        return Ok(Reply::Pairs(chosen.map(|(key, score)| (key, Reply::Double(score))).collect()));
    }
    Ok(Reply::Array(chosen.map(|(key, _)| key).collect()))
}

/// Reads the options. A command that fixes order or direction does not take the words for them.
fn read(args: &[Vec<u8>], by: Option<By>, reverse: Option<bool>) -> Result<Range<'_>, Fault> {
    let (mut by_word, mut reverse_word) = (None, None);
    let (mut with_scores, mut limit) = (false, (0, -1));
    let mut words = &args[4..];
    while let [word, rest @ ..] = words {
        words = rest;
        match word.to_ascii_uppercase().as_slice() {
            b"WITHSCORES" => with_scores = true,
            b"LIMIT" if rest.len() >= 2 => {
                let int = |text| parse_int(text).ok_or(Fault::NotAnInteger);
                limit = (int(&rest[0])?, int(&rest[1])?);
                words = &rest[2..];
            }
            b"REV" if reverse.or(reverse_word).is_none() => reverse_word = Some(true),
            b"BYSCORE" if by.or(by_word).is_none() => by_word = Some(By::Score),
            b"BYLEX" if by.or(by_word).is_none() => by_word = Some(By::Name),
            _ => return Err(Fault::Syntax),
        }
    }
    let by = by.or(by_word).unwrap_or(By::Rank);
    let reverse = reverse.or(reverse_word).unwrap_or(false);
    check(by, limit, with_scores)?;
    let (first, last) = match reverse && by != By::Rank {
        true => (&args[3], &args[2]),
        false => (&args[2], &args[3]),
    };
    Ok(Range { by, reverse, with_scores, limit, first, last })
}

fn check(by: By, limit: (i64, i64), with_scores: bool) -> Result<(), Fault> {
    if limit.1 != -1 && by == By::Rank {
        return Err("ERR syntax error, LIMIT is only supported in combination with either \
             BYSCORE or BYLEX"
            .into());
    }
    if with_scores && by == By::Name {
        return Err("ERR syntax error, WITHSCORES not supported in combination with BYLEX".into());
    }
    Ok(())
}

type Members = Vec<(Key, f64)>;
type Ranks = std::ops::Range<usize>;

/// The members of a range. The ends are read before the key, so that bad ones are named first.
fn choose(call: &mut Call<'_>, range: &Range<'_>) -> Result<Members, Fault> {
    choose_from(call, &call.args[1], range)
}

fn choose_from(call: &mut Call<'_>, key: &[u8], range: &Range<'_>) -> Result<Members, Fault> {
    match range.by {
        By::Rank => {
            let int = |text| parse_int(text).ok_or(Fault::NotAnInteger);
            let (start, stop) = (int(range.first)?, int(range.last)?);
            let Some(set) = call.get::<SortedSet>(key)? else {
                return Ok(Vec::new());
            };
            let span = span(start, stop, set.len());
            let (start, count) = (span.start, span.len());
            Ok(cut(set, 0..set.len(), range.reverse, (start, count)))
        }
        By::Score => {
            let (min, max) = (score_limit(range.first)?, score_limit(range.last)?);
            let Some(set) = call.get::<SortedSet>(key)? else {
                return Ok(Vec::new());
            };
            Ok(limited(set, set.between(min, max), range))
        }
        By::Name => {
            let (min, max) = (name_limit(range.first)?, name_limit(range.last)?);
            let Some(set) = call.get::<SortedSet>(key)? else {
                return Ok(Vec::new());
            };
            Ok(limited(set, named(set, range.reverse, &min, &max), range))
        }
    }
}

fn limited(set: &SortedSet, ranks: Ranks, range: &Range<'_>) -> Members {
    let (offset, count) = range.limit;
    // A negative offset is beyond the end for Redis, a negative count has no end.
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    cut(set, ranks, range.reverse, (offset, count))
}

/// Some of the members of these ranks: from which one on, and how many.
fn cut(set: &SortedSet, ranks: Ranks, reverse: bool, (skip, take): (usize, usize)) -> Members {
    let own = |(key, score): (&Key, f64)| (key.clone(), score);
    let Ranks { start, end } = ranks;
    if reverse {
        let end = end.saturating_sub(skip);
        let start = end.saturating_sub(take).max(start);
        return set.span(start..end).rev().map(own).collect();
    }
    let start = start.saturating_add(skip);
    let end = start.saturating_add(take).min(end);
    set.span(start..end).map(own).collect()
}

fn score_limit(text: &[u8]) -> Result<ScoreLimit, Fault> {
    let (exclusive, number) = match text {
        [b'(', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // C's `strtod` takes nothing for zero and ends at a zero byte, and so does Redis here.
    let number = number.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii_start();
    let number = if number.is_empty() { b"0" } else { number };
    let score = parse_loosely(number).ok_or("ERR min or max is not a float")?;
    Ok(ScoreLimit { score, exclusive })
}

/// `ZCOUNT key min max`
pub(crate) fn zcount(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let (min, max) = (score_limit(&args[2])?, score_limit(&args[3])?);
    let set = call.get::<SortedSet>(&args[1])?;
    Ok(Reply::count(set.map_or(0, |set| set.between(min, max).len())))
}

/// `ZLEXCOUNT key min max`
pub(crate) fn zlexcount(call: &mut Call<'_>) -> Outcome {
    let range = read(call.args, Some(By::Name), Some(false))?;
    Ok(Reply::count(choose(call, &range)?.len()))
}

/// `ZRANGESTORE target source first last [BYSCORE | BYLEX] [REV] [LIMIT offset count]`
pub(crate) fn zrangestore(call: &mut Call<'_>) -> Outcome {
    let (args, target) = (&call.args[1..], &call.args[1]);
    let range = read(args, None, None)?;
    if range.with_scores {
        return Err(Fault::Syntax);
    }
    let mut chosen = SortedSet::default();
    for (member, score) in choose_from(call, &args[1], &range)? {
        chosen.insert(&member, score);
    }
    let count = chosen.len();
    call.store(target, Value::SortedSet(chosen));
    Ok(Reply::count(count))
}

/// `ZREMRANGEBYLEX key min max`
pub(crate) fn zremrangebylex(call: &mut Call<'_>) -> Outcome {
    remove(call, By::Name)
}

/// `ZREMRANGEBYSCORE key min max`
pub(crate) fn zremrangebyscore(call: &mut Call<'_>) -> Outcome {
    remove(call, By::Score)
}

/// `ZREMRANGEBYRANK key first last`
pub(crate) fn zremrangebyrank(call: &mut Call<'_>) -> Outcome {
    remove(call, By::Rank)
}

fn remove(call: &mut Call<'_>, by: By) -> Outcome {
    let args = call.args;
    let range = read(args, Some(by), Some(false))?;
    let chosen = choose(call, &range)?;
    if let Some(set) = call.get_mut::<SortedSet>(&args[1])?.filter(|_| !chosen.is_empty()) {
        for (member, _) in &chosen {
            set.remove(member);
        }
        call.changed(&args[1]);
    }
    Ok(Reply::count(chosen.len()))
}
