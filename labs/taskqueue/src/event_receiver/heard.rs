//! Events as a listener hears them: Celery's and ours, which are the same.

use serde_json::Value;

use crate::result_backend::TaskMeta;
use crate::time;

/// Something that was published.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A worker's own event.
    Worker {
        /// Its name, such as `celery@host`.
        hostname: String,
        /// Which.
        sign: Sign,
        /// How often it gives a sign of life, in seconds.
        every: f64,
        /// How many tasks run.
        active: u64,
        /// How many have started since it did.
        processed: u64,
        /// Its software and version.
        software: String,
    },
    /// A step of a task.
    Task {
        /// The task's id: any text.
        id: String,
        /// Who did it: a worker, or the sender.
        hostname: String,
        /// What.
        step: Step,
    },
    /// A result was stored.
    Result {
        /// The task's id.
        id: String,
        /// The result.
        meta: TaskMeta,
    },
}

/// What a worker says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `worker-online`.
    Online,
    /// `worker-heartbeat`.
    Heartbeat,
    /// `worker-offline`.
    Offline,
}

/// A step of a task, by Celery's names.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `task-sent`.
    Sent {
        /// The task's name.
        task: String,
        /// How often it was tried before.
        retries: u32,
    },
    /// `task-received`.
    Received {
        /// The task's name.
        task: String,
        /// How often it was tried before.
        retries: u32,
        /// Not before this time, in seconds since 1970.
        eta: Option<f64>,
    },
    /// `task-started`.
    Started,
    /// `task-succeeded`.
    Succeeded,
    /// `task-failed`.
    Failed {
        /// What it raised, as Python shows it.
        exception: String,
    },
    /// `task-retried`: it failed and was sent again.
    Retried {
        /// What it raised, as Python shows it.
        exception: String,
    },
    /// `task-revoked`.
    Revoked,
    /// `task-rejected`.
    Rejected,
}

/// Reads one event; none where it is of a kind that we don't know, or incomplete.
pub(crate) fn heard(event: &Value) -> Option<Heard> {
    let kind = event["type"].as_str()?;
    let hostname = event["hostname"].as_str()?.to_owned();
    let Some(kind) = kind.strip_prefix("task-") else {
        return worker(kind.strip_prefix("worker-")?, hostname, event);
    };
    let id = event["uuid"].as_str().filter(|id| !id.is_empty())?.to_owned();
    Some(Heard::Task { id, hostname, step: step(kind, event)? })
}

fn worker(kind: &str, hostname: String, event: &Value) -> Option<Heard> {
    let sign = match kind {
        "online" => Sign::Online,
        "heartbeat" => Sign::Heartbeat,
        "offline" => Sign::Offline,
        _ => return None,
    };
    let count = |field: &str| event[field].as_u64().unwrap_or_default();
    let software = format!("{} {}", text(event, "sw_ident"), text(event, "sw_ver"));
    Some(Heard::Worker {
        hostname,
        sign,
        every: event["freq"].as_f64().filter(|every| *every > 0.0).unwrap_or(2.0),
        active: count("active"),
        processed: count("processed"),
        software: software.trim().to_owned(),
    })
}

fn step(kind: &str, event: &Value) -> Option<Step> {
    let exception = || text(event, "exception");
    let retries = || event["retries"].as_u64().and_then(|retries| retries.try_into().ok());
    Some(match kind {
        "sent" => Step::Sent { task: text(event, "name"), retries: retries().unwrap_or_default() },
        "received" => Step::Received {
            task: text(event, "name"),
            retries: retries().unwrap_or_default(),
            eta: event["eta"].as_str().and_then(time::parse).map(time::seconds),
        },
        "started" => Step::Started,
        "succeeded" => Step::Succeeded,
        "failed" => Step::Failed { exception: exception() },
        "retried" => Step::Retried { exception: exception() },
        "revoked" => Step::Revoked,
        "rejected" => Step::Rejected,
        _ => return None,
    })
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a Celery worker published in one session.
    const CELERY: &str = include_str!("../../tests/golden/events/all_in_order.json");

    fn session() -> Vec<Heard> {
        let session: Vec<Value> = serde_json::from_str(CELERY).unwrap();
        let bodies = session.iter().map(|published| {
            let raw = published["raw"].as_str().unwrap();
            serde_json::from_slice(&crate::transient::decode(raw.as_bytes()).unwrap().body).unwrap()
        });
        let events = bodies.flat_map(|body: Value| match body {
            Value::Array(events) => events,
            event => vec![event],
        });
        events.map(|event| heard(&event).unwrap_or_else(|| panic!("{event}"))).collect()
    }

    #[test]
    fn everything_that_celery_publishes_is_understood() {
        let session = session();
        let id = "e7615756-d16a-4d48-ac79-35aac3f33c35";
        let steps: Vec<_> = session
            .iter()
            .filter_map(|heard| match heard {
                Heard::Task { id: of, step, .. } if of == id => Some(step.clone()),
                _ => None,
            })
            .collect();
        let task = "wire.retry_once".to_owned();
        let eta = Some(1_795_328_163.538_705);
        assert_eq!(
            steps,
            [
                Step::Sent { task: task.clone(), retries: 0 },
                Step::Received { task: task.clone(), retries: 0, eta: None },
                Step::Started,
                Step::Sent { task: task.clone(), retries: 1 },
                Step::Received { task, retries: 1, eta },
                Step::Retried { exception: "ValueError('first')".into() },
                Step::Started,
                Step::Succeeded,
            ],
        );
    }

    #[test]
    fn a_celery_worker_s_heartbeat_says_how_it_is() {
        let beat = session().into_iter().find(|heard| {
            matches!(heard, Heard::Worker { sign: Sign::Heartbeat, processed: 8, .. })
        });
        let expected = Heard::Worker {
            hostname: "ev@vm".into(),
            sign: Sign::Heartbeat,
            every: 2.0,
            active: 0,
            processed: 8,
            software: "py-celery 5.7.0".into(),
        };
        assert_eq!(beat, Some(expected));
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        for event in [
            json!(null),
            json!([]),
            json!({"type": "task-started", "hostname": "a@b"}),
            json!({"type": "task-started", "hostname": "a@b", "uuid": ""}),
            json!({"type": "task-unheard-of", "hostname": "a@b", "uuid": "1"}),
            json!({"type": "worker-heartbeat"}),
            json!({"type": 1, "hostname": {}}),
        ] {
            assert_eq!(heard(&event), None, "{event}");
        }
    }
}
