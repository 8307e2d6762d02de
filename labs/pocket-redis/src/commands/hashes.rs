//! Hashes.

use crate::call::{Call, Outcome};
use crate::commands::counters::{decimal_sum, sum};
use crate::fault::Fault;
use crate::reply::Reply;
use crate::value::Hash;

/// `HSET key field value …`: how many fields are new.
pub(crate) fn hset(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if !args.len().is_multiple_of(2) {
        return Err(call.arity());
    }
    let hash = call.get_or_new::<Hash>(&args[1])?;
    let pairs = args[2..].chunks_exact(2);
    let new = pairs.filter(|pair| hash.insert(&pair[0], pair[1].clone()).is_none()).count();
    call.changed(&args[1]);
    Ok(Reply::count(new))
}

/// `HMSET key field value …`
pub(crate) fn hmset(call: &mut Call<'_>) -> Outcome {
    hset(call).map(|_| Reply::OK)
}

/// `HSETNX key field value`
pub(crate) fn hsetnx(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if call.get::<Hash>(&args[1])?.is_some_and(|hash| hash.contains(&args[2])) {
        return Ok(Reply::Int(0));
    }
    call.get_or_new::<Hash>(&args[1])?.insert(&args[2], args[3].clone());
    call.changed(&args[1]);
    Ok(Reply::Int(1))
}

/// `HGET key field`
pub(crate) fn hget(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let hash = call.get::<Hash>(&args[1])?;
    Ok(Reply::bulk_or_null(hash.and_then(|hash| hash.get(&args[2]))))
}

/// `HMGET key field …`
pub(crate) fn hmget(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let hash = call.get::<Hash>(&args[1])?;
    let value = |field: &Vec<u8>| Reply::bulk_or_null(hash.and_then(|hash| hash.get(field)));
    Ok(Reply::Array(args[2..].iter().map(value).collect()))
}

/// `HGETALL key`
pub(crate) fn hgetall(call: &mut Call<'_>) -> Outcome {
    let pairs = collect(call, |field, value| (Reply::bulk(field), Reply::bulk(value)))?;
    Ok(Reply::Map(pairs))
}

/// `HKEYS key`
pub(crate) fn hkeys(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Array(collect(call, |field, _| Reply::bulk(field))?))
}

/// `HVALS key`
pub(crate) fn hvals(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Array(collect(call, |_, value| Reply::bulk(value))?))
}

fn collect<T>(call: &mut Call<'_>, each: impl Fn(&[u8], &[u8]) -> T) -> Result<Vec<T>, Fault> {
    let key = &call.args[1];
    let hash = call.get::<Hash>(key)?;
    Ok(hash.into_iter().flat_map(Hash::iter).map(|(field, value)| each(field, value)).collect())
}

/// `HDEL key field …`
pub(crate) fn hdel(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let Some(hash) = call.get_mut::<Hash>(&args[1])? else {
        return Ok(Reply::Int(0));
    };
    let gone = args[2..].iter().filter(|field| hash.remove(field).is_some()).count();
    if gone > 0 {
        call.changed(&args[1]);
    }
    Ok(Reply::count(gone))
}

/// `HLEN key`
pub(crate) fn hlen(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::count(call.get::<Hash>(key)?.map_or(0, Hash::len)))
}

/// `HEXISTS key field`
pub(crate) fn hexists(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let hash = call.get::<Hash>(&args[1])?;
    Ok(Reply::flag(hash.is_some_and(|hash| hash.contains(&args[2]))))
}

/// `HSTRLEN key field`
pub(crate) fn hstrlen(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let hash = call.get::<Hash>(&args[1])?;
    Ok(Reply::count(hash.and_then(|hash| hash.get(&args[2])).map_or(0, Vec::len)))
}

/// `HINCRBY key field n`
pub(crate) fn hincrby(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let by = call.int(3)?;
    let old = call.get::<Hash>(&args[1])?.and_then(|hash| hash.get(&args[2]));
    let sum = sum(old.map(Vec::as_slice), by, &"ERR hash value is not an integer".into())?;
    call.get_or_new::<Hash>(&args[1])?.insert(&args[2], sum.to_string().into_bytes());
    call.changed(&args[1]);
    Ok(Reply::Int(sum))
}

/// `HINCRBYFLOAT key field n`
pub(crate) fn hincrbyfloat(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if !call.double(3)?.is_finite() {
        return Err("ERR value is NaN or Infinity".into());
    }
    let old = call.get::<Hash>(&args[1])?.and_then(|hash| hash.get(&args[2]));
    let sum =
        decimal_sum(old.map(Vec::as_slice), &args[3], &"ERR hash value is not a float".into())?;
    call.get_or_new::<Hash>(&args[1])?.insert(&args[2], sum.clone().into_bytes());
    call.changed(&args[1]);
    Ok(Reply::bulk(sum))
}
