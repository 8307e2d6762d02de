//! A task on the wire: Celery's message protocol 2 in kombu's envelope, both directions.
//!
//! `{"body": base64([args, kwargs, embed]), "headers": {…}, "properties": {…}, …}`, see
//! <https://docs.celeryq.dev/en/stable/internals/protocol.html>.
//! Written by us, it is the same bytes that Celery writes, but for ids and times.
//! Read by us, it may come from anyone who can reach Redis: what Celery needs is required, what
//! Celery forgives is forgiven, and everything else is a [`MessageError`], never a panic.
//! Headers and properties that we don't know are kept, and travel on with a retry.

use std::sync::OnceLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::signature::{Signature, When};
use crate::{json, repr, time};

/// The longest message that a worker accepts, and the longest body after decompression: 4 MiB.
pub const MAX_SIZE: usize = 4 * 1024 * 1024;

/// One message, as it stands in the list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// The body's text; base64 where the properties say so.
    pub body: String,
    #[serde(rename = "content-encoding", default)]
    content_encoding: Option<String>,
    #[serde(rename = "content-type")]
    content_type: String,
    /// What to do, for whom, and when.
    pub headers: Headers,
    /// How it travels.
    pub properties: Properties,
}

/// The headers of protocol 2, in Celery's order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Headers {
    #[serde(default)]
    lang: Option<String>,
    /// The task's name.
    pub task: String,
    /// The task's id, the same through all retries.
    pub id: String,
    #[serde(default)]
    shadow: Option<String>,
    #[serde(default)]
    eta: Option<String>,
    #[serde(default)]
    expires: Option<String>,
    /// The group that the task is part of.
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    group_index: Option<u64>,
    /// How often it was tried before.
    #[serde(default, deserialize_with = "number_or_text")]
    pub retries: u32,
    #[serde(default, deserialize_with = "null_is_default")]
    timelimit: [Option<Number>; 2],
    #[serde(default)]
    root_id: Option<String>,
    /// The task that sent this one.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// The arguments as Python shows them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub argsrepr: String,
    /// The keyword arguments as Python shows them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub kwargsrepr: String,
    #[serde(default)]
    origin: Option<String>,
    #[serde(default)]
    ignore_result: Option<bool>,
    #[serde(default, deserialize_with = "null_is_default")]
    replaced_task_nesting: u32,
    #[serde(default)]
    stamped_headers: Value,
    #[serde(default)]
    stamps: Value,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// kombu's properties, in its order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Properties {
    #[serde(default)]
    correlation_id: Option<String>,
    #[serde(default)]
    reply_to: Option<String>,
    #[serde(default)]
    delivery_mode: Option<u8>,
    /// Milliseconds to live, as text: AMQP's form of `expires`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    delivery_info: DeliveryInfo,
    /// 0 is served first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub priority: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_encoding: Option<String>,
    delivery_tag: Value,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct DeliveryInfo {
    exchange: String,
    routing_key: String,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// What the body holds: `[args, kwargs, embed]`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Body(
    /// The positional arguments.
    pub Vec<Value>,
    /// The keyword arguments.
    pub Map<String, Value>,
    /// Linked tasks.
    #[serde(deserialize_with = "null_is_default")]
    pub Embed,
);

/// The tasks that follow this one, each null where there is none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Embed {
    /// Run after success (`link`).
    pub callbacks: Value,
    /// Run after failure (`link_error`).
    pub errbacks: Value,
    /// The rest of a chain, last task first.
    pub chain: Value,
    /// Run when the whole group is done.
    pub chord: Value,
}

/// Why a message can't be run. The text is what `<queue>.dead` keeps as its reason.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_SIZE`].
    #[error("{0} bytes long, more than {MAX_SIZE} are refused")]
    TooLarge(usize),
    /// The envelope is no JSON, or something that Celery needs is missing or of another type.
    #[error("not a message of Celery's protocol 2: {0}")]
    Envelope(#[source] serde_json::Error),
    /// The id would be part of a key.
    #[error("id {0:?}: only letters, digits and _ . : - are allowed, 255 at most")]
    Id(String),
    /// Not JSON: above all pickle, which runs code when it is read.
    #[error("content type {0:?} is refused, send application/json")]
    ContentType(String),
    /// The body's bytes can't be had.
    #[error("the body is not {0}")]
    Encoding(String),
    /// The body is not `[args, kwargs, embed]`.
    #[error("the body is not [args, kwargs, embed]: {0}")]
    Body(#[source] serde_json::Error),
    /// A header holds no time.
    #[error("{header} {text:?} is not an ISO 8601 time")]
    Time {
        /// `eta` or `expires`.
        header: &'static str,
        /// What stands there.
        text: String,
    },
}

impl Message {
    /// The message for `signature`, sent at `now` with this id.
    ///
    /// # Errors
    /// Where an argument can't be written as JSON.
    pub(crate) fn new(signature: &Signature, id: &str, now: DateTime<Utc>) -> serde_json::Result<Self> {
        let body = Body(signature.args.clone(), signature.kwargs.clone(), Embed::default());
        Ok(Self {
            // kombu wraps the body in base64 by default, even when it is plain JSON.
            body: BASE64_STANDARD.encode(json::dumps(&body)?),
            content_encoding: Some("utf-8".into()),
            content_type: "application/json".into(),
            headers: Headers::new(signature, id, now),
            properties: Properties::new(signature, id, now),
        })
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
    /// Every way in which the envelope can be wrong; the body is only looked at by [`body`](Self::body).
    pub fn decode(raw: &[u8]) -> Result<Self, MessageError> {
        if raw.len() > MAX_SIZE {
            return Err(MessageError::TooLarge(raw.len()));
        }
        let message: Self = serde_json::from_slice(raw).map_err(MessageError::Envelope)?;
        if !is_safe_id(&message.headers.id) {
            return Err(MessageError::Id(message.headers.id));
        }
        message.eta()?;
        message.expires()?;
        Ok(message)
    }

    /// The arguments and the linked tasks.
    ///
    /// # Errors
    /// A content type other than JSON, an encoding that is unknown or broken, or another shape.
    pub fn body(&self) -> Result<Body, MessageError> {
        if self.content_type != "application/json" {
            return Err(MessageError::ContentType(self.content_type.clone()));
        }
        serde_json::from_slice(&self.body_bytes()?).map_err(MessageError::Body)
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
        self.headers.extra.get("redelivered") == Some(&Value::Bool(true))
    }

    /// Marks it as handed out before, in the two places in which kombu does.
    pub(crate) fn mark_redelivered(&mut self) {
        self.headers.extra.insert("redelivered".into(), true.into());
        self.properties.delivery_info.extra.insert("redelivered".into(), true.into());
    }

    fn body_bytes(&self) -> Result<Vec<u8>, MessageError> {
        let bytes = match self.properties.body_encoding.as_deref() {
            None => self.body.clone().into_bytes(),
            Some("base64") => BASE64_STANDARD.decode(&self.body).map_err(|_| MessageError::Encoding("base64".into()))?,
            Some(other) => return Err(MessageError::Encoding(format!("in an encoding we know: {other:?}"))),
        };
        match self.headers.extra.get("compression").and_then(Value::as_str) {
            None => Ok(bytes),
            // kombu's "gzip" is a zlib stream.
            Some("application/x-gzip") => miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&bytes, MAX_SIZE)
                .map_err(|_| MessageError::Encoding(format!("a zlib stream of at most {MAX_SIZE} bytes"))),
            Some(other) => Err(MessageError::Encoding(format!("in a compression we know: {other:?}"))),
        }
    }
}

impl Headers {
    fn new(signature: &Signature, id: &str, now: DateTime<Utc>) -> Self {
        let options = &signature.options;
        let iso = |when: When| time::isoformat(when.seen_from(now));
        Self {
            // Celery's workers accept any language; "py" keeps the message what it would be from Python.
            lang: Some("py".into()),
            task: signature.task.clone(),
            id: id.to_owned(),
            shadow: None,
            eta: options.eta.map(iso),
            expires: options.expires.map(iso),
            group: None,
            group_index: None,
            retries: options.retries,
            timelimit: [None, None],
            root_id: Some(id.to_owned()),
            parent_id: None,
            argsrepr: repr::args(&signature.args),
            kwargsrepr: repr::kwargs(&signature.kwargs),
            origin: Some(sender().origin.clone()),
            ignore_result: Some(options.ignore_result),
            replaced_task_nesting: 0,
            stamped_headers: Value::Null,
            stamps: Value::Object(Map::new()),
            extra: Map::new(),
        }
    }
}

impl Properties {
    fn new(signature: &Signature, id: &str, now: DateTime<Utc>) -> Self {
        let options = &signature.options;
        let left = |when: When| when.seen_from(now).signed_duration_since(now).num_milliseconds().max(0);
        Self {
            correlation_id: Some(id.to_owned()),
            reply_to: Some(sender().reply_to.clone()),
            delivery_mode: Some(2),
            expiration: options.expires.map(|when| left(when).to_string()),
            delivery_info: DeliveryInfo { exchange: String::new(), routing_key: options.queue.clone(), extra: Map::new() },
            priority: options.priority,
            body_encoding: Some("base64".into()),
            delivery_tag: Value::String(Uuid::new_v4().to_string()),
            extra: Map::new(),
        }
    }

    /// Names this one sending of the message.
    pub(crate) fn delivery_tag(&self) -> String {
        self.delivery_tag.as_str().map_or_else(|| self.delivery_tag.to_string(), str::to_owned)
    }
}

/// Whether `id` may become part of a key or a command that we show.
#[must_use]
pub fn is_safe_id(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

/// Who sends: the same for the whole life of the process, as in Celery.
struct Sender {
    origin: String,
    reply_to: String,
}

/// This machine's name, as Celery puts it after the `@`.
pub(crate) fn hostname() -> String {
    hostname::get().map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn sender() -> &'static Sender {
    static SENDER: OnceLock<Sender> = OnceLock::new();
    SENDER.get_or_init(|| Sender {
        origin: format!("gen{}@{}", std::process::id(), hostname()),
        reply_to: Uuid::new_v4().to_string(),
    })
}

fn read_time(header: &'static str, text: Option<&str>) -> Result<Option<DateTime<FixedOffset>>, MessageError> {
    let Some(text) = text else { return Ok(None) };
    let time = time::parse(text).ok_or_else(|| MessageError::Time { header, text: text.to_owned() })?;
    Ok(Some(time))
}

/// Python clients write `null` where a value is the default.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Celery takes `retries` as a number, as text and as null.
fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(from)?;
    let number = match &value {
        Value::Null => Some(0),
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    number.ok_or_else(|| serde::de::Error::custom(format!("retries {value} is no count")))
}
