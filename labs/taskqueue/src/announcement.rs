//! Worker events on the wire: what Celery's workers publish with `-E`, and Flower listens to.
//!
//! Each is a JSON object with Celery's fields in Celery's order, sent to the exchange `celeryev`
//! under its name with a dot (`worker.heartbeat`); a task's events travel several at a time, as a
//! list, under `task.multi`. See <https://docs.celeryq.dev/en/stable/userguide/monitoring.html>,
//! "Event Reference". This file knows no Redis.

mod fields;

use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::Local;
use serde::Serialize;

use crate::json;
use crate::lamport::LamportClock;
pub(crate) use fields::{Fields, HEARTBEAT_SECONDS, of_sent, of_task, of_worker, system};

#[derive(Serialize)]
struct Announcement<'a> {
    hostname: &'a str,
    utcoffset: f64,
    pid: u32,
    clock: u64,
    #[serde(flatten)]
    fields: Fields,
    timestamp: f64,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// The event `kind` of the worker `hostname`, as JSON; it happens now.
pub(crate) fn encode(hostname: &str, clock: &LamportClock, kind: &str, fields: Fields) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let announcement = Announcement {
        hostname,
        utcoffset: hours_west_of_utc(),
        pid: process::id(),
        clock: clock.forward(),
        fields,
        timestamp: now.as_secs_f64(),
        kind,
    };
    // Texts and numbers: there is nothing in it that could fail.
    json::dumps(&announcement).unwrap_or_default()
}

/// Celery counts its `utcoffset` westwards, as C's `timezone` does: Prague in winter is -1.
fn hours_west_of_utc() -> f64 {
    f64::from(Local::now().offset().utc_minus_local()) / 3600.0
}

/// `task.multi`, `worker.online`: where an event of this kind is sent.
pub(crate) fn routing_key(kind: &str) -> String {
    kind.replace('-', ".")
}

/// Several events as the one list in which they travel.
pub(crate) fn list(events: &[String]) -> String {
    format!("[{}]", events.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::event::{Event, Revocation};
    use crate::message::Message;
    use crate::task::Request;
    use crate::task_error::TaskError;

    /// What a Celery worker published, and the message that it was about.
    const CELERY: &str = include_str!("../tests/golden/events/all_in_order.json");

    /// The text of an event of this kind.
    fn recorded_text(kind: &str) -> String {
        let session: Vec<Value> = serde_json::from_str(CELERY).unwrap();
        let bodies = session.iter().map(|published| {
            let raw = published["raw"].as_str().unwrap();
            String::from_utf8(crate::transient::decode(raw.as_bytes()).unwrap().body).unwrap()
        });
        // Of several in one list, the one that is meant.
        let events = bodies.flat_map(|body| {
            let events = body.trim_start_matches("[{").trim_end_matches("}]").to_owned();
            events.split("}, {").map(str::to_owned).collect::<Vec<_>>()
        });
        let marked = format!("\"type\": \"{kind}\"");
        let event = events.into_iter().find(|event| event.contains(&marked)).unwrap();
        format!("{{{}}}", event.trim_start_matches('{').trim_end_matches('}'))
    }

    fn recorded(kind: &str) -> Value {
        serde_json::from_str(&recorded_text(kind)).unwrap()
    }

    /// The fields in their order, and the type of each.
    fn shape(event: &str) -> Vec<(String, &'static str)> {
        let kind = |value: &Value| match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fields: serde_json::Map<String, Value> = serde_json::from_str(event).unwrap();
        let mut fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.clone(), kind(value))).collect();
        fields.sort_by_key(|(name, _)| event.find(&format!("\"{name}\": ")));
        fields
    }

    fn request() -> Arc<Request> {
        let raw = include_bytes!("../tests/golden/messages/delay.raw.txt");
        let message = Message::decode(raw).unwrap();
        Arc::new(Request::of(&message, "celery", "ev@vm"))
    }

    fn written(kind: &str, fields: Fields) -> String {
        encode("ev@vm", &LamportClock::default(), kind, fields)
    }

    #[test]
    fn every_task_event_has_the_fields_that_celery_writes() {
        let (request, error) = (request(), TaskError::new("ValueError", "boom"));
        let countdown = Duration::from_secs(1);
        let events = [
            Event::TaskReceived { request: Arc::clone(&request) },
            Event::TaskStarted { request: Arc::clone(&request), acknowledged: true },
            Event::TaskSucceeded {
                request: Arc::clone(&request),
                result: 5.into(),
                runtime: countdown,
            },
            Event::TaskFailed {
                request: Arc::clone(&request),
                error: error.clone(),
                runtime: countdown,
            },
            Event::TaskRetried { request: Arc::clone(&request), error, countdown },
            Event::TaskRevoked {
                request: Arc::clone(&request),
                reason: Revocation::Terminated { signum: 15 },
            },
            Event::TaskRejected {
                id: Some(request.id.clone()),
                queue: "celery".into(),
                reason: "no".into(),
            },
        ];
        for event in &events {
            let (kind, fields) = of_task(event).unwrap();
            assert_eq!(shape(&written(kind, fields)), shape(&recorded_text(kind)), "{kind}");
        }
    }

    #[test]
    fn a_client_s_event_has_the_fields_that_celery_writes() {
        let raw = include_bytes!("../tests/golden/messages/delay.raw.txt");
        let sent = of_sent(&Message::decode(raw).unwrap(), "celery");
        assert_eq!(shape(&written("task-sent", sent)), shape(&recorded_text("task-sent")));
    }

    #[test]
    fn a_worker_s_events_have_the_fields_that_celery_writes() {
        for kind in ["worker-online", "worker-heartbeat", "worker-offline"] {
            assert_eq!(
                shape(&written(kind, of_worker(0, 3))),
                shape(&recorded_text(kind)),
                "{kind}"
            );
        }
    }

    #[test]
    fn results_and_exceptions_are_shown_as_python_shows_them() {
        let request = request();
        let error = TaskError::new("ValueError", "boom");
        let (_, Fields::Raised { exception, .. }) = of_task(&Event::TaskFailed {
            request: Arc::clone(&request),
            error,
            runtime: Duration::ZERO,
        })
        .unwrap() else {
            panic!("a failure raises")
        };
        assert_eq!(exception, recorded("task-failed")["exception"]);
        let (_, Fields::Succeeded { result, .. }) =
            of_task(&Event::TaskSucceeded { request, result: 5.into(), runtime: Duration::ZERO })
                .unwrap()
        else {
            panic!("a success has a result")
        };
        assert_eq!(result, recorded("task-succeeded")["result"]);
    }
}
