//! Strings: GET and its relatives. SET and what it can do are in `set.rs`.

use crate::call::{Call, Outcome};
use crate::db::Made;
use crate::fault::Fault;
use crate::reply::{MAX_ANSWER, Reply, TOO_LARGE};
use crate::resp::MAX_BULK;
use crate::value::{Text, Value};

/// `GET key`
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::bulk_or_null(call.get::<Text>(key)?))
}

/// `GETDEL key`
pub(crate) fn getdel(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let reply = get(call)?;
    call.delete(key);
    Ok(reply)
}

/// `GETSET key value`
pub(crate) fn getset(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let reply = get(call)?;
    call.put(&args[1], Value::Text(args[2].clone()));
    Ok(reply)
}

/// `MGET key …`: a value of another kind counts as none.
pub(crate) fn mget(call: &mut Call<'_>) -> Outcome {
    let keys = &call.args[1..];
    let (mut values, mut size) = (Vec::with_capacity(keys.len()), 0);
    for key in keys {
        let value = call.get::<Text>(key).map_or(Reply::Null, Reply::bulk_or_null);
        size += value.size();
        if size > MAX_ANSWER {
            return Err(TOO_LARGE.into());
        }
        values.push(value);
    }
    Ok(Reply::Array(values))
}

/// `MSET key value …`
pub(crate) fn mset(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len().is_multiple_of(2) {
        return Err(call.arity());
    }
    for pair in args[1..].chunks_exact(2) {
        call.put(&pair[0], Value::Text(pair[1].clone()));
    }
    Ok(Reply::OK)
}

/// `MSETNX key value …`: all or none.
pub(crate) fn msetnx(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len().is_multiple_of(2) {
        return Err(call.arity());
    }
    if args[1..].iter().step_by(2).any(|key| call.exists(key)) {
        return Ok(Reply::Int(0));
    }
    mset(call)?;
    Ok(Reply::Int(1))
}

/// `STRLEN key`
pub(crate) fn strlen(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    Ok(Reply::count(call.get::<Text>(key)?.map_or(0, Vec::len)))
}

/// `APPEND key value`
pub(crate) fn append(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let old = call.get::<Text>(&args[1])?.map(Vec::len);
    check_length(old.unwrap_or(0) + args[2].len())?;
    let text = call.get_or_new::<Text>(&args[1])?;
    text.extend_from_slice(&args[2]);
    let length = text.len();
    if old.is_some() {
        call.db().set_made(&args[1], Made::InPlace);
    }
    call.changed(&args[1]);
    Ok(Reply::count(length))
}

/// `GETRANGE key start end`, and its old name SUBSTR
pub(crate) fn getrange(call: &mut Call<'_>) -> Outcome {
    let (start, end) = (call.int(2)?, call.int(3)?);
    let key = &call.args[1];
    let text = call.get::<Text>(key)?.map_or(&[][..], Vec::as_slice);
    // Both from the end and in the wrong order: Redis answers before it clamps them.
    if start < 0 && end < 0 && start > end {
        return Ok(Reply::bulk(b""));
    }
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let clamp = |n: i64| if n < 0 { (length + n).max(0) } else { n };
    let (start, end) = (clamp(start), clamp(end).min(length - 1));
    if start > end || length == 0 {
        return Ok(Reply::bulk(b""));
    }
    let place = |n: i64| usize::try_from(n).unwrap_or(0);
    Ok(Reply::bulk(&text[place(start)..=place(end)]))
}

/// `SETRANGE key offset value`
pub(crate) fn setrange(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let offset =
        usize::try_from(call.int(2)?).map_err(|_| Fault::from("ERR offset is out of range"))?;
    let length = call.get::<Text>(&args[1])?.map_or(0, Vec::len);
    if args[3].is_empty() {
        return Ok(Reply::count(length));
    }
    let end = offset.saturating_add(args[3].len());
    check_length(end)?;
    let text = call.get_or_new::<Text>(&args[1])?;
    text.resize(length.max(end), 0);
    text[offset..end].copy_from_slice(&args[3]);
    call.db().set_made(&args[1], Made::InPlace);
    call.changed(&args[1]);
    Ok(Reply::count(length.max(end)))
}

/// No string grows beyond what a client could have sent.
fn check_length(length: usize) -> Result<(), Fault> {
    if length > MAX_BULK {
        return Err("ERR string exceeds maximum allowed size (proto-max-bulk-len)".into());
    }
    Ok(())
}
