//! Sorted sets, member by member. Ranges are in `ranges.rs`, ZADD in `zset_add.rs`,
//! ZPOPMIN and ZPOPMAX in `zset_pops.rs`.

use crate::call::{Call, Outcome};
use crate::reply::Reply;
use crate::sorted_set::SortedSet;

/// `ZCARD key`
pub(crate) fn zcard(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::count(call.get::<SortedSet>(key)?.map_or(0, SortedSet::len)))
}

/// `ZSCORE key member`
pub(crate) fn zscore(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let set = call.get::<SortedSet>(&args[1])?;
    Ok(score(set, &args[2]))
}

/// `ZMSCORE key member …`
pub(crate) fn zmscore(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let set = call.get::<SortedSet>(&args[1])?;
    Ok(Reply::Array(args[2..].iter().map(|member| score(set, member)).collect()))
}

fn score(set: Option<&SortedSet>, member: &[u8]) -> Reply {
    set.and_then(|set| set.score(member)).map_or(Reply::Null, Reply::Double)
}

/// `ZRANK key member`
pub(crate) fn zrank(call: &mut Call<'_>) -> Outcome {
    rank(call, |_, rank| rank)
}

/// `ZREVRANK key member`
pub(crate) fn zrevrank(call: &mut Call<'_>) -> Outcome {
    rank(call, |length, rank| length - 1 - rank)
}

fn rank(call: &mut Call<'_>, count: impl Fn(usize, usize) -> usize) -> Outcome {
    let args = call.args;
    let Some(set) = call.get::<SortedSet>(&args[1])? else {
        return Ok(Reply::Null);
    };
    let rank = set.rank(&args[2]).map(|rank| count(set.len(), rank));
    Ok(rank.map_or(Reply::Null, Reply::count))
}

/// `ZREM key member …`
pub(crate) fn zrem(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let Some(set) = call.get_mut::<SortedSet>(&args[1])? else {
        return Ok(Reply::Int(0));
    };
    let gone = args[2..].iter().filter(|member| set.remove(member).is_some()).count();
    if gone > 0 {
        call.changed(&args[1]);
    }
    Ok(Reply::count(gone))
}
