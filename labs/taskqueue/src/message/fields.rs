//! Headers and properties, of which nobody can say what type they have: what Celery and kombu forgive.

use serde_json::value::RawValue;
use serde_json::{Number, Value};
use uuid::Uuid;

use super::link::Options as Fields;
use super::parts::DeliveryInfo;
use super::{Headers, MessageError, Properties, raw};
use crate::tagged::{Tagged, tagged};

impl Headers {
    /// What Celery forgives is forgiven; `correlation_id` is the id where the headers have none.
    ///
    /// # Errors
    /// No id.
    pub(super) fn read(
        mut fields: Fields,
        correlation_id: Option<&str>,
    ) -> Result<Self, MessageError> {
        let fields = &mut fields;
        let id = fields.remove("id").filter(|id| !id.get().starts_with(['{', '[']));
        let id = id.and_then(|id| text_of(&id)).filter(|id| !id.is_empty());
        let id = id.or_else(|| correlation_id.filter(|id| !id.is_empty()).map(str::to_owned));
        let limits: [Option<Value>; 2] = limits(fields.value("timelimit"));
        fields.remove("timelimit");
        let ignore_result = fields.value("ignore_result").map(|value| is_true(&value));
        fields.remove("ignore_result");
        let null = || raw(&());
        Ok(Self {
            lang: take_text(fields, "lang"),
            task: take_text(fields, "task").unwrap_or_default(),
            id: id.ok_or(MessageError::Missing("id"))?,
            shadow: take_text(fields, "shadow").filter(|name| !name.is_empty()),
            eta: take_time(fields, "eta"),
            expires: take_time(fields, "expires"),
            group: take_text(fields, "group").filter(|group| !group.is_empty()),
            group_index: take_number(fields, "group_index").and_then(count),
            retries: whole(take_number(fields, "retries")),
            timelimit: limits.map(|limit| seconds(&limit?)),
            root_id: take_text(fields, "root_id"),
            parent_id: take_text(fields, "parent_id"),
            argsrepr: take_text(fields, "argsrepr").unwrap_or_default(),
            kwargsrepr: take_text(fields, "kwargsrepr").unwrap_or_default(),
            origin: take_text(fields, "origin"),
            ignore_result,
            replaced_task_nesting: whole(take_number(fields, "replaced_task_nesting")),
            stamped_headers: fields.remove("stamped_headers").unwrap_or_else(null),
            stamps: fields.remove("stamps").unwrap_or_else(null),
            extra: std::mem::take(fields),
        })
    }
}

impl Properties {
    /// What kombu forgives is forgiven, and what it requires may be missing as well.
    pub(super) fn read(mut fields: Fields) -> Self {
        let fields = &mut fields;
        let mut delivery_info = object(fields, "delivery_info");
        let tag = take_text(fields, "delivery_tag");
        Self {
            correlation_id: take_text(fields, "correlation_id"),
            reply_to: take_text(fields, "reply_to"),
            delivery_mode: take_number(fields, "delivery_mode").map(priority),
            expiration: take_text(fields, "expiration"),
            delivery_info: DeliveryInfo {
                exchange: take_text(&mut delivery_info, "exchange").unwrap_or_default(),
                routing_key: take_text(&mut delivery_info, "routing_key").unwrap_or_default(),
                extra: delivery_info,
            },
            priority: take_number(fields, "priority").map_or(0, priority),
            body_encoding: take_text(fields, "body_encoding").filter(|name| !name.is_empty()),
            delivery_tag: tag.unwrap_or_else(|| Uuid::new_v4().to_string()),
            extra: std::mem::take(fields),
        }
    }
}

/// Two limits, the hard one first; what is no pair has none.
fn limits(value: Option<Value>) -> [Option<Value>; 2] {
    match value {
        Some(Value::Array(limits)) => {
            let mut limits = limits.into_iter();
            [limits.next(), limits.next()]
        }
        _ => [None, None],
    }
}

/// A limit; as in Celery, 0 is none.
pub(super) fn seconds(limit: &Value) -> Option<Number> {
    let seconds = number(limit).filter(|seconds| *seconds > 0.0)?;
    match limit {
        Value::Number(number) => Some(number.clone()),
        _ => Number::from_f64(seconds),
    }
}

/// As a count; nothing, less than nothing, and what is no number are 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
pub(super) fn whole(number: Option<f64>) -> u32 {
    number.unwrap_or_default() as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was checked")]
pub(super) fn count(number: f64) -> Option<u64> {
    (0.0..=1e15).contains(&number).then_some(number as u64)
}

/// As Python sees it.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A priority as kombu takes it: a whole number, cut to what there are lists for.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was cut")]
pub(super) fn priority(number: f64) -> u8 {
    // Up to 255 the list is the same, and a message that is written again stays what it was.
    if number < 256.0 { number.max(0.0) as u8 } else { 9 }
}

/// The object `name`; an empty one where there is none.
pub(super) fn object(fields: &mut Fields, name: &str) -> Fields {
    let json = fields.remove(name);
    json.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

/// Text as it is, anything else as it is written; none for null.
pub(super) fn text_of(json: &RawValue) -> Option<String> {
    match json.get().as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => serde_json::from_str(json.get()).ok(),
        _ => Some(json.get().to_owned()),
    }
}

pub(super) fn take_text(fields: &mut Fields, name: &str) -> Option<String> {
    text_of(&fields.remove(name)?)
}

/// A time, as text or as kombu tags a `datetime`; nothing where there is none.
pub(super) fn take_time(fields: &mut Fields, name: &str) -> Option<String> {
    let json = fields.remove(name)?;
    let value: Option<Value> = serde_json::from_str(json.get()).ok();
    let time = match value.as_ref().and_then(tagged) {
        Some(("datetime", Tagged::Text(time))) => Some(time),
        _ => text_of(&json),
    };
    time.filter(|time| !time.is_empty())
}

/// A number, or a text that is one; true and false are 1 and 0, as in Python.
pub(super) fn take_number(fields: &mut Fields, name: &str) -> Option<f64> {
    number(&serde_json::from_str(fields.remove(name)?.get()).ok()?)
}

pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}
