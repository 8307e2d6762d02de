//! The message for a signature that came in another message: Celery's `as_task_v2`.
//!
//! Its options are those of Celery's `apply_async`. What decides where and how the message goes is
//! obeyed, or refused with a reason; what only says how hard to try (`retry`, `retry_policy`,
//! `compression`, `delivery_mode`, …) has no meaning here. An option that we don't know becomes a
//! property, as in Celery.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, FixedOffset, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::embed::Embed;
use super::fields::{count, is_true, number, priority, seconds, take_number, take_time, whole};
use super::link::{Kind, Link, Options};
use super::parts::{DeliveryInfo, sender};
use super::{Headers, Message, Properties};
use crate::keys::DEFAULT_QUEUE;
use crate::{json, repr, time};

/// They tell a Python client how to send, not what.
const WITHOUT_MEANING: [&str; 13] = [
    "add_to_parent",
    "compression",
    "confirm_timeout",
    "declare",
    "delivery_mode",
    "exchange_type",
    "immediate",
    "mandatory",
    "retry",
    "retry_policy",
    "route_name",
    "task_type",
    "timeout",
];

/// A message, written, and the queue that it is for.
#[derive(Debug, Clone)]
pub(crate) struct Addressed {
    pub(crate) queue: String,
    pub(crate) message: Message,
    pub(crate) raw: String,
}

impl Message {
    /// The message for the task `link`, sent at `now`. `ignore_result` is the task's own setting,
    /// where it is known here.
    ///
    /// # Errors
    /// Names the option that can't be obeyed.
    pub(crate) fn linked(
        link: Link,
        ignore_result: Option<bool>,
        now: DateTime<Utc>,
    ) -> Result<Addressed, String> {
        let Link { task, args, kind: Kind::Task(kwargs), mut options, .. } = link else {
            return Err(format!("{} is no task", link.task));
        };
        let id = options.get::<String>("task_id")?.unwrap_or_default();
        if id.is_empty() {
            return Err("a task without an id".into());
        }
        let queue = queue(&mut options)?;
        let embed = Embed::from_options(&mut options);
        let body = json::dumps(&(&args, &kwargs, embed)).map_err(|error| error.to_string())?;
        let times = Times::from_options(&mut options, now)?;
        let values = |json: &[super::Raw]| json.iter().map(|json| value(json)).collect::<Vec<_>>();
        let kwargsrepr = repr::kwargs(&serde_json::from_str(kwargs.get()).unwrap_or_default());
        let headers = Headers {
            argsrepr: text(&mut options, "argsrepr")?.unwrap_or_else(|| repr::args(&values(&args))),
            kwargsrepr: text(&mut options, "kwargsrepr")?.unwrap_or(kwargsrepr),
            ..headers(task, &id, ignore_result, &mut options)?
        };
        let headers = Headers { eta: times.eta, expires: times.expires, ..headers };
        let headers = with_own(headers, &mut options)?;
        let properties = properties(&queue, id, times.expiration, &mut options)?;
        let message = Self {
            body: BASE64_STANDARD.encode(body),
            content_encoding: Some("utf-8".into()),
            content_type: "application/json".into(),
            headers,
            properties,
        };
        let raw = message.encode().map_err(|error| error.to_string())?;
        Ok(Addressed { queue, message, raw })
    }
}

fn value(json: &RawValue) -> Value {
    serde_json::from_str(json.get()).unwrap_or_default()
}

fn take<T: DeserializeOwned>(options: &mut Options, name: &str) -> Result<Option<T>, String> {
    let taken = options.get(name);
    options.remove(name);
    taken
}

fn take_value(options: &mut Options, name: &str) -> Option<Value> {
    let value = options.value(name);
    options.remove(name);
    value
}

fn text(options: &mut Options, name: &str) -> Result<Option<String>, String> {
    take(options, name)
}

fn queue(options: &mut Options) -> Result<String, String> {
    if let Some(serializer) = text(options, "serializer")?.filter(|name| name != "json") {
        return Err(format!("the option serializer: {serializer:?} is not json"));
    }
    let exchange = text(options, "exchange")?.unwrap_or_default();
    let routing_key = text(options, "routing_key")?.unwrap_or_default();
    if !exchange.is_empty() && !routing_key.is_empty() {
        return Err(format!("the option exchange: {exchange:?}; only queues are known here"));
    }
    let queue = text(options, "queue")?.filter(|queue| !queue.is_empty());
    Ok(queue.unwrap_or_else(|| DEFAULT_QUEUE.to_owned()))
}

struct Times {
    eta: Option<String>,
    expires: Option<String>,
    expiration: Option<String>,
}

impl Times {
    fn from_options(options: &mut Options, now: DateTime<Utc>) -> Result<Self, String> {
        let eta = take_time(options, "eta");
        let countdown = match take_value(options, "countdown") {
            Some(value) => {
                let seconds = number(&value);
                Some(seconds.ok_or_else(|| format!("the option countdown: {value}"))?)
            }
            None => None,
        };
        let countdown = countdown.filter(|seconds| *seconds != 0.0);
        let eta = match countdown {
            Some(seconds) => Some(after("countdown", seconds, now)?),
            None => eta,
        };
        let seconds = options.get::<f64>("expires").ok().flatten();
        let (expires, left) = match (seconds, take_time(options, "expires")) {
            (Some(seconds), _) => {
                (Some(after("expires", seconds, now)?), Some(milliseconds(seconds)))
            }
            (None, None) => (None, None),
            (None, Some(instant)) => {
                let left = parse("expires", &instant)?.signed_duration_since(now);
                (Some(instant), Some(left.num_milliseconds()))
            }
        };
        eta.as_deref().map_or(Ok(()), |eta| parse("eta", eta).map(drop))?;
        Ok(Self { eta, expires, expiration: left.map(|left| left.max(0).to_string()) })
    }
}

fn parse(name: &str, instant: &str) -> Result<DateTime<FixedOffset>, String> {
    time::parse(instant).ok_or_else(|| format!("the option {name}: {instant:?} is no time"))
}

#[expect(clippy::cast_possible_truncation, reason = "it was a time that the calendar has")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

fn after(name: &str, seconds: f64, now: DateTime<Utc>) -> Result<String, String> {
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    let instant = duration
        .and_then(|duration| now.checked_add_signed(chrono::TimeDelta::from_std(duration).ok()?));
    let instant = instant.ok_or_else(|| format!("the option {name}: {seconds} seconds"))?;
    Ok(time::isoformat(instant.fixed_offset()))
}

fn headers(
    task: String,
    id: &str,
    ignore_result: Option<bool>,
    options: &mut Options,
) -> Result<Headers, String> {
    let stamped: Option<Vec<String>> = take(options, "stamped_headers")?;
    let mut stamps = Map::new();
    for name in stamped.iter().flatten() {
        let stamp = take(options, name)?.unwrap_or_default();
        stamps.insert(name.clone(), stamp);
    }
    let group = text(options, "group_id")?;
    Ok(Headers {
        lang: Some("py".into()),
        task,
        id: id.to_owned(),
        shadow: text(options, "shadow")?,
        eta: None,
        expires: None,
        group,
        group_index: take_number(options, "group_index").and_then(count),
        retries: whole(take_number(options, "retries")),
        timelimit: ["time_limit", "soft_time_limit"]
            .map(|name| seconds(&take_value(options, name)?)),
        root_id: Some(text(options, "root_id")?.unwrap_or_else(|| id.to_owned())),
        parent_id: text(options, "parent_id")?,
        argsrepr: String::new(),
        kwargsrepr: String::new(),
        origin: Some(text(options, "origin")?.unwrap_or_else(|| sender().origin.clone())),
        ignore_result: take_value(options, "ignore_result")
            .map(|value| is_true(&value))
            .or(ignore_result),
        replaced_task_nesting: whole(take_number(options, "replaced_task_nesting")),
        stamped_headers: super::raw(&stamped),
        stamps: super::raw(&stamps),
        extra: Options::default(),
    })
}

/// Headers of the sender's own; Celery's are not theirs to set.
fn with_own(mut headers: Headers, options: &mut Options) -> Result<Headers, String> {
    let own: Options = take(options, "headers")?.unwrap_or_default();
    headers.extra = only_new("headers", own, &headers)?;
    match headers.extra.has("compression") {
        true => Err("the option headers: \"compression\" is for kombu to set".into()),
        false => Ok(headers),
    }
}

/// A name twice in an object would make the message unreadable.
fn only_new(what: &str, own: Options, celerys: &impl Serialize) -> Result<Options, String> {
    let taken = serde_json::to_value(celerys).map_err(|error| error.to_string())?;
    if let Some((name, _)) = own.iter().find(|(name, _)| taken.get(name).is_some()) {
        return Err(format!("the {what} {name:?}: Celery has one of that name"));
    }
    Ok(own)
}

fn properties(
    queue: &str,
    id: String,
    expiration: Option<String>,
    options: &mut Options,
) -> Result<Properties, String> {
    let reply_to = text(options, "reply_to")?.unwrap_or_else(|| sender().reply_to.clone());
    let priority = take_number(options, "priority").map_or(0, priority);
    for name in WITHOUT_MEANING.into_iter().chain(["task_id"]) {
        options.remove(name);
    }
    let own = std::mem::take(options);
    let mut properties = Properties {
        correlation_id: Some(id),
        reply_to: Some(reply_to),
        delivery_mode: Some(2),
        expiration,
        delivery_info: DeliveryInfo {
            exchange: String::new(),
            routing_key: queue.to_owned(),
            extra: Options::default(),
        },
        priority,
        body_encoding: Some("base64".into()),
        delivery_tag: uuid::Uuid::new_v4().to_string(),
        extra: Options::default(),
    };
    properties.extra = only_new("option", own, &properties)?;
    Ok(properties)
}
