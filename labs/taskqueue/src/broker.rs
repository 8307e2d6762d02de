//! The Redis side of the queue: every change of state is one Lua script, beside this file.
//!
//! ```text
//! publish ──▶ list ──fetch──▶ unacked ──settle──▶ (gone; the result is stored)
//!               ▲                │ ├──park──▶ waits in unacked for its ETA ─┐
//!               └──give_back─────┘ └──bury──▶ <queue>.dead                  │
//!               └──────────────give_back, when overdue ◀────────────────────┘
//! ```
//!
//! A message is in one of these places at any moment, so whoever dies, it is found again.
//! Each script may be sent twice when an answer is lost: the second time it changes nothing.
//! This file decides nothing and never tries again; that is for its callers.

mod reply;

use std::time::{Duration, Instant};

use redis::{Script, Value};

use crate::connection::Connection;
use crate::error::BrokerError;
use crate::event::{Event, Observer};
use crate::message::{MAX_SIZE, Message};
use crate::{json, keys};
pub(crate) use reply::{Delivery, Fetched, Overdue, OverduePage};

/// How long Redis may take for one script.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A Redis that keeps the messages.
pub struct Broker {
    connection: Connection,
    scripts: Scripts,
    observe: Option<Observer>,
}

struct Scripts {
    publish: Script,
    fetch: Script,
    settle: Script,
    retry: Script,
    park: Script,
    take_up: Script,
    overdue: Script,
    give_back: Script,
    bury: Script,
    send_back: Script,
}

/// How one delivery ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settlement {
    /// The tag to acknowledge, if any.
    pub(crate) tag: Option<String>,
    /// The result to store, if any: task id, document, how long to keep it.
    pub(crate) result: Option<(String, String, Duration)>,
}

impl Broker {
    /// A broker at `url`, such as `redis://127.0.0.1:6379/0`. Connects when first used.
    ///
    /// # Errors
    /// [`BrokerError::Url`].
    pub fn new(url: &str) -> Result<Self, BrokerError> {
        Ok(Self {
            connection: Connection::new(url, ANSWER_TIMEOUT)?,
            scripts: Scripts::new(),
            observe: None,
        })
    }

    /// The same, and `observe` is told of every message that is sent through it.
    #[must_use]
    pub fn observed_by(self, observe: Observer) -> Self {
        Self { observe: Some(observe), ..self }
    }

    /// The address and the database, without user and password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.connection.url()
    }

    /// Asks whether Redis answers.
    ///
    /// # Errors
    /// As every command: unreachable, slow, or refused.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        self.connection.query(&redis::cmd("PING")).await
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes `message` before it is `due`, or not at all: `false` means that Redis came to it too late.
    pub(crate) async fn publish(
        &self,
        queue: &str,
        message: &Message,
        raw: &str,
        due: Instant,
    ) -> Result<bool, BrokerError> {
        let deadline = self.connection.clock().await?.at(due);
        let mut call = self.scripts.publish.prepare_invoke();
        call.key(keys::list(queue, message.properties.priority)).key(keys::PUBLISHED);
        call.key(keys::binding(queue)).key(keys::binding_permanent(queue));
        call.arg(raw).arg(message.properties.delivery_tag()).arg(keys::binding_member(queue));
        call.arg(format!("{deadline:.6}"));
        let outcome: String = self.connection.invoke(&call).await?;
        if outcome == "late" && Instant::now() < due {
            return Err(self.clock_has_moved().await);
        }
        if outcome == "sent"
            && let Some(observe) = &self.observe
        {
            let id = message.headers.id.clone();
            observe(Event::TaskSent {
                id,
                list: keys::list(queue, message.properties.priority),
                raw: raw.to_owned(),
            });
        }
        Ok(outcome == "sent")
    }

    /// Takes up to `count` messages from the lists of `queues`, under tags `<prefix><first>` and on.
    /// `again` after a lost answer: then what that call took is returned instead.
    pub(crate) async fn fetch(
        &self,
        queues: &[String],
        prefix: &str,
        first: u64,
        count: usize,
        again: bool,
    ) -> Result<Fetched, BrokerError> {
        let deadline = self.connection.clock().await?.at(Instant::now() + ANSWER_TIMEOUT);
        let mut call = self.scripts.fetch.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX);
        call.arg(prefix).arg(first).arg(count).arg(u8::from(again)).arg(MAX_SIZE);
        call.arg(format!("{deadline:.6}"));
        for step in keys::PRIORITY_STEPS {
            for queue in queues {
                call.key(keys::list(queue, step)).key(keys::dead(queue)).arg(queue);
            }
        }
        let reply: Vec<Vec<u8>> = self.connection.invoke(&call).await?;
        match Fetched::from_reply(reply) {
            Some(fetched) => Ok(fetched),
            None => Err(self.clock_has_moved().await),
        }
    }

    /// Redis called something late that is not: its clock was set, or this machine has slept. The
    /// next connection asks for the time anew.
    async fn clock_has_moved(&self) -> BrokerError {
        self.connection.close().await;
        BrokerError::Clock { url: self.url().to_owned() }
    }

    /// Ends deliveries. For each, says whether its tag was still held.
    pub(crate) async fn settle(
        &self,
        settlements: &[Settlement],
    ) -> Result<Vec<bool>, BrokerError> {
        let mut call = self.scripts.settle.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX);
        for Settlement { tag, result } in settlements {
            call.arg(tag.as_deref().unwrap_or_default());
            match result {
                Some((id, document, ttl)) => {
                    call.key(keys::task_meta(id)).arg(document).arg(ttl.as_secs().max(1))
                }
                None => call.key("").arg("").arg(""),
            };
        }
        self.connection.invoke(&call).await
    }

    /// Sends a failed task again as `message`; false where somebody else has it now.
    pub(crate) async fn retry(
        &self,
        settlement: &Settlement,
        queue: &str,
        message: &Message,
        raw: &str,
    ) -> Result<bool, BrokerError> {
        let mut call = self.scripts.retry.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX);
        call.key(keys::list(queue, message.properties.priority));
        call.key(keys::task_meta(&message.headers.id)).key(keys::RETRIED);
        call.arg(settlement.tag.as_deref().unwrap_or_default()).arg(raw);
        call.arg(message.properties.delivery_tag());
        match &settlement.result {
            Some((_, document, ttl)) => call.arg(document).arg(ttl.as_secs().max(1)),
            None => call.arg("").arg(""),
        };
        self.connection.invoke(&call).await
    }

    /// Lets a delivery wait in Redis until `eta`, in seconds since 1970.
    pub(crate) async fn park(&self, tag: &str, eta: f64) -> Result<bool, BrokerError> {
        let mut call = self.scripts.park.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA);
        self.connection.invoke(call.arg(tag).arg(format!("{eta:.6}"))).await
    }

    /// Takes a delivery of ours out of its wait; false where somebody has put it back meanwhile.
    pub(crate) async fn take_up(&self, tag: &str) -> Result<bool, BrokerError> {
        let mut call = self.scripts.take_up.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA);
        self.connection.invoke(call.arg(tag)).await
    }

    /// One page of the tags that have stood in `sorted_set` for `age` or longer.
    pub(crate) async fn overdue(
        &self,
        sorted_set: &str,
        age: Duration,
        offset: usize,
        limit: usize,
    ) -> Result<OverduePage, BrokerError> {
        let mut call = self.scripts.overdue.prepare_invoke();
        call.key(sorted_set).key(keys::UNACKED).arg(age.as_secs_f64()).arg(offset).arg(limit);
        let reply: Vec<Value> = self.connection.invoke(&call).await?;
        OverduePage::from_reply(reply).map_err(|source| BrokerError::Refused {
            url: self.url().to_owned(),
            source: source.into(),
        })
    }

    /// Puts a delivery back to where the next worker takes it, unless its lease was renewed after `latest`.
    pub(crate) async fn give_back(
        &self,
        tag: &str,
        list: &str,
        raw: &[u8],
        latest: Option<f64>,
    ) -> Result<bool, BrokerError> {
        let mut call = self.scripts.give_back.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA).key(list);
        call.arg(tag).arg(raw).arg(latest.map(|score| format!("{score:.6}")).unwrap_or_default());
        self.connection.invoke(&call).await
    }

    /// Puts a delivery aside, with the reason why it can't be run.
    pub(crate) async fn bury(
        &self,
        tag: &str,
        queue: &str,
        raw: &[u8],
        reason: &str,
        now: f64,
    ) -> Result<bool, BrokerError> {
        let text = String::from_utf8_lossy(raw);
        let entry =
            serde_json::json!({"reason": reason, "date": format!("{now:.6}"), "message": text});
        let mut call = self.scripts.bury.prepare_invoke();
        call.key(keys::UNACKED)
            .key(keys::UNACKED_INDEX)
            .key(keys::UNACKED_ETA)
            .key(keys::dead(queue));
        call.arg(tag).arg(json::dumps(&entry).unwrap_or_default());
        self.connection.invoke(&call).await
    }

    /// Moves an entry of a dead list back to the list of its queue.
    pub(crate) async fn send_back(
        &self,
        dead: &str,
        entry: &[u8],
        list: &str,
        raw: &str,
    ) -> Result<bool, BrokerError> {
        let mut call = self.scripts.send_back.prepare_invoke();
        self.connection.invoke(call.key(dead).key(list).arg(entry).arg(raw)).await
    }
}

impl Scripts {
    fn new() -> Self {
        Self {
            publish: Script::new(include_str!("broker/publish.lua")),
            fetch: Script::new(include_str!("broker/fetch.lua")),
            settle: Script::new(include_str!("broker/settle.lua")),
            retry: Script::new(include_str!("broker/retry.lua")),
            park: Script::new(include_str!("broker/park.lua")),
            take_up: Script::new(include_str!("broker/take_up.lua")),
            overdue: Script::new(include_str!("broker/overdue.lua")),
            give_back: Script::new(include_str!("broker/give_back.lua")),
            bury: Script::new(include_str!("broker/bury.lua")),
            send_back: Script::new(include_str!("broker/send_back.lua")),
        }
    }
}
