//! Looking into Redis: the gauge of step 5, and the answers of step 8 as redis-cli prints them.
//!
//! Everything here only reads. Keys are found by SCAN, never by KEYS, and no more of them than a
//! page can show.

use std::collections::HashSet;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd};
use taskqueue::keys::DEFAULT_QUEUE;
use taskqueue::{Broker, BrokerUrl, DeadLetter};

use crate::broker;
use crate::printable::printable;
use crate::settings::Exit;
use crate::shell::quote;

/// How many results are counted before it says "or more".
const COUNTED: usize = 10_000;

/// The figures of the line that step 5 shows.
pub struct Gauge {
    url: BrokerUrl,
}

impl Gauge {
    /// A gauge of the Redis at `url`.
    #[must_use]
    pub fn of(url: &BrokerUrl) -> Self {
        Self { url: url.clone() }
    }

    /// `celery 3 waiting · unacked 1 · results 7 · clients 2`.
    pub async fn read(&self) -> String {
        match self.figures().await {
            Some(text) => text,
            None => "no answer".to_owned(),
        }
    }

    async fn figures(&self) -> Option<String> {
        let mut redis = broker::connect(&self.url).await.ok()?;
        let waiting: u64 = cmd("LLEN").arg("celery").query_async(&mut redis).await.ok()?;
        let unacked: u64 = cmd("HLEN").arg("unacked").query_async(&mut redis).await.ok()?;
        let results = keys(&mut redis, "celery-task-meta-*", COUNTED).await.ok()?.len();
        let more = if results >= COUNTED { "+" } else { "" };
        let info: String = cmd("INFO").arg("clients").query_async(&mut redis).await.ok()?;
        let clients = info.lines().find_map(|line| line.strip_prefix("connected_clients:"));
        // One of them is this gauge.
        let clients =
            clients.and_then(|count| count.trim().parse::<u64>().ok()).map_or(0, |count| count - 1);
        Some(format!(
            "celery {waiting} waiting · unacked {unacked} · results {results}{more} · clients {clients}"
        ))
    }
}

/// No message that was put aside has this id.
#[derive(Debug, thiserror::Error)]
#[error(
    "no message of task {} was put aside, or it is there no longer\n  next: list them with `cargo run --bin step8_examine -- --put-aside`,\n  or with `{redis_cli} LRANGE celery.dead 0 -1`",
    printable(id, 300)
)]
pub struct NotPutAside {
    id: String,
    redis_cli: String,
}

/// What was put aside of the tasks `ids`, the newest first.
///
/// # Errors
/// The broker can't be asked, or of one of them nothing was put aside.
pub async fn put_aside(
    queue: &Broker,
    ids: &[String],
    redis_cli: &str,
) -> Result<Vec<DeadLetter>, Exit> {
    let mut missing: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    DeadLetter::each(queue, DEFAULT_QUEUE, |letter| {
        if letter.task_id().is_some_and(|id| missing.remove(id.as_str())) {
            found.push(letter);
        }
        !missing.is_empty()
    })
    .await?;
    match missing.into_iter().next() {
        Some(id) => Err(NotPutAside { id: id.to_owned(), redis_cli: redis_cli.to_owned() }.into()),
        None => Ok(found),
    }
}

/// Keys that match `pattern`, as their bytes, sorted, at most `most`.
///
/// # Errors
/// Redis can't be asked.
pub async fn keys(
    redis: &mut MultiplexedConnection,
    pattern: &str,
    most: usize,
) -> RedisResult<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
        let (next, page): (u64, Vec<Vec<u8>>) = scan.query_async(redis).await?;
        found.extend(page);
        if next == 0 || found.len() >= most {
            break;
        }
        cursor = next;
    }
    found.sort();
    found.dedup();
    found.truncate(most);
    Ok(found)
}

/// Any command's answer, an error included, in redis-cli's form.
///
/// # Errors
/// The connection fails.
pub async fn run<W>(redis: &mut MultiplexedConnection, words: &[W]) -> RedisResult<String>
where
    W: AsRef<[u8]>,
{
    let mut command = redis::Cmd::new();
    words.iter().for_each(|word| {
        command.arg(word.as_ref());
    });
    match command.query_async::<Value>(redis).await {
        Ok(answer) => Ok(shown(&answer)),
        Err(error) if error.is_io_error() || error.is_timeout() => Err(error),
        Err(error) => Ok(format!("(error) {}", printable(&refusal(&error), 300))),
    }
}

/// Redis' own line: `ERR unknown command 'foo'`.
fn refusal(error: &redis::RedisError) -> String {
    format!("{} {}", error.code().unwrap_or("ERR"), error.detail().unwrap_or_default())
}

/// `"text"`, `(integer) 1`, `(nil)`, and lists numbered.
#[must_use]
pub fn shown(answer: &Value) -> String {
    match answer {
        Value::Nil => "(nil)".to_owned(),
        Value::Okay => "OK".to_owned(),
        Value::Int(number) => format!("(integer) {number}"),
        Value::Double(number) => format!("(double) {number}"),
        Value::SimpleString(text) => printable(text, usize::MAX),
        Value::BulkString(bytes) => quote(bytes),
        Value::Array(items) | Value::Set(items) if items.is_empty() => "(empty array)".to_owned(),
        Value::Array(items) | Value::Set(items) => numbered(items.iter().map(shown)),
        Value::Map(pairs) => {
            numbered(pairs.iter().map(|(key, value)| format!("{} => {}", shown(key), shown(value))))
        }
        other => printable(&format!("{other:?}"), usize::MAX),
    }
}

fn numbered(items: impl ExactSizeIterator<Item = String>) -> String {
    let width = items.len().to_string().len();
    let mut text = String::new();
    for (number, item) in (1..).zip(items) {
        let indent = format!("\n{:width$}  ", "");
        let separator = if number > 1 { "\n" } else { "" };
        text.push_str(&format!("{separator}{number:>width$}) {}", item.replace('\n', &indent)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn answers_look_as_in_redis_cli() {
        assert_eq!(shown(&Value::Int(3)), "(integer) 3");
        assert_eq!(shown(&Value::Nil), "(nil)");
        assert_eq!(shown(&bulk("celery\u{6}\u{16}3 \"ž\"")), r#""celery\x06\x163 \"\xc5\xbe\"""#);
        assert_eq!(shown(&Value::Array(Vec::new())), "(empty array)");
        let nested = Value::Array(vec![bulk("a"), Value::Array(vec![bulk("b"), Value::Int(1)])]);
        assert_eq!(shown(&nested), "1) \"a\"\n2) 1) \"b\"\n   2) (integer) 1");
    }
}
