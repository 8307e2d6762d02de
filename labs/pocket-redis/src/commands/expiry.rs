//! Deadlines: EXPIRE, TTL and their relatives.

use crate::call::{Call, Outcome};
use crate::command::cut;
use crate::fault::Fault;
use crate::reply::Reply;

/// How a command counts: the length of its unit in milliseconds, and whether from now.
#[derive(Debug, Clone, Copy)]
struct Scale {
    unit: i64,
    from_now: bool,
}

const SECONDS: i64 = 1000;
const MILLIS: i64 = 1;

/// `EXPIRE key seconds [NX | XX | GT | LT]`
pub(crate) fn expire(call: &mut Call<'_>) -> Outcome {
    set(call, Scale { unit: SECONDS, from_now: true })
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
pub(crate) fn pexpire(call: &mut Call<'_>) -> Outcome {
    set(call, Scale { unit: MILLIS, from_now: true })
}

/// `EXPIREAT key seconds-since-1970 [NX | XX | GT | LT]`
pub(crate) fn expireat(call: &mut Call<'_>) -> Outcome {
    set(call, Scale { unit: SECONDS, from_now: false })
}

/// `PEXPIREAT key milliseconds-since-1970 [NX | XX | GT | LT]`
pub(crate) fn pexpireat(call: &mut Call<'_>) -> Outcome {
    set(call, Scale { unit: MILLIS, from_now: false })
}

/// Conditions on the deadline that is there.
#[derive(Debug, Default)]
struct Condition {
    none_yet: bool,
    some_already: bool,
    later: bool,
    earlier: bool,
}

fn set(call: &mut Call<'_>, scale: Scale) -> Outcome {
    let key = &call.args[1];
    let condition = condition(&call.args[3..])?;
    let amount = call.int(2)?;
    let base = if scale.from_now { call.world.now } else { 0 };
    let deadline = amount.checked_mul(scale.unit).and_then(|millis| millis.checked_add(base));
    let deadline = deadline.ok_or(Fault::InvalidExpire(call.command.name))?;
    if !call.exists(key) {
        return Ok(Reply::Int(0));
    }
    let old = call.db().deadline(key);
    if !condition.allows(old, deadline) {
        return Ok(Reply::Int(0));
    }
    if deadline <= call.world.now {
        call.delete(key);
    } else {
        call.db().set_deadline(key, Some(deadline));
        call.changed(key);
    }
    Ok(Reply::Int(1))
}

fn condition(words: &[Vec<u8>]) -> Result<Condition, Fault> {
    let mut condition = Condition::default();
    for word in words {
        match word.to_ascii_uppercase().as_slice() {
            b"NX" => condition.none_yet = true,
            b"XX" => condition.some_already = true,
            b"GT" => condition.later = true,
            b"LT" => condition.earlier = true,
            _ => {
                let word = cut(word, word.len());
                return Err(Fault::err(format!("Unsupported option {word}")));
            }
        }
    }
    let others = condition.some_already || condition.later || condition.earlier;
    if condition.none_yet && others {
        return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
    }
    if condition.later && condition.earlier {
        return Err("ERR GT and LT options at the same time are not compatible".into());
    }
    Ok(condition)
}

impl Condition {
    /// No deadline counts as one that never comes.
    fn allows(&self, old: Option<i64>, new: i64) -> bool {
        let refused = (self.none_yet && old.is_some())
            || (self.some_already && old.is_none())
            || (self.later && old.is_none_or(|old| new <= old))
            || (self.earlier && old.is_some_and(|old| new >= old));
        !refused
    }
}

/// `PERSIST key`
pub(crate) fn persist(call: &mut Call<'_>) -> Outcome {
    let key = &call.args[1];
    let had = call.exists(key) && call.db().deadline(key).is_some();
    if had {
        call.db().set_deadline(key, None);
        call.changed(key);
    }
    Ok(Reply::flag(had))
}

/// `TTL key`: seconds, rounded; -1 without a deadline, -2 without the key.
pub(crate) fn ttl(call: &mut Call<'_>) -> Outcome {
    let now = call.world.now;
    tell(call, |deadline| seconds((deadline - now).max(0)))
}

/// `PTTL key`
pub(crate) fn pttl(call: &mut Call<'_>) -> Outcome {
    let now = call.world.now;
    tell(call, |deadline| (deadline - now).max(0))
}

/// `EXPIRETIME key`
pub(crate) fn expiretime(call: &mut Call<'_>) -> Outcome {
    tell(call, seconds)
}

/// `PEXPIRETIME key`
pub(crate) fn pexpiretime(call: &mut Call<'_>) -> Outcome {
    tell(call, |deadline| deadline)
}

/// Rounded, and never too large to be added to.
fn seconds(millis: i64) -> i64 {
    millis / SECONDS + i64::from(millis % SECONDS >= SECONDS / 2)
}

fn tell(call: &mut Call<'_>, count: impl Fn(i64) -> i64) -> Outcome {
    let key = &call.args[1];
    if !call.exists(key) {
        return Ok(Reply::Int(-2));
    }
    Ok(Reply::Int(call.db().deadline(key).map_or(-1, count)))
}
