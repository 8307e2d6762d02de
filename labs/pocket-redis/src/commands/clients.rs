//! CLIENT: who is connected. What is done to clients is in `client_control.rs`.

use crate::call::{Call, Outcome};
use crate::client::{Client, ClientId};
use crate::command::Command;
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::{Protocol, Reply};

/// `CLIENT ID`
pub(crate) fn id(call: &mut Call<'_>) -> Outcome {
    Ok(number(call.client))
}

fn number(id: ClientId) -> Reply {
    Reply::Int(i64::try_from(id).unwrap_or(i64::MAX))
}

/// `CLIENT GETNAME`
pub(crate) fn getname(call: &mut Call<'_>) -> Outcome {
    let name = &call.client()?.name;
    Ok(if name.is_empty() { Reply::Null } else { Reply::bulk(name) })
}

/// `CLIENT SETNAME name`
pub(crate) fn setname(call: &mut Call<'_>) -> Outcome {
    let name = &call.args[2];
    check_name(name)?;
    call.client()?.name.clone_from(name);
    Ok(Reply::OK)
}

/// A name must fit into a line of CLIENT LIST.
pub(crate) fn check_name(name: &[u8]) -> Result<(), Fault> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err("ERR Client names cannot contain spaces, newlines or special characters.".into())
}

/// `CLIENT INFO`
pub(crate) fn info(call: &mut Call<'_>) -> Outcome {
    let now = call.world.now;
    Ok(Reply::Verbatim(describe(call.client()?, now)))
}

/// `CLIENT LIST [TYPE name] [ID id …]`
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let now = call.world.now;
    let wanted: Box<dyn Fn(&Client) -> bool> = match &call.args[2..] {
        [] => Box::new(|_| true),
        [word, name] if word.eq_ignore_ascii_case(b"type") => {
            let class = class(name)?;
            Box::new(move |client| is_of(client, class))
        }
        [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            let ids: Vec<ClientId> =
                ids.iter().map(|id| client_id(id)).collect::<Result<_, _>>()?;
            Box::new(move |client| ids.contains(&client.id))
        }
        _ => return Err(Fault::Syntax),
    };
    let clients = call.world.clients.values().filter(|client| wanted(client));
    Ok(Reply::Verbatim(clients.map(|client| describe(client, now)).collect()))
}

fn client_id(text: &[u8]) -> Result<ClientId, Fault> {
    let id = parse_int(text).and_then(|id| ClientId::try_from(id).ok());
    id.filter(|id| *id > 0).ok_or("ERR Invalid client ID".into())
}

/// The classes that TYPE knows; replicas and masters are never there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Normal,
    Pubsub,
    Other,
}

/// A class by its name.
pub(crate) fn class(name: &[u8]) -> Result<Class, Fault> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Class::Normal),
        b"pubsub" => Ok(Class::Pubsub),
        b"master" | b"replica" | b"slave" => Ok(Class::Other),
        _ => Err(Fault::err(format!("Unknown client type '{}'", String::from_utf8_lossy(name)))),
    }
}

/// Whether a client belongs to it.
pub(crate) fn is_of(client: &Client, class: Class) -> bool {
    match class {
        Class::Normal => client.subscriptions() == 0,
        Class::Pubsub => client.subscriptions() > 0,
        Class::Other => false,
    }
}

/// A line of CLIENT LIST, with Redis' fields; those about memory that is not measured are zero.
fn describe(client: &Client, now: i64) -> String {
    let flags = match client {
        Client { monitor: true, .. } => "O",
        Client { wait: Some(_), .. } => "b",
        Client { transaction: Some(_), .. } => "x",
        client if client.subscriptions() > 0 => "P",
        _ => "N",
    };
    let multi = client.transaction.as_ref().map(|transaction| transaction.queue.len());
    format!(
        "id={} addr={} laddr={} fd=0 name={} age={} idle={} flags={flags} db={} sub={} psub={} \
         ssub=0 multi={} qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 \
         omem={} tot-mem={} events=r cmd={} user=default redir=-1 resp={}\n",
        client.id,
        client.addr,
        client.local,
        String::from_utf8_lossy(&client.name),
        (now - client.since).max(0) / 1000,
        (now - client.last_seen).max(0) / 1000,
        client.db,
        client.channels.len(),
        client.patterns.len(),
        multi.map_or("-1".to_owned(), |queued| queued.to_string()),
        client.unrun,
        client.out.len() + client.sending,
        client.holds(),
        client.last_command.map_or_else(|| "NULL".to_owned(), Command::full_name),
        if client.protocol == Protocol::Resp3 { 3 } else { 2 },
    )
}
