//! The server about itself: INFO, TIME, MONITOR, SHUTDOWN, and the answers of what it has not.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::world::{World, since_1970};

/// The version that this server answers like. Clients decide by it what they may send.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

/// A section of INFO: its title and how it is written.
type Section = (&'static str, fn(&World) -> String);

/// The sections of INFO, in order.
const SECTIONS: [Section; 9] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", |_| String::new()),
    ("Cluster", |_| line("cluster_enabled", 0)),
    ("Keyspace", keyspace),
];

/// `INFO [section …]`
pub(crate) fn info(call: &mut Call<'_>) -> Outcome {
    let words = &call.args[1..];
    let all = |word: &Vec<u8>| {
        ["all", "default", "everything"].iter().any(|all| word.eq_ignore_ascii_case(all.as_bytes()))
    };
    let wanted = |name: &str| {
        let named = |word: &Vec<u8>| word.eq_ignore_ascii_case(name.as_bytes());
        words.is_empty() || words.iter().any(|word| all(word) || named(word))
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
fn memory(world: &World) -> String {
    let dbs = world.dbs.iter();
    let entries = dbs.flat_map(|db| db.entries().iter());
    let used: usize = entries.map(|(key, entry)| key.len() + entry.value.size()).sum();
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

/// `MEMORY DOCTOR`
pub(crate) fn memory_doctor(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Verbatim("pocket-redis does not measure its memory.\n".to_owned()))
}

/// `SLOWLOG GET, LATENCY LATEST`: nothing is recorded.
pub(crate) fn nothing(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Array(Vec::new()))
}

/// `SLOWLOG LEN, LATENCY RESET`
pub(crate) fn zero(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Int(0))
}

/// `SLOWLOG RESET`
pub(crate) fn ok(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::OK)
}
