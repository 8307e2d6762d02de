//! The server about itself: INFO, TIME, MONITOR, SHUTDOWN, and the answers of what it has not.

use crate::call::{Call, Outcome};
use crate::client::Client;
use crate::db::Db;
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::world::{World, since_1970};

/// The version that this server answers like. Clients decide by it what they may send.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

/// A section of INFO: its title and how it is written.
type Section = (&'static str, fn(&World) -> String);

/// The sections of INFO, in order.
const SECTIONS: [Section; 10] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", |_| String::new()),
    (COMMANDSTATS, commandstats),
    ("Cluster", |_| line("cluster_enabled", 0)),
    ("Keyspace", keyspace),
];

/// Left out where nothing is asked for by name, as in Redis.
const COMMANDSTATS: &str = "Commandstats";

/// `INFO [section …]`
pub(crate) fn info(call: &mut Call<'_>) -> Outcome {
    let words = &call.args[1..];
    let is = |word: &Vec<u8>, name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let wanted = |name: &str| {
        let everything = words.iter().any(|word| is(word, "all") || is(word, "everything"));
        let default = words.is_empty() || words.iter().any(|word| is(word, "default"));
        everything || (default && name != COMMANDSTATS) || words.iter().any(|word| is(word, name))
    };
    let sections = SECTIONS.iter().filter(|(name, _)| wanted(name));
    let texts = sections.map(|(name, text)| format!("# {name}\r\n{}", text(call.world)));
    Ok(Reply::Verbatim(texts.collect::<Vec<_>>().join("\r\n")))
}

fn line(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}:{value}\r\n")
}

fn server(world: &World) -> String {
    let uptime = (world.now - world.started) / 1000;
    [
        line("redis_version", REDIS_VERSION),
        line("pocket_redis_version", env!("CARGO_PKG_VERSION")),
        line("redis_mode", "standalone"),
        line("os", std::env::consts::OS),
        line("arch_bits", usize::BITS),
        line("process_id", std::process::id()),
        line("tcp_port", world.port),
        line("uptime_in_seconds", uptime),
        line("uptime_in_days", uptime / 86_400),
        line("executable", "pocket-redis"),
        line("config_file", ""),
    ]
    .concat()
}

fn clients(world: &World) -> String {
    let blocked = world.clients.values().filter(|client| client.wait.is_some()).count();
    [
        line("connected_clients", world.clients.len()),
        line("maxclients", 10_000),
        line("blocked_clients", blocked),
    ]
    .concat()
}

/// About what the values hold; the process is not measured.
fn used(world: &World) -> usize {
    let entries = world.dbs.iter().flat_map(|db| db.entries().iter());
    entries.map(|(key, entry)| key.len() + entry.value.size()).sum()
}

fn memory(world: &World) -> String {
    let used = used(world);
    [
        line("used_memory", used),
        line(
            "used_memory_human",
            format!("{:.2}K", f64::from(u32::try_from(used).unwrap_or(u32::MAX)) / 1024.0),
        ),
        line("maxmemory", 0),
        line("maxmemory_human", "0B"),
        line("maxmemory_policy", "noeviction"),
    ]
    .concat()
}

fn persistence(world: &World) -> String {
    [
        line("loading", 0),
        line("rdb_changes_since_last_save", 0),
        line("rdb_last_save_time", world.started / 1000),
        line("aof_enabled", 0),
    ]
    .concat()
}

fn stats(world: &World) -> String {
    [
        line("total_connections_received", world.stats.connections),
        line("total_commands_processed", world.stats.commands),
        line("expired_keys", world.stats.expired),
        line("evicted_keys", 0),
        line("evicted_clients", world.stats.evicted_clients),
        line("pubsub_channels", world.subscriptions.channels.len()),
        line("pubsub_patterns", world.subscriptions.patterns.len()),
    ]
    .concat()
}

#[expect(clippy::cast_precision_loss, reason = "told with two places")]
fn commandstats(world: &World) -> String {
    let counts = world.stats.usage.by_name().into_iter();
    counts
        .map(|(name, count)| {
            let each = count.micros as f64 / count.calls.max(1) as f64;
            format!(
                "cmdstat_{name}:calls={},usec={},usec_per_call={each:.2},rejected_calls={},\
                 failed_calls={}\r\n",
                count.calls, count.micros, count.rejected, count.failed
            )
        })
        .collect()
}

fn replication(_world: &World) -> String {
    line("role", "master") + &line("connected_slaves", 0)
}

fn keyspace(world: &World) -> String {
    let used = world.dbs.iter().enumerate().filter(|(_, db)| db.len() > 0);
    used.map(|(number, db)| {
        let (keys, expiring) = (db.len(), db.expiring());
        line(&format!("db{number}"), format!("keys={keys},expires={expiring},avg_ttl=0"))
    })
    .collect()
}

/// `TIME`
pub(crate) fn time(_call: &mut Call<'_>) -> Outcome {
    let now = since_1970();
    Ok(Reply::bulks([now.as_secs().to_string(), now.subsec_micros().to_string()]))
}

/// `MONITOR`
pub(crate) fn monitor(call: &mut Call<'_>) -> Outcome {
    let id = call.client;
    call.world.monitors.insert(id);
    call.client()?.monitor = true;
    Ok(Reply::OK)
}

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE]`: the connection just ends, as Redis' does.
pub(crate) fn shutdown(call: &mut Call<'_>) -> Outcome {
    for place in 1..call.args.len() {
        if call.is(place, "save") {
            return no_disk(call);
        }
        if !["nosave", "now", "force"].iter().any(|word| call.is(place, word)) {
            return Err(Fault::Syntax);
        }
    }
    if let Some(stop) = &call.world.stop {
        stop.notify_one();
    }
    Ok(Reply::NOTHING)
}

/// `SAVE, BGSAVE, BGREWRITEAOF`
pub(crate) fn no_disk(_call: &mut Call<'_>) -> Outcome {
    Err("ERR pocket-redis keeps nothing on disk; use a redis-server to keep data".into())
}

/// `LASTSAVE`: nothing was ever saved; the start is the best answer.
pub(crate) fn lastsave(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Int(call.world.started / 1000))
}

/// `WAIT replicas timeout`: there are none.
pub(crate) fn wait(call: &mut Call<'_>) -> Outcome {
    call.int(1)?;
    let timeout =
        parse_int(&call.args[2]).ok_or("ERR timeout is not an integer or out of range")?;
    if timeout < 0 {
        return Err("ERR timeout is negative".into());
    }
    Ok(Reply::Int(0))
}

/// `DEBUG`: not for a class.
pub(crate) fn debug(_call: &mut Call<'_>) -> Outcome {
    Err("ERR DEBUG is not supported by pocket-redis; use a redis-server".into())
}

/// `MEMORY STATS`: what is known of it; the process is not measured.
pub(crate) fn memory_stats(call: &mut Call<'_>) -> Outcome {
    let world = &*call.world;
    let (used, keys): (_, usize) = (used(world), world.dbs.iter().map(Db::len).sum());
    let clients: usize = world.clients.values().map(Client::holds).sum();
    let facts = [
        ("total.allocated", used + clients),
        ("clients.normal", clients),
        ("keys.count", keys),
        ("keys.bytes-per-key", used / keys.max(1)),
        ("dataset.bytes", used),
    ];
    let facts = facts.map(|(name, number)| (Reply::bulk(name), Reply::count(number)));
    Ok(Reply::Map(facts.into()))
}

/// `ROLE`
pub(crate) fn role(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Array(vec![Reply::bulk("master"), Reply::Int(0), Reply::Array(Vec::new())]))
}

/// `REPLICAOF NO ONE`, as it is anyway; SLAVEOF is its old name.
pub(crate) fn replicaof(call: &mut Call<'_>) -> Outcome {
    if call.is(1, "no") && call.is(2, "one") {
        return Ok(Reply::OK);
    }
    Err(Fault::NotHere("REPLICAOF".to_owned()))
}

/// `LOLWUT [VERSION n …]`
pub(crate) fn lolwut(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Verbatim(format!("Redis ver. {REDIS_VERSION}\n")))
}

/// `MEMORY DOCTOR`
pub(crate) fn memory_doctor(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Verbatim("pocket-redis does not measure its memory.\n".to_owned()))
}

/// `LATENCY LATEST, LATENCY HISTORY, MODULE LIST`: there are none.
pub(crate) fn nothing(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Array(Vec::new()))
}

/// `LATENCY RESET`
pub(crate) fn zero(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Int(0))
}

/// `MEMORY PURGE`: there is nothing to do.
pub(crate) fn ok(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::OK)
}
