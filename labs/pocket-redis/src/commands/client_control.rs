//! CLIENT: what is done to connections: cut, woken, silenced.

use crate::call::{Call, Outcome};
use crate::client::{Client, ClientId, Closing, Replies};
use crate::command::cut;
use crate::commands::clients::{class, is_of};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;

/// `CLIENT KILL addr | [ID id] [ADDR addr] [LADDR addr] [TYPE name] [SKIPME yes | no]`
pub(crate) fn kill(call: &mut Call<'_>) -> Outcome {
    if let [addr] = &call.args[2..] {
        let victims = victims(call, &[(b"ADDR".to_vec(), addr.clone())])?;
        return match close(call, &victims) {
            0 => Err("ERR No such client".into()),
            _ => Ok(Reply::OK),
        };
    }
    let (filters, []) = call.args[2..].as_chunks::<2>() else {
        return Err(Fault::Syntax);
    };
    let filters: Vec<_> =
        filters.iter().map(|[name, value]| (name.to_ascii_uppercase(), value.clone())).collect();
    let mut victims = victims(call, &filters)?;
    // Only the new form spares the caller by itself.
    if !filters.iter().any(|(name, value)| name == b"SKIPME" && value.eq_ignore_ascii_case(b"no")) {
        victims.retain(|id| *id != call.client);
    }
    Ok(Reply::count(close(call, &victims)))
}

fn victims(call: &Call<'_>, filters: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<ClientId>, Fault> {
    let mut clients: Vec<&Client> = call.world.clients.values().collect();
    for (name, value) in filters {
        let text = String::from_utf8_lossy(value);
        match name.as_slice() {
            b"ID" => {
                let id = parse_int(value).and_then(|id| ClientId::try_from(id).ok());
                let id = id.filter(|id| *id > 0).ok_or("ERR client-id should be greater than 0")?;
                clients.retain(|client| client.id == id);
            }
            b"ADDR" => clients.retain(|client| client.addr.to_string() == text),
            b"LADDR" => clients.retain(|client| client.local.to_string() == text),
            b"USER" if text == "default" => {}
            b"USER" => return Err(Fault::err(format!("No such user '{text}'"))),
            b"TYPE" => {
                let class = class(value)?;
                clients.retain(|client| is_of(client, class));
            }
            b"SKIPME" if ["yes", "no"].contains(&text.to_ascii_lowercase().as_str()) => {}
            _ => return Err(Fault::Syntax),
        }
    }
    Ok(clients.into_iter().map(|client| client.id).collect())
}

/// The caller still gets its answer.
fn close(call: &mut Call<'_>, victims: &[ClientId]) -> usize {
    for id in victims {
        let how = if *id == call.client { Closing::AfterReplies } else { Closing::Now };
        if let Some(client) = call.world.clients.get_mut(id) {
            client.close(how);
        }
    }
    victims.len()
}

/// `CLIENT UNBLOCK id [TIMEOUT | ERROR]`
pub(crate) fn unblock(call: &mut Call<'_>) -> Outcome {
    let reply = match &call.args[3..] {
        [] => Reply::NullArray,
        [how] if how.eq_ignore_ascii_case(b"timeout") => Reply::NullArray,
        [how] if how.eq_ignore_ascii_case(b"error") => {
            Reply::Error("UNBLOCKED client unblocked via CLIENT UNBLOCK".to_owned())
        }
        _ => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    let id = ClientId::try_from(call.int(2)?).unwrap_or(0);
    Ok(Reply::flag(call.world.unblock(id, &reply)))
}

/// `CLIENT REPLY ON | OFF | SKIP`
pub(crate) fn reply(call: &mut Call<'_>) -> Outcome {
    let replies = match call.args[2].to_ascii_lowercase().as_slice() {
        b"on" => Replies::On,
        b"off" => Replies::Off,
        b"skip" => Replies::SkipNext,
        _ => return Err(Fault::Syntax),
    };
    let client = call.client()?;
    if client.replies == Replies::Off && replies == Replies::SkipNext {
        return Ok(Reply::NOTHING);
    }
    client.replies = replies;
    Ok(if replies == Replies::Off { Reply::NOTHING } else { Reply::OK })
}

/// `CLIENT NO-EVICT ON | OFF`: nobody is evicted here.
pub(crate) fn no_evict(call: &mut Call<'_>) -> Outcome {
    let on = switch(call)?;
    call.client()?.no_evict = on;
    Ok(Reply::OK)
}

fn switch(call: &Call<'_>) -> Result<bool, Fault> {
    match (call.is(2, "on"), call.is(2, "off")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Fault::Syntax),
    }
}

/// `CLIENT PAUSE milliseconds [WRITE | ALL]`: for no time at all.
pub(crate) fn pause(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 4 {
        let name = cut(&call.args[1], 128);
        let text = "unknown subcommand or wrong number of arguments for";
        return Err(Fault::err(format!("{text} '{name}'. Try CLIENT HELP.")));
    }
    if call.args.len() > 3 && !call.is(3, "write") && !call.is(3, "all") {
        return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into());
    }
    match parse_int(&call.args[2]) {
        None => return Err("ERR timeout is not an integer or out of range".into()),
        Some(..0) => return Err("ERR timeout is negative".into()),
        Some(0) => return Ok(Reply::OK),
        Some(_) => {}
    }
    Err("ERR CLIENT PAUSE is not supported by pocket-redis: next: use a redis-server".into())
}

/// `CLIENT TRACKINGINFO`: nothing is tracked.
pub(crate) fn tracking_info(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Map(vec![
        (Reply::bulk("flags"), Reply::Set(vec![Reply::bulk("off")])),
        (Reply::bulk("redirect"), Reply::Int(-1)),
        (Reply::bulk("prefixes"), Reply::Array(Vec::new())),
    ]))
}

/// `CLIENT GETREDIR`
pub(crate) fn getredir(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Int(-1))
}

/// `CLIENT UNPAUSE`: nobody is ever paused.
pub(crate) fn unpause(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::OK)
}
