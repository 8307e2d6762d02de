//! Keys that change places, and databases that are emptied.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::world::DATABASES;

/// `RENAME key new`
pub(crate) fn rename(call: &mut Call<'_>) -> Outcome {
    move_to(call, true).map(|_| Reply::OK)
}

/// `RENAMENX key new`
pub(crate) fn renamenx(call: &mut Call<'_>) -> Outcome {
    move_to(call, false).map(Reply::flag)
}

fn move_to(call: &mut Call<'_>, replace: bool) -> Result<bool, Fault> {
    let (from, to) = (&call.args[1], &call.args[2]);
    let value = call.value(from).cloned().ok_or(Fault::NoSuchKey)?;
    if from == to {
        return Ok(replace);
    }
    if !replace && call.exists(to) {
        return Ok(false);
    }
    let (deadline, made) = (call.db().deadline(from), call.db().made(from));
    call.delete(from);
    call.put(to, value);
    call.db().set_deadline(to, deadline);
    call.db().set_made(to, made);
    Ok(true)
}

/// `COPY source target [DB n] [REPLACE]`
pub(crate) fn copy(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (&call.args[1], &call.args[2]);
    let (target, replace) = copy_options(call)?;
    if call.db == target && from == to {
        return Err("ERR source and destination objects are the same".into());
    }
    let Some(value) = call.value(from).cloned() else {
        return Ok(Reply::Int(0));
    };
    let (deadline, made) = (call.db().deadline(from), call.db().made(from));
    let source = std::mem::replace(&mut call.db, target);
    let free = replace || !call.exists(to);
    if free {
        call.put(to, value);
        call.db().set_deadline(to, deadline);
        call.db().set_made(to, made);
    }
    call.db = source;
    Ok(Reply::flag(free))
}

fn copy_options(call: &Call<'_>) -> Result<(usize, bool), Fault> {
    let (mut target, mut replace) = (call.db, false);
    let mut words = &call.args[3..];
    while let [word, rest @ ..] = words {
        words = rest;
        match (word.to_ascii_uppercase().as_slice(), rest.first()) {
            (b"REPLACE", _) => replace = true,
            (b"DB", Some(number)) => {
                target = database(number)?;
                words = &rest[1..];
            }
            _ => return Err(Fault::Syntax),
        }
    }
    Ok((target, replace))
}

/// The number of a database.
pub(crate) fn database(text: &[u8]) -> Result<usize, Fault> {
    let number = parse_int(text).ok_or(Fault::NotAnInteger)?;
    if i32::try_from(number).is_err() {
        return Err(
            "ERR value is out of range, value must between -2147483648 and 2147483647".into()
        );
    }
    let known = usize::try_from(number).ok().filter(|db| *db < DATABASES);
    known.ok_or("ERR DB index is out of range".into())
}

/// `FLUSHDB [ASYNC | SYNC]`
pub(crate) fn flushdb(call: &mut Call<'_>) -> Outcome {
    check_flush(call)?;
    clear(call, call.db);
    Ok(Reply::OK)
}

/// `FLUSHALL [ASYNC | SYNC]`
pub(crate) fn flushall(call: &mut Call<'_>) -> Outcome {
    check_flush(call)?;
    for db in 0..DATABASES {
        clear(call, db);
    }
    Ok(Reply::OK)
}

fn check_flush(call: &Call<'_>) -> Result<(), Fault> {
    let known = call.is(1, "async") || call.is(1, "sync");
    match call.args.len() {
        1 => Ok(()),
        2 if known => Ok(()),
        _ => Err(Fault::Syntax),
    }
}

fn clear(call: &mut Call<'_>, db: usize) {
    let gone = std::mem::take(&mut call.world.dbs[db]);
    if call.world.watched.is_empty() {
        return;
    }
    for key in gone.entries().keys() {
        call.world.touched(db, key);
    }
}

/// `MOVE key db`: into another database, unless the key is there already.
pub(crate) fn move_key(call: &mut Call<'_>) -> Outcome {
    let (key, target) = (&call.args[1], database(&call.args[2])?);
    if target == call.db {
        return Err("ERR source and destination objects are the same".into());
    }
    let Some(value) = call.value(key).cloned() else {
        return Ok(Reply::Int(0));
    };
    let deadline = call.db().deadline(key);
    let source = std::mem::replace(&mut call.db, target);
    let free = !call.exists(key);
    if free {
        call.put(key, value);
        call.db().set_deadline(key, deadline);
    }
    call.db = source;
    if free {
        call.delete(key);
    }
    Ok(Reply::flag(free))
}

/// `SWAPDB a b`
pub(crate) fn swapdb(call: &mut Call<'_>) -> Outcome {
    let number = |place: usize, complaint: &'static str| -> Result<i64, Fault> {
        let number = parse_int(&call.args[place]).filter(|n| i32::try_from(*n).is_ok());
        number.ok_or(complaint.into())
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let known = |number: i64| {
        let number = usize::try_from(number).ok().filter(|db| *db < DATABASES);
        number.ok_or(Fault::from("ERR DB index is out of range"))
    };
    let (first, second) = (known(first)?, known(second)?);
    call.world.dbs.swap(first, second);
    for db in [first, second] {
        let keys: Vec<_> = call.world.dbs[db].entries().keys().cloned().collect();
        for key in keys {
            call.world.touched(db, &key);
        }
    }
    Ok(Reply::OK)
}
