//! Sets. Whole sets against each other are in `set_ops.rs`, random draws in `random.rs`.

use crate::call::{Call, Outcome};
use crate::reply::Reply;
use crate::value::Set;

/// `SADD key member …`
pub(crate) fn sadd(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let set = call.get_or_new::<Set>(&args[1])?;
    let new = args[2..].iter().filter(|member| set.insert(member, ()).is_none()).count();
    if new > 0 {
        call.changed(&args[1]);
    }
    Ok(Reply::count(new))
}

/// `SREM key member …`
pub(crate) fn srem(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let Some(set) = call.get_mut::<Set>(&args[1])? else {
        return Ok(Reply::Int(0));
    };
    let gone = args[2..].iter().filter(|member| set.remove(member).is_some()).count();
    if gone > 0 {
        call.changed(&args[1]);
    }
    Ok(Reply::count(gone))
}

/// `SMOVE source target member`
pub(crate) fn smove(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let Some(source) = call.get::<Set>(&args[1])? else {
        return Ok(Reply::Int(0));
    };
    let there = source.contains(&args[3]);
    call.get::<Set>(&args[2])?;
    if !there || args[1] == args[2] {
        return Ok(Reply::flag(there));
    }
    call.get_or_new::<Set>(&args[1])?.remove(&args[3]);
    let new = call.get_or_new::<Set>(&args[2])?.insert(&args[3], ()).is_none();
    call.changed(&args[1]);
    if new {
        call.changed(&args[2]);
    }
    Ok(Reply::Int(1))
}

/// `SCARD key`
pub(crate) fn scard(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::count(call.get::<Set>(key)?.map_or(0, Set::len)))
}

/// `SMEMBERS key`
pub(crate) fn smembers(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let members = call.get::<Set>(key)?.into_iter().flat_map(Set::keys);
    Ok(Reply::Set(members.map(Reply::bulk).collect()))
}

/// `SISMEMBER key member`
pub(crate) fn sismember(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let set = call.get::<Set>(&args[1])?;
    Ok(Reply::flag(set.is_some_and(|set| set.contains(&args[2]))))
}

/// `SMISMEMBER key member …`
pub(crate) fn smismember(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let set = call.get::<Set>(&args[1])?;
    let is_member = |member: &Vec<u8>| Reply::flag(set.is_some_and(|set| set.contains(member)));
    Ok(Reply::Array(args[2..].iter().map(is_member).collect()))
}
