//! Draws: SPOP, SRANDMEMBER, RANDOMKEY.

use crate::call::{Call, Outcome};
use crate::commands::lists::positive;
use crate::dict::Key;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::value::Set;

/// A negative count asks for any number of draws; this many are given.
const MAX_DRAWS: usize = 1024 * 1024;

/// `SPOP key [count]`
pub(crate) fn spop(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    let count = args.get(2).map(|text| positive(text)).transpose()?;
    let length = call.get::<Set>(&args[1])?.map_or(0, Set::len);
    let taken = (0..count.unwrap_or(1).min(length)).filter_map(|_| pop_one(call, &args[1]));
    let taken: Vec<Reply> = taken.collect();
    match count {
        Some(_) => Ok(Reply::Set(taken)),
        None => Ok(taken.into_iter().next().unwrap_or(Reply::Null)),
    }
}

fn pop_one(call: &mut Call<'_>, key: &[u8]) -> Option<Reply> {
    let member = draw(call, key)?;
    call.get_mut::<Set>(key).ok()??.remove(&member);
    call.changed(key);
    Some(Reply::bulk(member))
}

fn draw(call: &mut Call<'_>, key: &[u8]) -> Option<Key> {
    let length = call.get::<Set>(key).ok()??.len();
    let place = call.world.draw(length);
    call.get::<Set>(key).ok()??.at(place).map(|(member, ())| member.clone())
}

/// `SRANDMEMBER key [count]`: a negative count may draw a member more than once.
pub(crate) fn srandmember(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    if args.len() == 2 {
        call.get::<Set>(&args[1])?;
        return Ok(Reply::bulk_or_null(draw(call, &args[1])));
    }
    let count = call.int(2)?;
    let length = call.get::<Set>(&args[1])?.map_or(0, Set::len);
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        let most = if length == 0 { 0 } else { MAX_DRAWS };
        let draws = (0..wanted.min(most)).filter_map(|_| draw(call, &args[1]));
        return Ok(Reply::bulks(draws.collect::<Vec<_>>()));
    }
    Ok(Reply::bulks(distinct(call, &args[1], wanted.min(length))?))
}

/// Different members, in no order.
fn distinct(call: &mut Call<'_>, key: &[u8], count: usize) -> Result<Vec<Key>, Fault> {
    let length = call.get::<Set>(key)?.map_or(0, Set::len);
    let places = call.world.draw_distinct(length, count);
    let set = call.get::<Set>(key)?;
    let member =
        |place: usize| set.and_then(|set| set.at(place)).map(|(member, ())| member.clone());
    Ok(places.into_iter().filter_map(member).collect())
}

/// `RANDOMKEY`
pub(crate) fn randomkey(call: &mut Call<'_>) -> Outcome {
    loop {
        let length = call.db().len();
        let place = call.world.draw(length);
        let Some(key) = call.db().entries().at(place).map(|(key, _)| key.clone()) else {
            return Ok(Reply::Null);
        };
        // One that is past its deadline is removed by this look, and another is drawn.
        if call.exists(&key) {
            return Ok(Reply::bulk(key));
        }
    }
}
