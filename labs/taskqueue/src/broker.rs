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

mod beat;
mod check;
mod chord;
mod fanout;
mod look;
mod recovery;
mod reply;
mod scripts;
mod settlement;
mod subscription;

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use crate::broker_url::BrokerUrl;
use crate::connection::Connection;
use crate::error::BrokerError;
use crate::event::{Event, Observer};
use crate::lamport::LamportClock;
use crate::message::{MAX_SIZE, Message};
use crate::route::Routes;
use crate::{announcement, keys};
pub(crate) use beat::{Firing, Standing};
pub use check::Purpose;
pub(crate) use chord::ChordPart;
pub(crate) use fanout::ReplyTo;
pub(crate) use look::Entries;
pub(crate) use recovery::SentBack;
pub(crate) use reply::{Delivery, Fetched, Overdue, OverduePage};
use scripts::Scripts;
pub(crate) use settlement::{FollowUp, Right, Settlement};
use subscription::Subscriptions;

/// How long Redis may take for one script.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A Redis that keeps the messages.
pub struct Broker {
    connection: Connection,
    /// The results that somebody waits for.
    subscriptions: Arc<Subscriptions>,
    scripts: Scripts,
    observe: Option<Observer>,
    most_waiting: Option<usize>,
    /// Counts the events that are published for each message sent, where they are.
    sent_events: Option<LamportClock>,
    routes: Routes,
}

/// How a message is sent.
pub(crate) struct Post<'a> {
    pub(crate) queue: &'a str,
    /// The message as it stands in its list.
    pub(crate) raw: &'a str,
    /// Not after this moment.
    pub(crate) due: Instant,
    /// Not if a task of this id was sent in the last day.
    pub(crate) once: bool,
}

impl Broker {
    /// A broker at `url`, such as `redis://127.0.0.1:6379/0`: see [`BrokerUrl`]. Connects when first used.
    ///
    /// # Errors
    /// [`BrokerError::Url`].
    pub fn new(url: &str) -> Result<Self, BrokerError> {
        Self::at(url.parse()?)
    }

    /// The same, at a URL that was read already.
    ///
    /// # Errors
    /// Nobody could connect there, on this system.
    pub fn at(url: BrokerUrl) -> Result<Self, BrokerError> {
        let connection = Connection::new(Arc::new(url), ANSWER_TIMEOUT)?;
        Ok(Self {
            subscriptions: Subscriptions::new(connection.client().clone()),
            connection,
            scripts: Scripts::new(),
            observe: None,
            most_waiting: None,
            sent_events: None,
            routes: Routes::default(),
        })
    }

    /// The same, and `observe` is told of every message that is sent through it.
    #[must_use]
    pub fn observed_by(self, observe: Observer) -> Self {
        Self { observe: Some(observe), ..self }
    }

    /// The same, and an event `task-sent` is published for every message (`task_send_sent_event`).
    #[must_use]
    pub fn task_send_sent_event(self) -> Self {
        Self { sent_events: Some(LamportClock::default()), ..self }
    }

    /// The same, and a task whose caller names no queue goes to that of the first pattern which its
    /// name fits (`task_routes`). In a pattern `*` is any text and `?` any one letter; a name
    /// without `*` is no pattern, and wins over all of them. Sets of letters (`[ab]`), which
    /// Celery's patterns may have, are not known here.
    ///
    /// A retry stays in the queue that its task came from.
    ///
    /// ```
    /// # fn example() -> Result<(), taskqueue::BrokerError> {
    /// let broker = taskqueue::Broker::new("redis://127.0.0.1:6379/0")?
    ///     .task_routes([("feedback.tasks.*", "mail"), ("video.*", "video")]);
    /// # drop(broker);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn task_routes<P, Q>(self, routes: impl IntoIterator<Item = (P, Q)>) -> Self
    where
        P: Into<String>,
        Q: Into<String>,
    {
        Self { routes: Routes::new(routes), ..self }
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The same, and a message is refused while this many wait in its list: a queue that is not
    /// drained is a promise that is not kept, and it fills Redis' memory. What a worker sends
    /// again is never refused.
    #[must_use]
    pub fn most_waiting(self, limit: usize) -> Self {
        Self { most_waiting: Some(limit), ..self }
    }

    /// Where it is; shown without user and password.
    #[must_use]
    pub fn url(&self) -> &BrokerUrl {
        self.connection.url()
    }

    /// Why a command over [`redis`](Self::redis) failed, with its next step.
    #[must_use]
    pub fn explain(&self, error: redis::RedisError) -> BrokerError {
        self.connection.failure(error)
    }

    /// A connection to it, for commands that this crate does not have; each may take 5 s.
    ///
    /// # Errors
    /// As every command: unreachable, slow, or refused.
    pub async fn redis(&self) -> Result<MultiplexedConnection, BrokerError> {
        self.connection.redis().await
    }

    /// Asks whether Redis answers.
    ///
    /// # Errors
    /// As every command: unreachable, slow, or refused.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        self.connection.query(&redis::cmd("PING")).await
    }

    pub(crate) fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.subscriptions
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes `message` before it is due, or not at all: `false` means that Redis came to it too late.
    pub(crate) async fn publish(
        &self,
        message: &Message,
        &Post { queue, raw, due, once }: &Post<'_>,
    ) -> Result<bool, BrokerError> {
        let deadline = self.connection.clock().await?.at(due);
        let list = keys::list(queue, message.properties.priority);
        let mut call = self.scripts.publish.prepare_invoke();
        call.key(&list).key(keys::PUBLISHED);
        call.key(keys::binding(queue)).key(keys::binding_permanent(queue)).key(keys::SENT_ONCE);
        call.arg(raw).arg(message.properties.delivery_tag()).arg(keys::binding_member(queue));
        call.arg(format!("{deadline:.6}"));
        call.arg(self.most_waiting.map_or(String::new(), |limit| limit.to_string()));
        call.arg(if once { message.headers.id.as_str() } else { "" });
        match self.connection.invoke::<String>(&call).await?.as_str() {
            "known" => {}
            "sent" => self.tell_sent(queue, message, raw).await,
            "full" => {
                let waiting = self.most_waiting.unwrap_or_default();
                return Err(BrokerError::Full { list, waiting });
            }
            _ if Instant::now() < due => return Err(self.clock_has_moved().await),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Publishes `task-sent`, where that is wanted.
    pub(crate) async fn announce_sent(&self, queue: &str, message: &Message) {
        if let Some(clock) = &self.sent_events {
            let (fields, sender) = (announcement::of_sent(message, queue), message.sender());
            let event = announcement::encode(sender, clock, "task-sent", fields);
            // The message is sent, whether somebody hears of it or not.
            let _ = self.announce(&event, sender, "task.sent").await;
        }
    }

    async fn tell_sent(&self, queue: &str, message: &Message, raw: &str) {
        self.announce_sent(queue, message).await;
        if let Some(observe) = &self.observe {
            let list = keys::list(queue, message.properties.priority);
            observe(Event::TaskSent { id: message.headers.id.clone(), list, raw: raw.to_owned() });
        }
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
        BrokerError::Clock { url: Arc::clone(self.connection.url()) }
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
}
