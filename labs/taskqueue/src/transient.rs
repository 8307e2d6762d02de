//! Messages that nobody keeps: worker events and the replies of remote control, in kombu's envelope.
//!
//! The same envelope as a task's, with `delivery_mode` 1 (transient) and without a content that
//! could be run. Written byte for byte as kombu writes it; read with what kombu forgives.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::json;

/// The longest that is read: 1 MiB. Remote control lists task ids, not data.
const MAX_SIZE: usize = 1024 * 1024;

#[derive(Serialize)]
struct Envelope<'a, H> {
    body: String,
    #[serde(rename = "content-encoding")]
    content_encoding: &'a str,
    #[serde(rename = "content-type")]
    content_type: &'a str,
    headers: H,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Properties<'a> {
    delivery_mode: u8,
    delivery_info: DeliveryInfo<'a>,
    priority: u8,
    body_encoding: &'a str,
    delivery_tag: String,
}

#[derive(Serialize)]
struct DeliveryInfo<'a> {
    exchange: &'a str,
    routing_key: &'a str,
}

/// The text for `body`, which is JSON already.
pub(crate) fn encode(
    body: &str,
    headers: impl Serialize,
    exchange: &str,
    routing_key: &str,
) -> String {
    let envelope = Envelope {
        body: BASE64_STANDARD.encode(body),
        content_encoding: "utf-8",
        content_type: "application/json",
        headers,
        properties: Properties {
            delivery_mode: 1,
            delivery_info: DeliveryInfo { exchange, routing_key },
            priority: 0,
            body_encoding: "base64",
            delivery_tag: Uuid::new_v4().to_string(),
        },
    };
    // Texts and numbers: there is nothing in it that could fail.
    json::dumps(&envelope).unwrap_or_default()
}

/// What came in an envelope: headers and body.
pub(crate) struct Received {
    pub(crate) headers: Value,
    pub(crate) body: Vec<u8>,
}

/// Takes an envelope apart; the reason where it is none.
pub(crate) fn decode(text: &[u8]) -> Result<Received, String> {
    #[derive(Deserialize)]
    struct Envelope {
        body: String,
        #[serde(default)]
        headers: Value,
        #[serde(default)]
        properties: Value,
    }
    if text.len() > MAX_SIZE {
        return Err(format!("{} bytes long, more than {MAX_SIZE} are refused", text.len()));
    }
    let Envelope { body, headers, properties } =
        json::from_slice(text).map_err(|error| error.to_string())?;
    let body = match properties.get("body_encoding").and_then(Value::as_str) {
        Some("base64") => BASE64_STANDARD.decode(&body).map_err(|error| error.to_string())?,
        _ => body.into_bytes(),
    };
    Ok(Received { headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A reply to `inspect ping` as a Celery worker pushed it, but for its delivery tag.
    const REPLY: &str = r#"{"body": "eyJjdGxAdm0iOiB7Im9rIjogInBvbmcifX0=", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"ticket": "9ce2618e-e006-4d6e-984c-4ad1c54008d2", "clock": 3}, "properties": {"delivery_mode": 1, "delivery_info": {"exchange": "reply.celery.pidbox", "routing_key": "08df87d8-f632-3b13-8c91-e8f07b89f679"}, "priority": 0, "body_encoding": "base64", "delivery_tag": ""#;

    #[test]
    fn a_reply_is_written_as_celery_writes_it() {
        #[derive(Serialize)]
        struct Headers {
            ticket: &'static str,
            clock: u64,
        }
        let headers = Headers { ticket: "9ce2618e-e006-4d6e-984c-4ad1c54008d2", clock: 3 };
        let routing_key = "08df87d8-f632-3b13-8c91-e8f07b89f679";
        let body = r#"{"ctl@vm": {"ok": "pong"}}"#;
        let written = encode(body, headers, "reply.celery.pidbox", routing_key);
        assert!(written.starts_with(REPLY), "{written}");
    }

    #[test]
    fn what_was_written_is_read_again() {
        let written = encode("[1]", json!({"clock": 7}), "celeryev", "task.multi");
        let read = decode(written.as_bytes()).unwrap();
        assert_eq!((read.body.as_slice(), &read.headers["clock"]), (&b"[1]"[..], &json!(7)));
    }

    #[test]
    fn what_is_no_envelope_is_a_reason_and_no_panic() {
        let huge = vec![b' '; MAX_SIZE + 1];
        let broken = br#"{"body": "%", "properties": {"body_encoding": "base64"}}"#;
        for text in [&b"not JSON"[..], b"[]", b"{}", broken, &huge] {
            assert!(decode(text).is_err());
        }
    }
}
