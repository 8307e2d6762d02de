//! What is to be known of a row that failed, or came to no end: how to play it again, its tasks, what
//! is left in Redis, and the ends of its files.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::redis_server::RedisServer;
use crate::row::Row;
use crate::stage::{Bench, LEDGER};
use crate::trouble::Trouble;
use crate::worker::DIARY;

/// How many tasks are told of, and how many of each file's last lines.
const TASKS: usize = 20;
const TAIL: usize = 30;
/// A Redis that does not answer is no evidence.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lines about the tasks `ids`, or, where none is suspected, about those that began and did not end.
pub(crate) async fn evidence(row: Row, bench: &Bench, ids: &[String]) -> Vec<String> {
    let quick = if bench.quick { " --quick" } else { "" };
    let again = format!("again: scripts/chaos.sh{quick} --seed {} {}", bench.seed, row.name());
    let read = |name| std::fs::read(bench.directory.join(name)).unwrap_or_default();
    let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
    let (ledger, diary, redis_log) = (text(LEDGER), text(DIARY), text("redis.log"));
    let mut ids = if ids.is_empty() { unfinished(&ledger) } else { ids.to_vec() };
    ids.truncate(TASKS);
    let mut lines = vec![again];
    for id in &ids {
        for (source, text) in [("ledger", &ledger), ("workers", &diary)] {
            lines.extend(about(id, text).map(|line| format!("{id}: {source}: {line}")));
        }
    }
    if let Some(redis) = bench.redis.get() {
        lines.extend(match timeout(PATIENCE, left(redis, &ids)).await {
            Ok(Ok(left)) => left,
            Ok(Err(error)) => vec![format!("Redis: {error}")],
            Err(_) => vec!["Redis does not answer".to_owned()],
        });
    }
    for (name, text) in [(LEDGER, ledger), (DIARY, diary), ("redis.log", redis_log)] {
        let tail: Vec<_> = text.lines().rev().take(TAIL).collect();
        lines.extend(tail.into_iter().rev().map(|line| format!("end of {name}: {line}")));
    }
    lines
}

/// The lines about one task.
fn about<'a>(id: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter(move |line| line.split(' ').nth(1) == Some(id))
}

/// Tasks that began and whose work was never done.
fn unfinished(ledger: &str) -> Vec<String> {
    let ids = |what: &'static str| {
        let lines = ledger.lines().filter_map(move |line| line.strip_prefix(what));
        lines.filter_map(|rest| rest.split(' ').next())
    };
    let done: HashSet<_> = ids("done ").collect();
    let mut unfinished: Vec<_> = ids("start ").filter(|id| !done.contains(id)).collect();
    unfinished.sort_unstable();
    unfinished.dedup();
    unfinished.into_iter().map(str::to_owned).collect()
}

/// Where Redis has each of these tasks, and what else it has.
async fn left(redis: &RedisServer, ids: &[String]) -> Result<Vec<String>, Trouble> {
    let mut lines = Vec::new();
    for id in ids {
        lines.push(format!("{id}: Redis: {}", place(redis, id).await?));
    }
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "[^c]*"]).await?;
    let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
    lines.push(format!("keys left: {}", keys.join(" ")));
    for look in [["LLEN", "celery"], ["HLEN", "unacked"], ["LLEN", "celery.dead"]] {
        lines.push(format!("{}: {}", look.join(" "), redis.ask::<u64>(&look).await?));
    }
    Ok(lines)
}

/// Where Redis has this task, and its result.
async fn place(redis: &RedisServer, id: &str) -> Result<String, Trouble> {
    let mut places = Vec::new();
    for (name, look) in [
        ("waits", ["LRANGE", "celery", "0", "-1"].as_slice()),
        ("held", &["HVALS", "unacked"]),
        ("put aside", &["LRANGE", "celery.dead", "0", "-1"]),
    ] {
        let found: Vec<Vec<u8>> = redis.ask(look).await?;
        let has = |raw: &Vec<u8>| raw.windows(id.len()).any(|part| part == id.as_bytes());
        places.extend(found.iter().any(has).then_some(name));
    }
    let result: Option<String> = redis.ask(&["GET", &format!("celery-task-meta-{id}")]).await?;
    Ok(format!("{places:?}, result {}", result.unwrap_or_else(|| "none".to_owned())))
}

#[test]
fn what_began_and_never_ended_is_told_of_where_nothing_is_suspected() {
    let ledger = "online - 0 1 1 \nstart b 0 1 1 \nstart a 0 1 1 \nstart a 0 2 1 \nstart c 0 1 1 \ndone c 0 1 1 \n";
    assert_eq!(unfinished(ledger), ["a", "b"]);
    assert_eq!(about("c", ledger).count(), 2);
}
