//! MULTI, EXEC, DISCARD, WATCH.
//!
//! Queuing happens in the dispatcher; here a transaction begins, is watched, runs or is dropped.

use crate::call::{Call, Origin, Outcome};
use crate::client::Transaction;
use crate::command;
use crate::dict::Key;
use crate::dispatch::IntoReply;
use crate::reply::{MAX_ANSWER, Reply, TOO_LARGE};
use crate::resp::Request;

/// `MULTI`
pub(crate) fn multi(call: &mut Call<'_>) -> Outcome {
    let client = call.client()?;
    if client.transaction.is_some() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    client.transaction = Some(Transaction::default());
    Ok(Reply::OK)
}

/// `DISCARD`
pub(crate) fn discard(call: &mut Call<'_>) -> Outcome {
    if call.client()?.transaction.take().is_none() {
        return Err("ERR DISCARD without MULTI".into());
    }
    call.world.unwatch(call.client);
    Ok(Reply::OK)
}

/// `EXEC`: an array of answers, or null if a watched key has changed.
pub(crate) fn exec(call: &mut Call<'_>) -> Outcome {
    drop_due_watched(call)?;
    let client = call.client()?;
    let watch_broken = client.watch_broken;
    let transaction = client.transaction.take().ok_or("ERR EXEC without MULTI")?;
    call.world.unwatch(call.client);
    if transaction.broken {
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
    if watch_broken {
        return Ok(Reply::NullArray);
    }
    let mut size = 0;
    let answers = transaction.queue.iter().map(|args| {
        let answer = run(call, args);
        size += answer.size();
        if size > MAX_ANSWER { Reply::Error(TOO_LARGE.to_owned()) } else { answer }
    });
    Ok(Reply::Array(answers.collect()))
}

/// A watched key whose time ended meanwhile counts as changed.
fn drop_due_watched(call: &mut Call<'_>) -> Result<(), crate::fault::Fault> {
    let now = call.world.now;
    for (db, key) in call.client()?.watching.clone() {
        if call.world.dbs[db].is_due(&key, now) {
            call.world.expire(db, &key);
        }
    }
    Ok(())
}

fn run(call: &mut Call<'_>, args: &Request) -> Reply {
    let Ok(command) = command::resolve(args) else {
        return Reply::NOTHING;
    };
    let reply = call.world.run(call.client, command, args, Origin::Transaction).into_reply();
    // SELECT and HELLO inside the transaction count for what follows.
    if let Some(client) = call.world.clients.get(&call.client) {
        (call.db, call.protocol) = (client.db, client.protocol);
    }
    reply
}

/// `WATCH key …`
pub(crate) fn watch(call: &mut Call<'_>) -> Outcome {
    if call.client()?.transaction.is_some() {
        return Err("ERR WATCH inside MULTI is not allowed".into());
    }
    let (id, db, keys) = (call.client, call.db, &call.args[1..]);
    for key in keys {
        // A key past its deadline is gone now; that it goes later is no change.
        call.exists(key);
        let place = (db, Key::from(key.as_slice()));
        call.world.watched.entry(place.clone()).or_default().insert(id);
        call.client()?.watching.push(place);
    }
    Ok(Reply::OK)
}

/// `UNWATCH`
pub(crate) fn unwatch(call: &mut Call<'_>) -> Outcome {
    call.world.unwatch(call.client);
    Ok(Reply::OK)
}
