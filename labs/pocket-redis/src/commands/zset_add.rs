//! ZADD with its conditions, and ZINCRBY, which is one of them.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_double;
use crate::reply::Reply;
use crate::sorted_set::SortedSet;

/// The options of ZADD.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    only_new: bool,
    only_old: bool,
    only_greater: bool,
    only_less: bool,
    count_changed: bool,
    increment: bool,
}

/// What became of one member.
enum Done {
    Added,
    Moved,
    Same,
    /// A condition was not met.
    Refused,
}

/// `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member …`
pub(crate) fn zadd(call: &mut Call<'_>) -> Outcome {
    let (options, pairs) = read(&call.args[2..])?;
    add(call, options, &pairs)
}

/// `ZINCRBY key n member`
pub(crate) fn zincrby(call: &mut Call<'_>) -> Outcome {
    // Redis takes the options here as well, where no room is left for them.
    let (options, pairs) = read(&call.args[2..])?;
    add(call, Options { increment: true, ..options }, &pairs)
}

type Pairs<'a> = Vec<(f64, &'a [u8])>;

/// Reads options and pairs, and complains in Redis' order.
fn read(words: &[Vec<u8>]) -> Result<(Options, Pairs<'_>), Fault> {
    let mut options = Options::default();
    let is_option = |word: &&Vec<u8>| set_option(&mut options, word);
    let count = words.iter().take_while(is_option).count();
    let pairs = &words[count..];
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Fault::Syntax);
    }
    check(options, pairs.len() / 2)?;
    let score = |text: &[u8]| parse_double(text).ok_or(Fault::NotAFloat);
    let pairs = pairs.chunks_exact(2).map(|pair| Ok((score(&pair[0])?, pair[1].as_slice())));
    Ok((options, pairs.collect::<Result<_, Fault>>()?))
}

fn set_option(options: &mut Options, word: &[u8]) -> bool {
    match word.to_ascii_uppercase().as_slice() {
        b"NX" => options.only_new = true,
        b"XX" => options.only_old = true,
        b"GT" => options.only_greater = true,
        b"LT" => options.only_less = true,
        b"CH" => options.count_changed = true,
        b"INCR" => options.increment = true,
        _ => return false,
    }
    true
}

fn check(options: Options, pairs: usize) -> Result<(), Fault> {
    let Options { only_new, only_old, only_greater, only_less, increment, .. } = options;
    if only_new && only_old {
        return Err("ERR XX and NX options at the same time are not compatible".into());
    }
    if [only_greater, only_less, only_new].into_iter().filter(|on| *on).count() > 1 {
        return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
    }
    if increment && pairs > 1 {
        return Err("ERR INCR option supports a single increment-element pair".into());
    }
    Ok(())
}

fn add<T: AsRef<[u8]>>(call: &mut Call<'_>, options: Options, pairs: &[(f64, T)]) -> Outcome {
    let key = &call.args[1];
    let missing = call.get::<SortedSet>(key)?.is_none();
    if missing && options.only_old {
        return Ok(if options.increment { Reply::Null } else { Reply::Int(0) });
    }
    let set = call.get_or_new::<SortedSet>(key)?;
    let (mut added, mut moved, mut reply) = (0, 0, Reply::Null);
    for (score, member) in pairs {
        let (done, score) = put(set, options, *score, member.as_ref())?;
        match done {
            Done::Added => added += 1,
            Done::Moved => moved += 1,
            Done::Same => {}
            Done::Refused => continue,
        }
        reply = Reply::Double(score);
    }
    if added + moved > 0 {
        call.changed(key);
    }
    if options.increment {
        return Ok(reply);
    }
    Ok(Reply::Int(if options.count_changed { added + moved } else { added }))
}

/// Puts one member; gives what became of it and its score.
fn put(
    set: &mut SortedSet,
    options: Options,
    score: f64,
    member: &[u8],
) -> Result<(Done, f64), Fault> {
    let Some(old) = set.score(member) else {
        if options.only_old {
            return Ok((Done::Refused, score));
        }
        set.insert(member, score);
        return Ok((Done::Added, score));
    };
    let new = if options.increment { old + score } else { score };
    if new.is_nan() {
        return Err("ERR resulting score is not a number (NaN)".into());
    }
    let refused = options.only_new
        || (options.only_greater && new <= old)
        || (options.only_less && new >= old);
    if refused {
        return Ok((Done::Refused, old));
    }
    if new == old {
        return Ok((Done::Same, old));
    }
    set.insert(member, new);
    Ok((Done::Moved, new))
}
