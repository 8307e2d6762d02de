//! What each event says: Celery's fields in Celery's order.

use serde::Serialize;

use crate::event::{Event, Revocation};
use crate::message::Message;
use crate::repr;
use crate::task::Request;
use crate::task_error::TaskError;

/// How often a worker says that it lives, in seconds: Celery's.
pub(crate) const HEARTBEAT_SECONDS: f64 = 2.0;

/// What an event says, by its kind.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Fields {
    Sent {
        uuid: String,
        root_id: Option<String>,
        parent_id: Option<String>,
        name: String,
        args: String,
        kwargs: String,
        retries: u32,
        eta: Option<String>,
        expires: Option<String>,
        queue: String,
        exchange: &'static str,
        routing_key: String,
    },
    Worker {
        freq: f64,
        active: usize,
        processed: u64,
        loadavg: [f64; 3],
        sw_ident: &'static str,
        sw_ver: &'static str,
        sw_sys: &'static str,
    },
    Received {
        uuid: String,
        name: String,
        args: String,
        kwargs: String,
        root_id: Option<String>,
        parent_id: Option<String>,
        retries: u32,
        eta: Option<String>,
        expires: Option<String>,
    },
    Started {
        uuid: String,
    },
    Succeeded {
        uuid: String,
        result: String,
        runtime: f64,
    },
    /// Failed or tried again.
    Raised {
        uuid: String,
        exception: String,
        traceback: String,
    },
    Revoked {
        uuid: String,
        terminated: bool,
        signum: Option<i32>,
        expired: bool,
    },
    Rejected {
        uuid: String,
        requeue: bool,
    },
}

/// A client's event: `message` went to `queue`.
pub(crate) fn of_sent(message: &Message, queue: &str) -> Fields {
    let headers = message.headers.clone();
    Fields::Sent {
        uuid: headers.id,
        root_id: headers.root_id,
        parent_id: headers.parent_id,
        name: headers.task,
        args: headers.argsrepr,
        kwargs: headers.kwargsrepr,
        retries: headers.retries,
        eta: headers.eta,
        expires: headers.expires,
        queue: queue.to_owned(),
        // Celery sends to the default exchange, which knows each queue by its own name.
        exchange: "",
        routing_key: queue.to_owned(),
    }
}

/// A task's event in Celery's words, where Celery has one.
pub(crate) fn of_task(event: &Event) -> Option<(&'static str, Fields)> {
    Some(match event {
        Event::TaskReceived { request } => ("task-received", received(request)),
        Event::TaskStarted { request, .. } => {
            ("task-started", Fields::Started { uuid: request.id.clone() })
        }
        Event::TaskSucceeded { request, result, runtime } => {
            let (uuid, runtime) = (request.id.clone(), runtime.as_secs_f64());
            ("task-succeeded", Fields::Succeeded { uuid, result: repr::value(result), runtime })
        }
        Event::TaskFailed { request, error, .. } => ("task-failed", raised(request, error)),
        Event::TaskRetried { request, error, .. } => ("task-retried", raised(request, error)),
        Event::TaskRevoked { request, reason } => ("task-revoked", revoked(request, *reason)),
        Event::TaskRejected { id: Some(id), .. } => {
            ("task-rejected", Fields::Rejected { uuid: id.clone(), requeue: false })
        }
        _ => return None,
    })
}

fn received(request: &Request) -> Fields {
    Fields::Received {
        uuid: request.id.clone(),
        name: request.name().to_owned(),
        args: request.argsrepr.clone(),
        kwargs: request.kwargsrepr.clone(),
        root_id: request.root_id.clone(),
        parent_id: request.parent_id.clone(),
        retries: request.retries,
        eta: request.eta.clone(),
        expires: request.expires.clone(),
    }
}

fn raised(request: &Request, error: &TaskError) -> Fields {
    Fields::Raised {
        uuid: request.id.clone(),
        exception: error.repr(),
        traceback: request.traceback(error),
    }
}

fn revoked(request: &Request, reason: Revocation) -> Fields {
    let signum = match reason {
        Revocation::Terminated { signum } => Some(signum),
        Revocation::Expired | Revocation::Revoked => None,
    };
    Fields::Revoked {
        uuid: request.id.clone(),
        terminated: signum.is_some(),
        signum,
        expired: reason == Revocation::Expired,
    }
}

/// A worker's own event, with the machine's load where the system tells it.
pub(crate) fn of_worker(active: usize, processed: u64) -> Fields {
    Fields::Worker {
        freq: HEARTBEAT_SECONDS,
        active,
        processed,
        loadavg: load_average(),
        sw_ident: "rs-taskqueue",
        sw_ver: env!("CARGO_PKG_VERSION"),
        sw_sys: system(),
    }
}

/// Zeros where there is no such thing, as Celery says on Windows.
fn load_average() -> [f64; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut loads = text.split(' ').map_while(|load| load.parse().ok());
    std::array::from_fn(|_| loads.next().unwrap_or_default())
}

/// The system's name as Python's `platform.system()` gives it.
pub(crate) fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        "windows" => "Windows",
        other => other,
    }
}
