//! What is to be known of a row that failed: the tasks, the ledger's end, and what is left in Redis.

use std::time::Duration;

use tokio::time::timeout;

use crate::ledger::Ledger;
use crate::redis_server::RedisServer;
use crate::trouble::Trouble;

/// How many tasks are told of, and how many of the ledger's last lines.
const TASKS: usize = 20;
const TAIL: usize = 30;
/// A Redis that does not answer is no evidence.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lines about the tasks `ids`: what the ledger and Redis say of each, and what else there is.
pub(crate) async fn evidence(
    redis: &RedisServer,
    ledger: &Ledger,
    ids: &[String],
) -> Result<Vec<String>, Trouble> {
    let text = std::fs::read_to_string(ledger.path())?;
    let mut lines = Vec::new();
    for id in ids.iter().take(TASKS) {
        let noted = text.lines().filter(|line| line.split(' ').nth(1) == Some(id));
        lines.extend(noted.map(|line| format!("{id}: ledger: {line}")));
        let place = timeout(PATIENCE, place(redis, id)).await;
        let place = place.unwrap_or_else(|_| Ok("does not answer".to_owned()));
        lines.push(format!("{id}: Redis: {}", place.unwrap_or_else(|error| error.to_string())));
    }
    if let Ok(Ok(keys)) = timeout(PATIENCE, redis.ask::<Vec<Vec<u8>>>(&["KEYS", "[^c]*"])).await {
        let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
        lines.push(format!("keys left: {}", keys.join(" ")));
    }
    let tail: Vec<_> = text.lines().rev().take(TAIL).collect();
    lines.extend(tail.into_iter().rev().map(|line| format!("the ledger's end: {line}")));
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
