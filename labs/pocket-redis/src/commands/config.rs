//! CONFIG: what clients ask about, and the little that can be set.
//!
//! Settings that Redis would honour and this server cannot (a memory limit, an append-only file)
//! are refused with the reason instead of being taken and forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::glob;
use crate::reply::Reply;
use crate::world::Stats;

/// Settings that stay as they are: name and value.
const FIXED: [(&str, &str); 24] = [
    ("appendfsync", "everysec"),
    ("appendonly", "no"),
    ("bind", "127.0.0.1"),
    ("client-output-buffer-limit", "normal 0 0 0 slave 0 0 0 pubsub 33554432 33554432 0"),
    ("client-query-buffer-limit", "67108864"),
    ("cluster-enabled", "no"),
    ("databases", "16"),
    ("dir", ""),
    ("hash-max-listpack-entries", "512"),
    ("hash-max-listpack-value", "64"),
    ("list-max-listpack-size", "-2"),
    ("logfile", ""),
    ("maxclients", "10000"),
    ("maxmemory", "0"),
    ("maxmemory-clients", "134217728"),
    ("maxmemory-policy", "noeviction"),
    ("notify-keyspace-events", ""),
    ("proto-max-bulk-len", "16777216"),
    ("requirepass", ""),
    ("save", ""),
    ("set-max-intset-entries", "512"),
    ("tcp-keepalive", "300"),
    ("zset-max-listpack-entries", "128"),
    ("zset-max-listpack-value", "64"),
];

/// How long a script may run: the old name, the new one, and the default in milliseconds.
const SCRIPT_LIMIT: [&str; 2] = ["lua-time-limit", "busy-reply-threshold"];

const NO_INTEGER: &str = "argument couldn't be parsed into an integer";

/// The settings that can change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// A script that runs longer is stopped.
    pub(crate) script_limit: Duration,
    /// Kept and told, without effect: how long a client may be idle.
    timeout: u64,
    /// Commands that take so many microseconds are kept in the slow log; negative: none.
    slowlog_slower_than: i64,
    slowlog_length: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            script_limit: Duration::from_secs(5),
            timeout: 0,
            slowlog_slower_than: 10_000,
            slowlog_length: 128,
        }
    }
}

impl Settings {
    /// From how many microseconds on a command is slow, and how many such are kept.
    pub(crate) fn slowlog(&self) -> (Option<u64>, usize) {
        (u64::try_from(self.slowlog_slower_than).ok(), self.slowlog_length)
    }

    /// All settings with their values, by name.
    fn all(&self, port: u16) -> BTreeMap<&'static str, String> {
        let mut all: BTreeMap<_, _> = FIXED.map(|(name, value)| (name, value.to_owned())).into();
        for name in SCRIPT_LIMIT {
            all.insert(name, self.script_limit.as_millis().to_string());
        }
        all.insert("port", port.to_string());
        all.insert("timeout", self.timeout.to_string());
        all.insert("slowlog-log-slower-than", self.slowlog_slower_than.to_string());
        all.insert("slowlog-max-len", self.slowlog_length.to_string());
        all
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        if FIXED.contains(&(name, value)) {
            return Ok(());
        }
        let number = value.parse::<u64>().map_err(|_| NO_INTEGER);
        match name {
            "timeout" => self.timeout = number?,
            "slowlog-log-slower-than" => {
                self.slowlog_slower_than = value.parse().map_err(|_| NO_INTEGER)?;
            }
            "slowlog-max-len" => {
                self.slowlog_length = usize::try_from(number?).unwrap_or(usize::MAX);
            }
            name if SCRIPT_LIMIT.contains(&name) => {
                self.script_limit = Duration::from_millis(number?);
            }
            _ => return Err("pocket-redis cannot change this; use a redis-server"),
        }
        Ok(())
    }
}

/// `CONFIG GET pattern …`
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let patterns = &call.args[2..];
    let all = call.world.settings.all(call.world.port).into_iter();
    let found = all.filter_map(|(name, value)| {
        let hit = |pattern: &&Vec<u8>| glob::matches_ignoring_case(pattern, name.as_bytes());
        let pattern = patterns.iter().find(hit)?;
        // A name is given back as it was written; what a pattern found has its own.
        let written = pattern.eq_ignore_ascii_case(name.as_bytes());
        let name = if written { Reply::bulk(pattern) } else { Reply::bulk(name) };
        Some((name, Reply::bulk(value)))
    });
    Ok(Reply::Map(found.collect()))
}

/// `CONFIG SET name value …`: all or none.
pub(crate) fn set(call: &mut Call<'_>) -> Outcome {
    let (pairs, []) = call.args[2..].as_chunks::<2>() else {
        return Err(Fault::Arity("config|set".to_owned()));
    };
    let known = call.world.settings.all(call.world.port);
    let mut changed = call.world.settings;
    for [name, value] in pairs {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if !known.contains_key(name.as_str()) {
            return Err(Fault::err(format!(
                "Unknown option or number of arguments for CONFIG SET - '{name}'"
            )));
        }
        changed.set(&name, &String::from_utf8_lossy(value)).map_err(|reason| {
            Fault::err(format!(
                "CONFIG SET failed (possibly related to argument '{name}') - {reason}"
            ))
        })?;
    }
    call.world.settings = changed;
    Ok(Reply::OK)
}

/// `CONFIG RESETSTAT`
pub(crate) fn resetstat(call: &mut Call<'_>) -> Outcome {
    let slow = std::mem::take(&mut call.world.stats.usage.slow);
    call.world.stats = Stats::default();
    call.world.stats.usage.slow = slow;
    Ok(Reply::OK)
}

/// `CONFIG REWRITE`
pub(crate) fn rewrite(_call: &mut Call<'_>) -> Outcome {
    Err("ERR The server is running without a config file".into())
}
