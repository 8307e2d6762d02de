//! Hears what workers publish: their events, and each result as it is stored.
//!
//! Celery's word for it (`celery.events.EventReceiver`). To Redis: `PSUBSCRIBE /<db>.celeryev/*` and
//! `celery-task-meta-*`. Workers publish heartbeats always, and a task's events only once somebody
//! asked for them; a listener asks as Flower does, by remote control.
//! Events may come from anyone who can reach Redis: what can't be read is passed over. While Redis
//! is away nothing is heard, and nobody keeps what was said meanwhile.

mod heard;

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{ErrorKind, Msg, RedisResult};
use serde_json::Value;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::error::BrokerError;
use crate::result_backend::TaskMeta;
use crate::{json, keys, transient};
use heard::heard;
pub use heard::{Heard, Sign, Step};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A listener. It ends when its connection does.
pub struct EventReceiver {
    channel: PubSub,
    /// Heard and not yet handed out: events travel several at a time.
    heard: VecDeque<Heard>,
}

impl EventReceiver {
    /// Listens to all workers of `broker`.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn new(broker: &Broker) -> Result<Self, BrokerError> {
        let channel = subscribe(broker).await;
        let channel = channel.map_err(|source| broker.connection().failure(source))?;
        Ok(Self { channel, heard: VecDeque::new() })
    }

    /// The next thing that somebody said; none when the connection has ended.
    /// May be dropped and called again: nothing is lost by that.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Some(heard);
            }
            let message = self.channel.on_message().next().await?;
            self.heard.extend(read(&message));
        }
    }
}

impl Broker {
    /// Asks the worker `hostname`, or all, to publish the events of their tasks
    /// (`app.control.enable_events`). They do until they end.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn enable_events(&self, hostname: Option<&str>) -> Result<(), BrokerError> {
        let destination = hostname.map(|hostname| [hostname]);
        let order = serde_json::json!({"method": "enable_events", "arguments": {}, "destination": destination});
        self.broadcast(&order).await.map(drop)
    }
}

async fn subscribe(broker: &Broker) -> RedisResult<PubSub> {
    let connecting = timeout(CONNECT_TIMEOUT, broker.connection().client().get_async_pubsub());
    let mut channel = connecting.await.map_err(|_| (ErrorKind::Io, "no answer in time"))??;
    channel.psubscribe(broker.channel(keys::EVENT_EXCHANGE, "*")).await?;
    channel.psubscribe(keys::task_meta("*")).await?;
    Ok(channel)
}

fn read(message: &Msg) -> Vec<Heard> {
    let payload = message.get_payload_bytes();
    if let Some(id) = keys::task_of(message.get_channel_name()) {
        let meta = TaskMeta::decode(payload).ok();
        return meta.map(|meta| Heard::Result { id: id.to_owned(), meta }).into_iter().collect();
    }
    let Ok(received) = transient::decode(payload) else { return Vec::new() };
    match json::from_slice(&received.body) {
        Ok(Value::Array(events)) => events.iter().filter_map(heard).collect(),
        Ok(event) => heard(&event).into_iter().collect(),
        Err(_) => Vec::new(),
    }
}
