//! What the scripts answer, as values.

use std::time::{Duration, Instant};

use redis::FromRedisValue;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::connection::Clock;

/// A message that was handed out, under a tag that stands for it until it is settled.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) tag: String,
    pub(crate) queue: String,
    pub(crate) raw: Vec<u8>,
}

/// What one fetch brought.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Redis' time. It was read before the answer travelled, so it is rather late than early.
    pub(crate) clock: Clock,
    pub(crate) deliveries: Vec<Delivery>,
    /// Messages that were put aside as unreadable: queue and text.
    pub(crate) unreadable: Vec<(String, Vec<u8>)>,
}

/// A tag that has stood in a sorted set for too long.
#[derive(Debug)]
pub(crate) struct Overdue {
    pub(crate) tag: String,
    pub(crate) score: f64,
    pub(crate) entry: Vec<u8>,
}

/// The answer to [`Broker::overdue`].
#[derive(Debug)]
pub(crate) struct OverduePage {
    pub(crate) now: f64,
    /// How long until the next one is.
    pub(crate) next: Option<Duration>,
    pub(crate) found: Vec<Overdue>,
}

impl Fetched {
    /// None for a reply that says that the call came too late.
    pub(super) fn from_reply(reply: Vec<Vec<u8>>) -> Option<Self> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if reply.get(1).is_some_and(|part| part == b"late") && reply.len() == 2 {
            return None;
        }
        let mut parts = reply.into_iter();
        let now = parts.next().and_then(|now| text(now).parse().ok()).unwrap_or_default();
        let clock = Clock::new(now, Instant::now());
        let mut fetched = Self { clock, deliveries: Vec::new(), unreadable: Vec::new() };
        while let (Some(tag), Some(queue), Some(raw)) = (parts.next(), parts.next(), parts.next()) {
            if tag.is_empty() {
                fetched.unreadable.push((text(queue), raw));
            } else {
                fetched.deliveries.push(Delivery { tag: text(tag), queue: text(queue), raw });
            }
        }
        Some(fetched)
    }
}

impl OverduePage {
    pub(super) fn from_reply(reply: Vec<redis::Value>) -> Result<Self, redis::ParsingError> {
        let mut parts = reply.into_iter();
        let mut take = || parts.next().unwrap_or(redis::Value::Nil);
        let now = f64::from_redis_value(take())?;
        let next = Option::<f64>::from_redis_value(take()).ok().flatten();
        let next = next.map(|score| Duration::from_secs_f64((score - now).max(0.0)));
        let mut found = Vec::new();
        while let redis::Value::BulkString(tag) = take() {
            let tag = String::from_utf8_lossy(&tag).into_owned();
            found.push(Overdue {
                tag,
                score: f64::from_redis_value(take())?,
                entry: Vec::from_redis_value(take())?,
            });
        }
        Ok(Self { now, next, found })
    }
}

impl Overdue {
    /// The message's text and its queue, out of `[message, exchange, queue]`.
    pub(crate) fn message(&self) -> Option<(Vec<u8>, String)> {
        let text = String::from_utf8_lossy(&self.entry);
        let text = crate::json::read(&text).text;
        let (raw, _exchange, queue): (&RawValue, Value, String) =
            serde_json::from_str(&text).ok()?;
        Some((raw.get().as_bytes().to_vec(), queue))
    }
}
