//! Lists: the commands that wait when there is nothing. How waiting works is in `blocking.rs`.
//!
//! In a transaction or a script nothing waits: there they answer at once, with nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::blocking::{Action, End, Wait};
use crate::call::{Call, Origin, Outcome};
use crate::client::ClientId;
use crate::command;
use crate::commands::list_moves::{end, many, pop_many, shift};
use crate::commands::{lists, zset_pops};
use crate::dict::Key;
use crate::fault::Fault;
use crate::number::parse_double;
use crate::reply::{Protocol, Reply};
use crate::value::List;
use crate::world::World;

/// `BLPOP key … timeout`
pub(crate) fn blpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Left)
}

/// `BRPOP key … timeout`
pub(crate) fn brpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Right)
}

fn pop(call: &mut Call<'_>, from: End) -> Outcome {
    let last = call.args.len() - 1;
    let deadline = deadline(&call.args[last])?;
    take_or_wait(call, &call.args[1..last], Action::Pop(from), deadline)
}

/// `BLMPOP timeout numkeys key … LEFT | RIGHT [COUNT n]`
pub(crate) fn blmpop(call: &mut Call<'_>) -> Outcome {
    let deadline = deadline(&call.args[1])?;
    let (keys, from, count) = many(&call.args[2..])?;
    take_or_wait(call, keys, Action::PopMany { from, count }, deadline)
}

/// `BLMOVE source target LEFT | RIGHT LEFT | RIGHT timeout`
pub(crate) fn blmove(call: &mut Call<'_>) -> Outcome {
    let (from, to) = (end(&call.args[3])?, end(&call.args[4])?);
    let deadline = deadline(&call.args[5])?;
    let action = Action::Move { from, to, target: call.args[2].clone() };
    take_or_wait(call, &call.args[1..2], action, deadline)
}

/// `BRPOPLPUSH source target timeout`
pub(crate) fn brpoplpush(call: &mut Call<'_>) -> Outcome {
    let deadline = deadline(&call.args[3])?;
    let target = call.args[2].clone();
    let action = Action::Move { from: End::Right, to: End::Left, target };
    take_or_wait(call, &call.args[1..2], action, deadline)
}

/// Takes from the first key that has something, or lets the client wait.
pub(crate) fn take_or_wait(
    call: &mut Call<'_>,
    keys: &[Vec<u8>],
    action: Action,
    deadline: Option<Instant>,
) -> Outcome {
    for key in keys {
        if let Some(reply) = attempt(call, key, &action)? {
            return Ok(reply);
        }
    }
    if call.origin != Origin::Client {
        return Ok(match action {
            Action::Move { .. } => Reply::Null,
            _ => Reply::NullArray,
        });
    }
    let keys = keys.iter().map(|key| Key::from(key.as_slice())).collect();
    let wait = Wait { db: call.db, keys, action, deadline };
    call.world.block(call.client, wait);
    Ok(Reply::NOTHING)
}

/// Does for a client that waited what it waited for; `None` if the list has nothing for it.
pub(crate) fn take(
    world: &mut World,
    client: ClientId,
    db: usize,
    key: &[u8],
    action: &Action,
) -> Result<Option<Reply>, Fault> {
    let Some(command) = command::find(b"blpop") else {
        return Ok(None);
    };
    let (protocol, origin) = (Protocol::default(), Origin::Client);
    let mut call = Call { world, command, args: &[], client, db, protocol, origin };
    attempt(&mut call, key, action)
}

fn attempt(call: &mut Call<'_>, key: &[u8], action: &Action) -> Result<Option<Reply>, Fault> {
    match action {
        Action::Pop(from) => pop_one(call, key, *from),
        Action::PopMany { from, count } => pop_many(call, key, *from, *count),
        Action::Move { from, to, target } => shift(call, key, target, *from, *to),
        Action::PopMember(from) => zset_pops::pop_one(call, key, *from),
        Action::PopMembers { from, count } => zset_pops::pop_many(call, key, *from, *count),
    }
}

/// The key and one element.
fn pop_one(call: &mut Call<'_>, key: &[u8], from: End) -> Result<Option<Reply>, Fault> {
    let Some(list) = call.get_mut::<List>(key)? else {
        return Ok(None);
    };
    let element = lists::take(list, from);
    call.changed(key);
    Ok(element.map(|element| Reply::Array(vec![Reply::bulk(key), Reply::Bulk(element)])))
}

/// The last moment of a wait; zero seconds are for ever.
pub(crate) fn deadline(timeout: &[u8]) -> Result<Option<Instant>, Fault> {
    let seconds = parse_double(timeout).ok_or("ERR timeout is not a float or out of range")?;
    // Redis counts in whole milliseconds, rounded up, so that a wish for little is not for ever.
    let millis = (seconds * 1000.0).ceil();
    // What is too large for Redis' counter overflows there, and is told as negative.
    if !(0.0..=9.2e18).contains(&millis) {
        return Err("ERR timeout is negative".into());
    }
    if millis == 0.0 {
        return Ok(None);
    }
    let deadline = Instant::now().checked_add(Duration::from_secs_f64(millis / 1000.0));
    deadline.map(Some).ok_or("ERR timeout is out of range".into())
}
