//! The connection itself: PING, SELECT, HELLO, AUTH, QUIT, RESET.

use crate::call::{Call, Outcome};
use crate::client::{Closing, Replies};
use crate::commands::clients::check_name;
use crate::commands::info::REDIS_VERSION;
use crate::commands::keyspace::database;
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::{Protocol, Reply};

/// `PING [message]`
pub(crate) fn ping(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 2 {
        return Err(call.arity());
    }
    let message = call.args.get(1);
    // A RESP2 subscriber reads messages only, so the answer looks like one.
    if call.client()?.is_subscriber() {
        let message = message.map_or(&b""[..], Vec::as_slice);
        return Ok(Reply::bulks([b"pong".as_slice(), message]));
    }
    Ok(message.map_or(Reply::Status("PONG"), Reply::bulk))
}

/// `ECHO message`
pub(crate) fn echo(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::bulk(&call.args[1]))
}

/// `SELECT index`
pub(crate) fn select(call: &mut Call<'_>) -> Outcome {
    call.db = database(&call.args[1])?;
    Ok(Reply::OK)
}

/// `AUTH [user] password`: there is one user, and it has no password.
pub(crate) fn auth(call: &mut Call<'_>) -> Outcome {
    match &call.args[1..] {
        [_] => Err("ERR AUTH <password> called without any password configured for the default \
             user. Are you sure your configuration is correct?"
            .into()),
        [user, _] => check_user(user).map(|()| Reply::OK),
        _ => Err(Fault::Syntax),
    }
}

fn check_user(user: &[u8]) -> Result<(), Fault> {
    if user == b"default" {
        return Ok(());
    }
    Err("WRONGPASS invalid username-password pair or user is disabled.".into())
}

/// `HELLO [protocol [AUTH user password] [SETNAME name]]`
pub(crate) fn hello(call: &mut Call<'_>) -> Outcome {
    let protocol = call.args.get(1).map(|text| protocol(text)).transpose()?;
    let name = hello_options(call.args.get(2..).unwrap_or_default())?;
    let client = call.client()?;
    if let Some(protocol) = protocol {
        client.protocol = protocol;
    }
    if let Some(name) = name {
        client.name = name.to_vec();
    }
    let (id, protocol) = (client.id, client.protocol);
    call.protocol = protocol;
    let proto = if protocol == Protocol::Resp3 { 3 } else { 2 };
    let text = |name: &str, value: &str| (Reply::bulk(name), Reply::bulk(value));
    Ok(Reply::Map(vec![
        text("server", "redis"),
        text("version", REDIS_VERSION),
        (Reply::bulk("proto"), Reply::Int(proto)),
        (Reply::bulk("id"), Reply::Int(i64::try_from(id).unwrap_or(i64::MAX))),
        text("mode", "standalone"),
        text("role", "master"),
        (Reply::bulk("modules"), Reply::Array(Vec::new())),
    ]))
}

fn protocol(text: &[u8]) -> Result<Protocol, Fault> {
    match parse_int(text) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err("NOPROTO unsupported protocol version".into()),
        None => Err("ERR Protocol version is not an integer or out of range".into()),
    }
}

/// Checks the options; gives the name to set.
fn hello_options(mut words: &[Vec<u8>]) -> Result<Option<&[u8]>, Fault> {
    let mut name = None;
    while let [word, rest @ ..] = words {
        words = match (word.to_ascii_uppercase().as_slice(), rest) {
            (b"AUTH", [user, _password, rest @ ..]) => {
                check_user(user)?;
                rest
            }
            (b"SETNAME", [text, rest @ ..]) => {
                check_name(text)?;
                name = Some(text.as_slice());
                rest
            }
            _ => {
                let word = String::from_utf8_lossy(word);
                return Err(Fault::err(format!("Syntax error in HELLO option '{word}'")));
            }
        };
    }
    Ok(name)
}

/// `QUIT`
pub(crate) fn quit(call: &mut Call<'_>) -> Outcome {
    call.client()?.close(Closing::AfterReplies);
    Ok(Reply::OK)
}

/// `RESET`: as if the connection were new.
pub(crate) fn reset(call: &mut Call<'_>) -> Outcome {
    let id = call.client;
    call.world.unwatch(id);
    call.world.unsubscribe_all(id);
    call.world.monitors.remove(&id);
    let client = call.client()?;
    client.transaction = None;
    client.monitor = false;
    client.name.clear();
    client.protocol = Protocol::Resp2;
    client.replies = Replies::On;
    client.no_evict = false;
    call.db = 0;
    Ok(Reply::Status("RESET"))
}
