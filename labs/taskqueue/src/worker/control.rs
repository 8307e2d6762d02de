//! Remote control: `celery inspect …` and `celery control …`, as a Celery worker answers them.
//!
//! ```text
//! celery inspect ping ──PUBLISH /0.celery.pidbox──▶ control (this file) ──▶ inspect   what there is
//!        ▲                                             │                └──▶ orders    what is to change
//!        └───────LPUSH <id>.reply.celery.pidbox────────┘
//! ```
//!
//! Everybody hears everything and answers what is meant for it (`kombu.pidbox`). An order may come
//! from anyone who can reach Redis: what can't be read is told and does nothing, and a name in it
//! becomes part of a key only if it is safe. While Redis is away nothing is heard, as in Celery.

mod inspect;
mod mingle;
mod orders;
mod registered;
mod rusage;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::{RedisError, RedisResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::broker::ReplyTo;
use crate::event::Event;
use crate::message::is_safe_id;
use crate::{json, keys, transient};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Before a broken channel is opened again.
const RECONNECT: Duration = Duration::from_secs(1);

pub(super) use mingle::mingle;

/// What somebody asks of the workers.
#[derive(Deserialize)]
struct Call {
    method: String,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
    #[serde(default)]
    destination: Option<Vec<String>>,
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default)]
    reply_to: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    exchange: String,
    routing_key: String,
}

/// JSON text, in Celery's order of fields; none where Celery says nothing.
type Answer = Option<String>;

/// Hears and answers until the worker has `ended`.
pub(super) async fn listen(shared: Arc<Shared>, ended: CancellationToken) {
    let hear_for_ever = async {
        let mut told = false;
        loop {
            if let Err(error) = hear(&shared).await {
                let error = shared.broker.connection().explained(error).await;
                // Any other error is no news: whoever fetches meets the same outage and tells of it.
                told = told || shared.is_withheld("hear remote control", &error);
            }
            sleep(RECONNECT).await;
        }
    };
    ended.run_until_cancelled(hear_for_ever).await;
}

/// Returns when the channel can't be heard any more.
async fn hear(shared: &Arc<Shared>) -> RedisResult<()> {
    let client = shared.broker.connection().client();
    let connecting = timeout(CONNECT_TIMEOUT, client.get_async_pubsub());
    let mut mailbox = connecting.await.map_err(|_| silent())??;
    mailbox.psubscribe(shared.broker.channel(keys::CONTROL_EXCHANGE, "")).await?;
    let _ = shared.broker.bind(&shared.queues.names()).await;
    shared.listening.notify_one();
    let mut messages = mailbox.on_message();
    while let Some(message) = messages.next().await {
        obey(shared, message.get_payload_bytes()).await;
    }
    Ok(())
}

fn silent() -> RedisError {
    (redis::ErrorKind::Io, "no answer in time").into()
}

async fn obey(shared: &Arc<Shared>, message: &[u8]) {
    let call = match read(shared, message) {
        Ok(call) => call,
        Err(answer) => {
            let order = "unreadable".to_owned();
            return (shared.observe)(Event::RemoteControl { order, answer });
        }
    };
    if !call.is_for(&shared.options.hostname) {
        return;
    }
    let arguments = call.arguments.clone().unwrap_or_default();
    let answer = match inspect::answer(shared, &call.method, &arguments).await {
        Some(answer) => answer,
        None => orders::carry_out(shared, &call.method, &arguments).await,
    };
    if let (Some(answer), Some(to)) = (answer, &call.reply_to) {
        reply(shared, &answer, to, call.ticket.as_deref()).await;
    }
}

fn read(shared: &Shared, message: &[u8]) -> Result<Call, String> {
    let received = transient::decode(message)?;
    shared.clock.adjust(received.headers["clock"].as_u64().unwrap_or_default());
    json::from_slice(&received.body).map_err(|error| error.to_string())
}

async fn reply(shared: &Shared, answer: &str, to: &Address, ticket: Option<&str>) {
    let Address { exchange, routing_key } = to;
    if !is_safe_id(exchange) || !is_safe_id(routing_key) {
        return;
    }
    let hostname = json::dumps(&shared.options.hostname).unwrap_or_default();
    let body = format!("{{{hostname}: {answer}}}");
    let to = ReplyTo { exchange, routing_key };
    // Who asks waits for a second: an answer that can't be sent now is none.
    let _ = shared.broker.reply(&body, &to, ticket, shared.clock.forward()).await;
}

impl Call {
    /// Celery's command line always names its destinations in full; a pattern is not followed.
    fn is_for(&self, hostname: &str) -> bool {
        match &self.destination {
            Some(names) if !names.is_empty() => names.iter().any(|name| name == hostname),
            _ => self.pattern.is_none(),
        }
    }
}

/// `{"ok": …}`.
fn ok(text: impl Serialize) -> Answer {
    #[derive(Serialize)]
    struct Ok<T> {
        ok: T,
    }
    say(&Ok { ok: text })
}

/// `{"error": …}`.
fn error(text: impl Serialize) -> Answer {
    #[derive(Serialize)]
    struct Error<T> {
        error: T,
    }
    say(&Error { error: text })
}

fn say(answer: &impl Serialize) -> Answer {
    json::dumps(answer).ok()
}
