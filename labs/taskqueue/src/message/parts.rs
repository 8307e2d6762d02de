//! The parts of a message, field by field in Celery's order.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::embed::Embed;
use super::link::{Options as Fields, Raw, raw};
use crate::signature::{Signature, When};
use crate::{repr, time};

/// The names of [`Headers`]' fields on the wire, which no caller may take.
pub(super) const OWN: [&str; 19] = [
    "lang",
    "task",
    "id",
    "shadow",
    "eta",
    "expires",
    "group",
    "group_index",
    "retries",
    "timelimit",
    "root_id",
    "parent_id",
    "argsrepr",
    "kwargsrepr",
    "origin",
    "ignore_result",
    "replaced_task_nesting",
    "stamped_headers",
    "stamps",
];

/// The headers of protocol 2, in Celery's order.
#[derive(Debug, Clone, Serialize)]
pub struct Headers {
    pub(super) lang: Option<String>,
    /// The task's name; empty where none can be read.
    pub task: String,
    /// The task's id, the same through all retries: any text.
    pub id: String,
    /// Another name for people.
    pub shadow: Option<String>,
    /// Not before this time, as the sender wrote it.
    pub eta: Option<String>,
    /// Not after this time, as the sender wrote it.
    pub expires: Option<String>,
    /// The group that the task is part of.
    pub group: Option<String>,
    pub(crate) group_index: Option<u64>,
    /// How often it was tried before.
    pub retries: u32,
    pub(super) timelimit: [Option<Number>; 2],
    /// The task with which all began.
    pub root_id: Option<String>,
    /// The task that sent this one.
    pub parent_id: Option<String>,
    /// The arguments as Python shows them.
    pub argsrepr: String,
    /// The keyword arguments as Python shows them.
    pub kwargsrepr: String,
    pub(super) origin: Option<String>,
    pub(super) ignore_result: Option<bool>,
    pub(super) replaced_task_nesting: u32,
    pub(super) stamped_headers: Raw,
    pub(super) stamps: Raw,
    #[serde(flatten)]
    pub(super) extra: Fields,
}

/// kombu's properties, in its order.
#[derive(Debug, Clone, Serialize)]
pub struct Properties {
    pub(super) correlation_id: Option<String>,
    pub(super) reply_to: Option<String>,
    pub(super) delivery_mode: Option<u8>,
    /// Milliseconds to live, as text: AMQP's form of `expires`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expiration: Option<String>,
    pub(super) delivery_info: DeliveryInfo,
    /// 0 is served first.
    pub priority: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body_encoding: Option<String>,
    pub(super) delivery_tag: String,
    #[serde(flatten)]
    pub(super) extra: Fields,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct DeliveryInfo {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    #[serde(flatten)]
    pub(super) extra: Fields,
}

/// How a message travelled, as Celery's workers show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Delivered {
    exchange: String,
    routing_key: String,
    priority: u8,
    redelivered: bool,
}

/// What the body holds: `[args, kwargs, embed]`.
#[derive(Debug, Clone, Serialize)]
pub struct Body(
    /// The positional arguments.
    pub Vec<Value>,
    /// The keyword arguments.
    pub Map<String, Value>,
    /// Linked tasks.
    pub Embed,
);

impl Headers {
    pub(super) fn new(signature: &Signature, id: &str, now: DateTime<Utc>) -> Self {
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
            timelimit: [options.time_limit, options.soft_time_limit]
                .map(|limit| limit.map(time::number)),
            root_id: Some(id.to_owned()),
            parent_id: None,
            argsrepr: repr::args(&signature.args),
            kwargsrepr: repr::kwargs(&signature.kwargs),
            origin: Some(sender().origin.clone()),
            ignore_result: Some(options.ignore_result),
            replaced_task_nesting: 0,
            stamped_headers: raw(&()),
            stamps: raw(&Map::new()),
            extra: foreign(&options.headers),
        }
    }
}

/// What the caller adds, without what would stand there twice.
fn foreign(headers: &Map<String, Value>) -> Fields {
    let foreign = headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    foreign.map(|(name, value)| (name.clone(), raw(value))).collect()
}

impl Headers {
    pub(super) fn origin(&self) -> &str {
        self.origin.as_deref().unwrap_or_default()
    }

    pub(super) fn time_limits(&self) -> [Option<f64>; 2] {
        let seconds = |limit: &Option<Number>| limit.as_ref().and_then(Number::as_f64);
        [seconds(&self.timelimit[0]), seconds(&self.timelimit[1])]
    }
}

impl Properties {
    pub(super) fn new(signature: &Signature, id: &str, now: DateTime<Utc>) -> Self {
        let options = &signature.options;
        let left =
            |when: When| when.seen_from(now).signed_duration_since(now).num_milliseconds().max(0);
        Self {
            correlation_id: Some(id.to_owned()),
            reply_to: Some(sender().reply_to.clone()),
            delivery_mode: Some(2),
            expiration: options.expires.map(|when| left(when).to_string()),
            delivery_info: DeliveryInfo {
                exchange: String::new(),
                routing_key: options.queue().to_owned(),
                extra: Fields::default(),
            },
            priority: options.priority,
            body_encoding: Some("base64".into()),
            delivery_tag: Uuid::new_v4().to_string(),
            extra: Fields::default(),
        }
    }

    /// Makes it another sending of the same message.
    pub(super) fn send_again(&mut self) {
        self.delivery_tag = Uuid::new_v4().to_string();
        self.delivery_info.extra.remove("redelivered");
    }

    pub(super) fn delivery_info(&self, redelivered: bool) -> Delivered {
        let DeliveryInfo { exchange, routing_key, .. } = self.delivery_info.clone();
        Delivered { exchange, routing_key, priority: self.priority, redelivered }
    }

    /// Names this one sending of the message.
    pub(crate) fn delivery_tag(&self) -> String {
        self.delivery_tag.clone()
    }
}

/// Who sends: the same for the whole life of the process, as in Celery.
pub(super) struct Sender {
    pub(super) origin: String,
    pub(super) reply_to: String,
}

/// This machine's name, as Celery puts it after the `@`.
pub(crate) fn hostname() -> String {
    hostname::get()
        .map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn sender() -> &'static Sender {
    static SENDER: OnceLock<Sender> = OnceLock::new();
    SENDER.get_or_init(|| Sender {
        origin: format!("gen{}@{}", std::process::id(), hostname()),
        reply_to: Uuid::new_v4().to_string(),
    })
}
