//! Redis' refusals in words: the cause, and what helps.
//!
//! By the code that begins its answer, as Redis documents them, or by its words where the code is
//! only `ERR`. What is not known here is told in Redis' own words.

use std::fmt::Display;
use std::io::ErrorKind;

use redis::RedisError;

use crate::broker_url::BrokerUrl;

/// Rights that are enough for a worker and for a client.
const ENOUGH: &str = "~* &* +@all -@admin -@dangerous +info";

/// Why Redis refuses, and its code: that is what one finds in its documentation.
pub(super) fn cause(error: &RedisError, url: &BrokerUrl) -> String {
    let why = why(error, url);
    match error.code().filter(|code| *code != "ERR" && !why.contains(code)) {
        Some(code) => format!("{why} ({})", printable(code)),
        None => why,
    }
}

fn why(error: &RedisError, url: &BrokerUrl) -> String {
    match kind(error) {
        Kind::WrongLogin if url.username().is_some() => "the user or its password is wrong".into(),
        Kind::WrongLogin => "the password is wrong".into(),
        Kind::NoLogin => "it wants a password".into(),
        Kind::NoPassword => "the URL has a password, and it wants none".into(),
        Kind::NoRight(right) => format!("the user {} may not {right}", name(url)),
        Kind::NoDatabase => format!("it has no database {}", url.db()),
        Kind::Crowded => "it has as many clients as it takes (maxclients)".into(),
        Kind::Cluster => "it is part of a cluster, where a script can't use all of its keys".into(),
        Kind::ClusterDown => "its cluster is down".into(),
        Kind::Disk => "it can't write its disk, and takes nothing meanwhile".into(),
        Kind::Full => "it is full: maxmemory is reached".into(),
        Kind::Replica => "it is a replica, which takes no writes".into(),
        Kind::Orphan => "it is a replica that has lost its primary".into(),
        Kind::NoReplicas => "too few of its replicas follow it".into(),
        Kind::Loading => "it is still reading its data from disk".into(),
        Kind::Busy => "a script has kept it busy for long".into(),
        Kind::Script => "it has forgotten a script (SCRIPT FLUSH)".into(),
        Kind::Transaction => "a transaction was broken off".into(),
        Kind::Protected => "it speaks only with its own machine (protected mode)".into(),
        Kind::NoCommand(command) => format!("it has no command {command}, or it is disabled there"),
        Kind::WrongType => "a key of the queue holds another type".into(),
        Kind::Unknown => own_words(error),
    }
}

/// What helps.
pub(super) fn next_step(error: &RedisError, url: &BrokerUrl) -> String {
    let redis_cli = url.redis_cli();
    match kind(error) {
        Kind::WrongLogin => {
            "correct the URL; in a password / is %2F, : %3A, @ %40, # %23, % %25".into()
        }
        Kind::NoLogin => format!("put it into the URL: {}", with_password(url)),
        Kind::NoPassword => "leave the password out of the URL, or set `requirepass` there".into(),
        Kind::NoRight(_) => format!(
            "as its administrator, in redis-cli: `ACL SETUSER {} {}`",
            name(url),
            right_to_give(error).unwrap_or_else(|| ENOUGH.to_owned())
        ),
        Kind::NoDatabase => {
            "name a lower one, such as 0, or raise `databases` in its redis.conf".into()
        }
        Kind::Crowded => "stop some of its clients, then raise `maxclients` there".into(),
        Kind::Cluster => "name a Redis that is no cluster (cluster-enabled no)".into(),
        Kind::ClusterDown => "name a Redis that is no cluster, or wait for it".into(),
        Kind::Disk => "make room on its disk; its log says what fails".into(),
        Kind::Full => "let the worker drain it, or raise `maxmemory` there".into(),
        Kind::Replica | Kind::Orphan => "wait for the failover, or name the primary".into(),
        Kind::NoReplicas => "wait for them; `min-replicas-to-write` says how many it wants".into(),
        Kind::Loading => "try again in a moment".into(),
        Kind::Busy => format!("wait for its end, or end it: `{redis_cli} SCRIPT KILL`"),
        Kind::Script | Kind::Transaction => "try again".into(),
        Kind::Protected => "give it a password (`requirepass`), or go by its own machine".into(),
        Kind::NoCommand(_) => "allow it there, or name a Redis 6.2 or newer".into(),
        Kind::WrongType => format!(
            "see which: `{redis_cli} TYPE celery` (a list), unacked (a hash),\n        unacked_index (a zset); another database is free of it"
        ),
        Kind::Unknown => format!("Redis' words say what; `{redis_cli} PING` tries it by hand"),
    }
}

/// What helps where something else is there.
pub(super) fn instead_of(what: &str) -> &'static str {
    match what.contains("TLS") {
        true => "name that Redis' port without TLS, or a tunnel to it (stunnel)",
        false => "correct the host or the port; Redis' usual one is 6379",
    }
}

/// What helps where nothing is, or nothing stays.
pub(super) fn unreachable(error: &RedisError, url: &BrokerUrl) -> String {
    let source = std::error::Error::source(error);
    let kind = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    match kind.map(std::io::Error::kind) {
        Some(ErrorKind::PermissionDenied) => "let this user use the socket file".into(),
        _ if error.is_connection_dropped() && !error.is_connection_refusal() => {
            "start it again if it fell; correct the port if something else is there".into()
        }
        _ if error.to_string().contains("lookup address") => "correct the host's name".into(),
        _ => start_one(url),
    }
}

/// The lab's broker answers at 127.0.0.1, and wants no login.
fn start_one(url: &BrokerUrl) -> String {
    const STEP_5: &str = "start one there, for the lab with `cargo run --bin step5_broker";
    match url.host_and_port() {
        _ if url.username().is_some() || url.has_password() => "start one there".into(),
        ("127.0.0.1" | "localhost", Some(6379)) => format!("{STEP_5}`"),
        ("127.0.0.1" | "localhost", Some(port)) => format!("{STEP_5} -- --port {port}`"),
        (_, Some(_)) => "start one there, or correct the host or the port".into(),
        (_, None) => "start one there (`unixsocket` in its redis.conf), or correct the path".into(),
    }
}

/// Whether it says so only because nobody logged in.
pub(super) fn wants_password(error: &RedisError) -> bool {
    matches!(kind(error), Kind::NoLogin)
}

/// Whether it is a right that is missing, or a place.
pub(super) fn withholds(error: &RedisError) -> bool {
    matches!(kind(error), Kind::NoRight(_) | Kind::Crowded)
}

/// Whether Redis would refuse the same again, however often it is asked.
pub(super) fn is_permanent(error: &RedisError) -> bool {
    matches!(
        kind(error),
        Kind::WrongLogin
            | Kind::NoLogin
            | Kind::NoPassword
            | Kind::NoRight(_)
            | Kind::NoDatabase
            | Kind::Cluster
            | Kind::Protected
            | Kind::NoCommand(_)
            | Kind::WrongType
    )
}

enum Kind {
    WrongLogin,
    NoLogin,
    NoPassword,
    NoRight(String),
    NoDatabase,
    Crowded,
    Cluster,
    ClusterDown,
    Disk,
    Full,
    Replica,
    Orphan,
    NoReplicas,
    Loading,
    Busy,
    Script,
    Transaction,
    Protected,
    NoCommand(String),
    WrongType,
    Unknown,
}

fn kind(error: &RedisError) -> Kind {
    let words = error.detail().unwrap_or_default();
    match error.code().unwrap_or("ERR") {
        "WRONGPASS" => Kind::WrongLogin,
        "NOAUTH" => Kind::NoLogin,
        "NOPERM" => Kind::NoRight(right(words)),
        "MOVED" | "ASK" | "CROSSSLOT" => Kind::Cluster,
        "CLUSTERDOWN" | "TRYAGAIN" => Kind::ClusterDown,
        "MISCONF" => Kind::Disk,
        "OOM" => Kind::Full,
        "READONLY" => Kind::Replica,
        "MASTERDOWN" => Kind::Orphan,
        "NOREPLICAS" => Kind::NoReplicas,
        "LOADING" => Kind::Loading,
        "BUSY" => Kind::Busy,
        "NOSCRIPT" => Kind::Script,
        "EXECABORT" => Kind::Transaction,
        "DENIED" => Kind::Protected,
        "WRONGTYPE" => Kind::WrongType,
        _ if error.kind() == redis::ErrorKind::AuthenticationFailed => Kind::WrongLogin,
        _ => kind_by_words(words),
    }
}

/// Redis says only `ERR`, or the answer of a script holds the code somewhere.
fn kind_by_words(words: &str) -> Kind {
    match words {
        words if words.contains("max number of clients") => Kind::Crowded,
        words if words.contains("without any password") || words.contains("no password is set") => {
            Kind::NoPassword
        }
        words if words.contains("DB index") => Kind::NoDatabase,
        words if words.contains("SELECT is not allowed in cluster") => Kind::Cluster,
        words if words.contains("invalid password") || words.contains("invalid username") => {
            Kind::WrongLogin
        }
        words if words.contains("unknown command") || words.contains("Unknown Redis command") => {
            Kind::NoCommand(quoted(words).unwrap_or("of the queue").to_ascii_uppercase())
        }
        words if words.contains("can't run this command") || words.contains("NOPERM") => {
            Kind::NoRight(right(words))
        }
        words if words.contains("WRONGTYPE") => Kind::WrongType,
        _ => Kind::Unknown,
    }
}

/// `run EVALSHA`, `use the channel`, `use all of the queue's keys`.
fn right(words: &str) -> String {
    match words {
        words if words.contains("channel") => "use the channels of the queue".to_owned(),
        words if words.contains("access") && words.contains("key") => {
            "use all keys of the queue".to_owned()
        }
        words => match quoted(words) {
            Some(command) => format!("run {}", command.to_ascii_uppercase()),
            None => "run a command that the queue's scripts use".to_owned(),
        },
    }
}

/// What `ACL SETUSER` has to be told, where Redis named it.
fn right_to_give(error: &RedisError) -> Option<String> {
    let words = error.detail()?;
    if words.contains("channel") {
        return Some("&*".to_owned());
    }
    if words.contains("access") && words.contains("key") {
        return Some("~*".to_owned());
    }
    let command = quoted(words)?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '|';
    command.chars().all(plain).then(|| format!("+{command}"))
}

/// What stands between two of Redis' quotes.
fn quoted(words: &str) -> Option<&str> {
    let opening = words.find(['\'', '`'])?;
    let rest = &words[opening + 1..];
    Some(&rest[..rest.find(['\'', '`'])?]).filter(|word| word.len() <= 40)
}

fn name(url: &BrokerUrl) -> &str {
    url.username().unwrap_or("default")
}

/// The URL with a place for the password.
fn with_password(url: &BrokerUrl) -> String {
    url.to_string().replacen("://", "://:PASSWORD@", 1)
}

/// As Redis wrote it: `READONLY You can't write against a read only replica.`
fn own_words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => printable(format!("{code} {detail}")),
        _ => printable(error),
    }
}

/// On one line, without anything that steers a terminal, and no longer than a few lines.
pub(super) fn printable(text: impl Display) -> String {
    let text = text.to_string();
    let shown = text.chars().take(300).flat_map(|letter| {
        let control = letter.is_control();
        let escaped = control.then(|| letter.escape_default()).into_iter().flatten();
        escaped.chain((!control).then_some(letter))
    });
    shown.collect()
}
