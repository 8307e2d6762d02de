//! The questions: `celery inspect …`. Nothing changes by being asked.

use std::time::Instant;

use chrono::DateTime;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Answer, error, ok, registered, say, stats};
use crate::message::{Delivered, Message};
use crate::task::Request;
use crate::time;
use crate::worker::Shared;
use crate::worker::requests::InHand;

/// The most parked tasks that one answer lists.
const MOST_SCHEDULED: usize = 1000;

/// The answer to a question; none where `method` is no question.
pub(super) async fn answer(
    shared: &Shared,
    method: &str,
    arguments: &Map<String, Value>,
) -> Option<Answer> {
    let safe = arguments.get("safe").and_then(Value::as_bool).unwrap_or_default();
    Some(match method {
        "ping" => ok("pong"),
        "clock" => say(&Clock { clock: shared.clock.now() }),
        "active" | "dump_active" => say(&in_hand(shared, true, safe)),
        "reserved" | "dump_reserved" => say(&in_hand(shared, false, false)),
        "scheduled" | "dump_schedule" => scheduled(shared).await,
        "revoked" | "dump_revoked" => say(&shared.revoked.all(Instant::now())),
        "registered" | "dump_tasks" => say(&registered::registered(shared, arguments)),
        "query_task" => query_task(shared, arguments),
        "active_queues" => say(&stats::queues(&shared.queues.names())),
        "stats" => say(&stats::stats(shared)),
        "conf" | "dump_conf" => say(&stats::conf(shared)),
        "report" => ok(stats::report(shared)),
        "hello" => hello(shared, arguments),
        "objgraph" | "memsample" | "memdump" => {
            error(format!("{method} looks into Python's memory, and this worker is no Python"))
        }
        _ => return None,
    })
}

#[derive(Serialize)]
struct Clock {
    clock: u64,
}

/// A task as `inspect` shows it: Celery's `Request.info()`.
#[derive(Serialize)]
struct Info {
    id: String,
    name: String,
    args: Value,
    kwargs: Value,
    #[serde(rename = "type")]
    task: String,
    hostname: String,
    time_start: Option<f64>,
    acknowledged: bool,
    delivery_info: Delivered,
    worker_pid: Option<u32>,
}

#[derive(Serialize)]
struct Scheduled {
    eta: String,
    /// Of a timer, not of the message: always 6 in Celery.
    priority: u8,
    request: Info,
}

/// `safe`: the arguments as text, as the sender showed them.
fn info(request: &Request, message: &Message, body: Option<&crate::Body>, safe: bool) -> Info {
    let (args, kwargs) = match body.filter(|_| !safe) {
        Some(body) => (body.0.clone().into(), body.1.clone().into()),
        None => (request.argsrepr.clone().into(), request.kwargsrepr.clone().into()),
    };
    Info {
        id: request.id.clone(),
        name: request.name().to_owned(),
        args,
        kwargs,
        task: request.task.clone(),
        hostname: request.hostname.clone(),
        time_start: None,
        acknowledged: false,
        delivery_info: message.delivery_info(),
        worker_pid: None,
    }
}

impl InHand {
    fn info(&self, safe: bool) -> Info {
        Info {
            time_start: self.started,
            acknowledged: self.acknowledged,
            worker_pid: self.started.map(|_| std::process::id()),
            ..info(&self.request, &self.message, Some(&self.body), safe)
        }
    }
}

fn in_hand(shared: &Shared, active: bool, safe: bool) -> Vec<Info> {
    let all = shared.requests.all().into_iter();
    all.filter(|request| request.started.is_some() == active).map(|one| one.info(safe)).collect()
}

/// What this worker parked. It waits in Redis, and any worker may take it when it is due.
async fn scheduled(shared: &Shared) -> Answer {
    let parked = match shared.broker.parked(&shared.options.hostname, MOST_SCHEDULED).await {
        Ok(parked) => parked,
        Err(broker) => return error(broker.to_string()),
    };
    let tasks = parked.iter().filter_map(|waiting| {
        let (raw, queue) = waiting.message()?;
        let message = Message::decode(&raw).ok()?;
        let request = Request::of(&message, &queue, &shared.options.hostname);
        let body = message.body().ok();
        let eta = DateTime::from_timestamp_micros((waiting.score * 1e6).round() as i64)?;
        let eta = time::isoformat(eta.fixed_offset());
        Some(Scheduled {
            eta,
            priority: 6,
            request: info(&request, &message, body.as_ref(), false),
        })
    });
    say(&tasks.collect::<Vec<_>>())
}

/// `{id: [state, info]}` for those that are in hand.
fn query_task(shared: &Shared, arguments: &Map<String, Value>) -> Answer {
    let ids = super::orders::texts(arguments.get("ids"));
    let all = shared.requests.all().into_iter();
    let found = all.filter(|known| ids.contains(&known.request.id)).map(|known| {
        let state = if known.started.is_some() { "active" } else { "reserved" };
        (known.request.id.clone(), (state, known.info(false)))
    });
    say(&found.collect::<std::collections::BTreeMap<_, _>>())
}

#[derive(Serialize)]
struct Hello {
    revoked: Vec<String>,
    clock: u64,
}

/// Another worker has started and wants to know what is revoked (Celery's "mingle").
fn hello(shared: &Shared, arguments: &Map<String, Value>) -> Answer {
    if arguments.get("from_node").and_then(Value::as_str) == Some(&shared.options.hostname) {
        return say(&());
    }
    let now = Instant::now();
    let theirs = match arguments.get("revoked") {
        // A dictionary of id and time in older Celery, a list of ids since 5.7.
        Some(Value::Object(ids)) => ids.keys().cloned().collect(),
        other => super::orders::texts(other),
    };
    theirs.iter().for_each(|id| shared.revoked.add(id, now));
    say(&Hello { revoked: shared.revoked.all(now), clock: shared.clock.forward() })
}
