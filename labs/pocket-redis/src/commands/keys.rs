//! Keys, whatever they hold: DEL, EXISTS, TYPE, KEYS, OBJECT, MEMORY USAGE.

use crate::call::{Call, Outcome};
use crate::db::Made;
use crate::dict::Key;
use crate::fault::Fault;
use crate::glob;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::value::Value;

/// `DEL key …`, and UNLINK, which is the same here
pub(crate) fn del(call: &mut Call<'_>) -> Outcome {
    let keys = &call.args[1..];
    Ok(Reply::count(keys.iter().filter(|key| call.delete(key)).count()))
}

/// `EXISTS key …`, and TOUCH, which is the same where nothing is evicted
pub(crate) fn exists(call: &mut Call<'_>) -> Outcome {
    let keys = &call.args[1..];
    Ok(Reply::count(keys.iter().filter(|key| call.exists(key)).count()))
}

/// `TYPE key`
pub(crate) fn type_of(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::Status(call.value(key).map_or("none", Value::type_name)))
}

/// `KEYS pattern`
pub(crate) fn keys(call: &mut Call<'_>) -> Outcome {
    let pattern = &call.args[1];
    let found = call.db().entries().keys().filter(|key| glob::matches(pattern, key));
    let found: Vec<Key> = found.cloned().collect();
    Ok(Reply::bulks(found.into_iter().filter(|key| call.exists(key))))
}

/// `DBSIZE`
pub(crate) fn dbsize(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(call.db().len()))
}

/// `OBJECT ENCODING key`
pub(crate) fn object_encoding(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[2];
    let made = call.db().made(key);
    let encoding = call.db().value(key).map(|value| match (value, made) {
        (Value::Text(_), Made::InPlace) => "raw",
        (Value::Text(_), Made::AsText) => "embstr",
        _ => value.encoding(),
    });
    Ok(Reply::bulk_or_null(encoding))
}

/// `OBJECT REFCOUNT key`: nothing is shared here.
pub(crate) fn object_refcount(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[2];
    Ok(call.value(key).map_or(Reply::Null, |_| Reply::Int(1)))
}

/// `OBJECT IDLETIME key`: how many seconds ago it was read or written last.
pub(crate) fn object_idletime(call: &mut Call<'_>) -> Outcome {
    let (key, now) = (&call.args[2], call.world.now);
    let used = call.db().last_used(key);
    Ok(used.map_or(Reply::Null, |used| Reply::Int((now - used).max(0) / 1000)))
}

/// `OBJECT FREQ key`: counted only where the least frequently used is evicted.
pub(crate) fn object_freq(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[2];
    if call.db().value(key).is_none() {
        return Ok(Reply::Null);
    }
    Err("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust."
        .into())
}

/// `MEMORY USAGE key [SAMPLES n]`: about, and never sampled.
pub(crate) fn memory_usage(call: &mut Call<'_>) -> Outcome {
    const ENTRY: usize = 56;
    let key = &call.args[2];
    match &call.args[3..] {
        [] => {}
        [word, n] if word.eq_ignore_ascii_case(b"samples") => {
            let samples = parse_int(n).ok_or(Fault::NotAnInteger)?;
            usize::try_from(samples).map_err(|_| Fault::Syntax)?;
        }
        _ => return Err(Fault::Syntax),
    }
    let size = call.value(key).map(|value| ENTRY + key.len() + value.size());
    Ok(size.map_or(Reply::Null, Reply::count))
}
