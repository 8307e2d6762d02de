//! A task on the wire: Celery's message protocol 2 in kombu's envelope, both directions.
//!
//! `{"body": base64([args, kwargs, embed]), "headers": {…}, "properties": {…}, …}`, see
//! <https://docs.celeryq.dev/en/stable/internals/protocol.html>.
//! Written by us, it is the same bytes that Celery writes, but for ids and times.
//! Read by us, it may come from anyone who can reach Redis: an id and a task's name are required, what
//! Celery forgives is forgiven, and everything else is a [`MessageError`], never a panic.
//! Headers and properties that we don't know stay the text that they were, and travel on with a retry.

mod embed;
mod error;
mod fields;
mod link;
mod linked;
mod parts;
mod reading;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::signature::Signature;
use crate::{json, repr, time};
pub use embed::Embed;
pub use error::MessageError;
pub(crate) use link::{Kind, Link, Options, Raw, raw};
pub(crate) use linked::Addressed;
use parts::sender;
pub use parts::{Body, Headers, Properties};
pub(crate) use parts::{Delivered, hostname};

/// The longest message that a worker accepts, and the longest body after decompression: 4 MiB.
pub const MAX_SIZE: usize = 4 * 1024 * 1024;

/// The header in which restored messages count their deliveries; RabbitMQ's quorum queues have the same.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// The header by which a task can tell that a schedule sent it.
const BEAT_TASK: &str = "celery_beat_task";
/// The header in which a retry carries when its task was first tried. Not in Celery, which lets it travel on.
const FIRST_ATTEMPT: &str = "x-first-attempt";

/// One message, as it stands in the list.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// The body's text; base64 where the properties say so.
    pub body: String,
    #[serde(rename = "content-encoding")]
    content_encoding: Option<String>,
    #[serde(rename = "content-type")]
    content_type: String,
    /// What to do, for whom, and when.
    pub headers: Headers,
    /// How it travels.
    pub properties: Properties,
}

impl Message {
    /// The message for `signature`, sent at `now` with this id.
    ///
    /// # Errors
    /// Where an argument can't be written as JSON.
    pub(crate) fn new(
        signature: &Signature,
        id: &str,
        now: DateTime<Utc>,
    ) -> serde_json::Result<Self> {
        let body = Body(signature.args.clone(), signature.kwargs.clone(), Embed::of(signature));
        Ok(Self {
            // kombu wraps the body in base64 by default, even when it is plain JSON.
            body: BASE64_STANDARD.encode(json::dumps(&body)?),
            content_encoding: Some("utf-8".into()),
            content_type: "application/json".into(),
            headers: Headers::new(signature, id, now),
            properties: Properties::new(signature, id, now),
        })
    }

    /// The same as Celery's beat sends it: marked, and its arguments shown as the list in which
    /// beat keeps them.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn periodic(
        signature: &Signature,
        id: &str,
        now: DateTime<Utc>,
    ) -> serde_json::Result<Self> {
        let mut message = Self::new(signature, id, now)?;
        message.headers.extra.set(BEAT_TASK, &true);
        if !signature.args.is_empty() {
            message.headers.argsrepr = repr::value(&signature.args.clone().into());
        }
        Ok(message)
    }

    /// The text that goes into the list.
    ///
    /// # Errors
    /// None for a message that was built or decoded here; serde_json's otherwise.
    pub fn encode(&self) -> serde_json::Result<String> {
        json::dumps(self)
    }

    /// Reads what stood in a list.
    ///
    /// # Errors
    /// Every way in which the envelope can be wrong; the arguments are only looked at by
    /// [`body`](Self::body).
    pub fn decode(raw: &[u8]) -> Result<Self, MessageError> {
        if raw.len() > MAX_SIZE {
            return Err(MessageError::TooLarge(raw.len()));
        }
        let text = String::from_utf8_lossy(raw);
        let message = Self::read(&text)?;
        if !json::is_pythons(&text) {
            return Err(MessageError::NotForPython);
        }
        if message.headers.task.is_empty() {
            return Err(MessageError::Missing("task"));
        }
        message.eta()?;
        message.expires()?;
        Ok(message)
    }

    /// The arguments and the linked tasks.
    ///
    /// # Errors
    /// A content type other than JSON, an encoding that is unknown or broken, another shape, or a
    /// number that would not reach the task as it was sent.
    pub fn body(&self) -> Result<Body, MessageError> {
        self.parts()?.understood()
    }

    /// What can be read of the body of a message that can't be run: the linked tasks, if anything.
    pub(crate) fn linked_tasks(&self) -> Embed {
        self.parts().map(|parts| parts.embed).unwrap_or_default()
    }

    /// Not before this time, where the sender named one.
    ///
    /// # Errors
    /// The header is no time.
    pub fn eta(&self) -> Result<Option<DateTime<FixedOffset>>, MessageError> {
        read_time("eta", self.headers.eta.as_deref())
    }

    /// Not after this time, where the sender named one.
    ///
    /// # Errors
    /// The header is no time.
    pub fn expires(&self) -> Result<Option<DateTime<FixedOffset>>, MessageError> {
        read_time("expires", self.headers.expires.as_deref())
    }

    /// Whether the sender wants no result stored.
    #[must_use]
    pub fn ignores_result(&self) -> bool {
        self.headers.ignore_result.unwrap_or_default()
    }

    /// Whether it was handed out before and came back.
    #[must_use]
    pub fn redelivered(&self) -> bool {
        self.headers.extra.value("redelivered") == Some(Value::Bool(true))
    }

    /// Who sent it first, `gen<pid>@<host>`.
    pub(crate) fn sender(&self) -> &str {
        self.headers.origin()
    }

    /// How it travelled, as `celery inspect` shows it.
    pub(crate) fn delivery_info(&self) -> Delivered {
        self.properties.delivery_info(self.redelivered())
    }

    /// How often it fell with its worker, as far as it is held against it: the first time, and
    /// whenever it had begun.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        let count = self.headers.extra.value(DELIVERY_COUNT);
        count.and_then(|count| count.as_u64()).unwrap_or_default()
    }

    /// When the task was first tried, in Redis' time; none before its first retry.
    #[must_use]
    pub fn first_attempt(&self) -> Option<DateTime<FixedOffset>> {
        time::parse(self.headers.extra.value(FIRST_ATTEMPT)?.as_str()?)
    }

    pub(crate) fn count_delivery(&mut self) {
        let count = self.deliveries().saturating_add(1);
        self.headers.extra.set(DELIVERY_COUNT, &count);
    }

    /// As if it had never been handed out.
    pub(crate) fn forget_deliveries(&mut self) {
        self.headers.extra.remove(DELIVERY_COUNT);
        self.headers.extra.remove("redelivered");
        self.headers.extra.remove(FIRST_ATTEMPT);
        self.properties.send_again();
    }

    /// The message of the next attempt: same id and body, one retry more, not before `eta`.
    pub(crate) fn retried(
        &self,
        eta: DateTime<FixedOffset>,
        first_attempt: DateTime<FixedOffset>,
    ) -> Self {
        let mut next = self.clone();
        next.headers.retries = self.headers.retries.saturating_add(1);
        next.headers.eta = Some(time::isoformat(eta));
        next.headers.parent_id = Some(self.headers.id.clone());
        next.forget_deliveries();
        let first_attempt = time::isoformat(first_attempt);
        next.headers.extra.set(FIRST_ATTEMPT, &first_attempt);
        next
    }

    /// Seconds, as the sender wants them: hard limit and soft limit.
    pub(crate) fn time_limits(&self) -> [Option<f64>; 2] {
        self.headers.time_limits()
    }

    /// Marks it as handed out before, in the two places in which kombu does.
    pub(crate) fn mark_redelivered(&mut self) {
        self.headers.extra.set("redelivered", &true);
        self.properties.delivery_info.extra.set("redelivered", &true);
    }
}

/// Whether `id` can be part of a command that is shown, and of the name of a queue, as it is. Celery
/// takes any text for an id, and so do we; this one needs no quotes.
#[must_use]
pub fn is_safe_id(id: &str) -> bool {
    (1..=255).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

fn read_time(
    header: &'static str,
    text: Option<&str>,
) -> Result<Option<DateTime<FixedOffset>>, MessageError> {
    let Some(text) = text else { return Ok(None) };
    let time =
        time::parse(text).ok_or_else(|| MessageError::Time { header, text: text.to_owned() })?;
    Ok(Some(time))
}
