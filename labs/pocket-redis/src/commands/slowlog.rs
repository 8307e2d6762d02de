//! SLOWLOG: commands that took long. What is kept of them is told in `usage.rs`.

use crate::call::{Call, Outcome};
use crate::reply::Reply;
use crate::usage::Slow;

/// `SLOWLOG GET [count]`: the latest first; -1 for all.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    const DEFAULT: i64 = 10;
    if call.args.len() > 3 {
        return Err(call.arity());
    }
    let count = if call.args.len() > 2 { call.int(2).ok() } else { Some(DEFAULT) };
    let count = count.filter(|count| *count >= -1);
    let count = count.ok_or("ERR count should be greater than or equal to -1")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let kept = call.world.stats.usage.slow.iter().take(count);
    Ok(Reply::Array(kept.map(describe).collect()))
}

fn describe(slow: &Slow) -> Reply {
    Reply::Array(vec![
        Reply::Int(slow.id),
        Reply::Int(slow.at),
        Reply::Int(i64::try_from(slow.micros).unwrap_or(i64::MAX)),
        Reply::bulks(&slow.args),
        Reply::bulk(&slow.addr),
        Reply::bulk(&slow.name),
    ])
}

/// `SLOWLOG LEN`
pub(crate) fn len(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(call.world.stats.usage.slow.len()))
}

/// `SLOWLOG RESET`
pub(crate) fn reset(call: &mut Call<'_>) -> Outcome {
    call.world.stats.usage.slow.clear();
    Ok(Reply::OK)
}
