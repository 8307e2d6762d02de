//! What stands in Redis when all is over: nothing that has neither an owner nor an end.

use taskqueue::keys;

use crate::redis_server::RedisServer;
use crate::trouble::Trouble;

/// What a run may leave behind for somebody to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing.
    Nothing,
    /// So many messages that were put aside.
    Aside(u64),
}

/// What is wrong; nothing if all is clean.
pub(crate) async fn audit(redis: &RedisServer, expected: Expected) -> Result<Vec<String>, Trouble> {
    let mut wrong = Vec::new();
    let mut dead = 0;
    for key in keys(redis).await? {
        // -1 is for ever, -2 is gone by now.
        let ends: i64 = redis.ask(&["PTTL", &key]).await?;
        let owned = key.starts_with("_kombu.binding");
        if key.ends_with(".dead") {
            dead += redis.ask::<u64>(&["LLEN", &key]).await?;
        } else if ends == -1 && !owned {
            wrong.push(format!("the key {key} stays for ever"));
        }
    }
    let held = [
        redis.ask::<u64>(&["HLEN", keys::UNACKED]).await?,
        redis.ask(&["ZCARD", keys::UNACKED_INDEX]).await?,
        redis.ask(&["ZCARD", keys::UNACKED_ETA]).await?,
    ];
    if held != [0, 0, 0] {
        let [unacked, index, eta] = held;
        wrong.push(format!("unacked {unacked}, unacked_index {index}, unacked_eta {eta}"));
    }
    let most = match expected {
        Expected::Nothing => 0,
        Expected::Aside(count) => count,
    };
    if dead != most {
        wrong.push(format!("{dead} messages are put aside, and {most} should be"));
    }
    Ok(wrong)
}

async fn keys(redis: &RedisServer) -> Result<Vec<String>, Trouble> {
    let (mut keys, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let (next, page): (String, Vec<String>) =
            redis.ask(&["SCAN", &cursor, "COUNT", "1000"]).await?;
        keys.extend(page);
        if next == "0" {
            keys.sort();
            keys.dedup();
            return Ok(keys);
        }
        cursor = next;
    }
}
