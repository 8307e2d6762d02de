//! The orders: `celery control …`. Each answers in Celery's words, and is told as an event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::{Answer, error, ok, say};
use crate::event::Event;
use crate::message::is_safe_id;
use crate::rate_limit::RateLimit;
use crate::result_backend::document;
use crate::task::TimeLimits;
use crate::worker::{InvalidQueue, Shared};

type Arguments = Map<String, Value>;

/// What an order came to: an answer in Celery's words, or why it was refused.
type Outcome = Result<String, String>;

/// Carries out `method`, and says what came of it.
pub(super) async fn carry_out(shared: &Arc<Shared>, method: &str, arguments: &Arguments) -> Answer {
    let outcome = match method {
        // Not about tasks: nothing to tell.
        "heartbeat" => {
            shared.beat_now.notify_one();
            return say(&());
        }
        // Elections are between Celery's workers.
        "election" => return None,
        "revoke" => revoke(shared, arguments).await,
        "terminate" => terminate(shared, arguments).await,
        "rate_limit" => rate_limit(shared, arguments),
        "time_limit" => time_limit(shared, arguments),
        "pool_grow" => pool(shared, arguments, true),
        "pool_shrink" => pool(shared, arguments, false),
        "add_consumer" => add_consumer(shared, arguments).await,
        "cancel_consumer" => cancel_consumer(shared, arguments),
        "enable_events" => Ok(events(shared, true)),
        "disable_events" => Ok(events(shared, false)),
        "shutdown" => {
            shared.stop.warm();
            Ok("warm shutdown".to_owned())
        }
        other => refuse(other),
    };
    tell(shared, method, arguments, &outcome);
    match outcome {
        // A worker that goes says no more.
        Ok(_) if method == "shutdown" => None,
        Ok(text) => ok(text),
        Err(text) => error(text),
    }
}

/// What Celery refuses in the same way, and what it does and this worker does not.
fn refuse(method: &str) -> Outcome {
    Err(match method {
        "autoscale" => "ValueError('Autoscale not enabled')".into(),
        "pool_restart" => "ValueError('Pool restarts not enabled')".into(),
        "revoke_by_stamped_headers" => {
            "this worker keeps stamps but does not revoke by them; revoke by id".into()
        }
        other => format!("KeyError({})", crate::repr::value(&other.into())),
    })
}

fn tell(shared: &Shared, method: &str, arguments: &Arguments, outcome: &Outcome) {
    let given = arguments.iter().filter(|(_, value)| !value.is_null());
    let given = given.map(|(name, value)| format!(" {name}={value}")).collect::<String>();
    let (Ok(answer) | Err(answer)) = outcome;
    let (order, answer) = (format!("{method}{given}"), answer.clone());
    (shared.observe)(Event::RemoteControl { order, answer });
}

/// A text or a list of texts, as a list.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// As Python sees it: Flower sends 1.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    let value = arguments.get(name).and_then(Value::as_str);
    value.ok_or_else(|| format!("TypeError(\"missing required argument: '{name}'\")"))
}

/// The task ids of an order.
fn ids(arguments: &Arguments) -> Vec<String> {
    texts(arguments.get("task_id"))
}

async fn revoke(shared: &Shared, arguments: &Arguments) -> Outcome {
    if arguments.get("terminate").is_some_and(is_true) {
        return terminate(shared, arguments).await;
    }
    let ids = ids(arguments);
    flag_as_revoked(shared, &ids).await;
    let set: Vec<_> = ids.iter().map(|id| crate::repr::value(&id.as_str().into())).collect();
    let set = if set.is_empty() { "set()".into() } else { format!("{{{}}}", set.join(", ")) };
    Ok(format!("tasks {set} flagged as revoked"))
}

async fn terminate(shared: &Shared, arguments: &Arguments) -> Outcome {
    let signum = signum(arguments.get("signal"))?;
    let ids = ids(arguments);
    flag_as_revoked(shared, &ids).await;
    let all = shared.requests.all();
    let met: Vec<_> = all.iter().filter(|known| ids.contains(&known.request.id)).collect();
    met.iter().for_each(|known| known.termination.give(signum));
    if met.is_empty() {
        return Ok("terminate: tasks unknown".into());
    }
    let met: Vec<_> = met.iter().map(|known| known.request.id.as_str()).collect();
    Ok(format!("terminate: {}", met.join(", ")))
}

/// From now on whoever fetches them here stores REVOKED; those that wait elsewhere show it at once.
async fn flag_as_revoked(shared: &Shared, ids: &[String]) {
    let active: Vec<_> = shared.requests.all();
    for id in ids {
        shared.revoked.add(id, Instant::now());
        if !active.iter().any(|known| known.started.is_some() && known.request.id == *id) {
            // If Redis is away now, the message's own end stores the same.
            let document = document::revoked_unseen(id);
            let _ = shared.broker.revoke(id, &document, shared.options.result_expires).await;
        }
    }
}

/// `SIGTERM`, `TERM` or 15, which is what is meant where nothing is said.
fn signum(signal: Option<&Value>) -> Result<i32, String> {
    const SIGNALS: [(&str, i32); 7] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("KILL", 9),
        ("USR1", 10),
        ("USR2", 12),
        ("TERM", 15),
    ];
    let unknown = |signal: &Value| format!("TypeError({})", crate::repr::value(signal));
    match signal {
        None | Some(Value::Null) => Ok(15),
        Some(Value::String(name)) => {
            let bare = name.to_ascii_uppercase();
            let bare = bare.strip_prefix("SIG").unwrap_or(&bare);
            let known = SIGNALS.iter().find(|(signal, _)| *signal == bare);
            known.map(|(_, number)| *number).ok_or_else(|| unknown(&name.as_str().into()))
        }
        Some(other) => {
            let number = other.as_i64().and_then(|number| i32::try_from(number).ok());
            number.filter(|number| (1..=64).contains(number)).ok_or_else(|| unknown(other))
        }
    }
}

fn rate_limit(shared: &Shared, arguments: &Arguments) -> Outcome {
    let task = text(arguments, "task_name")?;
    let wanted = match arguments.get("rate_limit") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let off = wanted.is_empty() || wanted.split('/').next().is_some_and(|count| count == "0");
    let limit = (!off).then(|| wanted.parse::<RateLimit>()).transpose();
    let limit = limit.map_err(|_| {
        format!("Invalid rate limit string: ValueError({})", crate::repr::value(&wanted.into()))
    })?;
    known(shared, task)?;
    let word = if limit.is_some() { "new rate limit set" } else { "rate limit disabled" };
    shared.tuning.set_rate_limit(task, limit);
    Ok(format!("{word} successfully"))
}

fn time_limit(shared: &Shared, arguments: &Arguments) -> Outcome {
    let task = text(arguments, "task_name")?;
    let seconds = |name: &str| match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(limit) => {
            let limit = limit.as_f64().map(Duration::try_from_secs_f64);
            limit.and_then(Result::ok).map(Some).ok_or(format!("ValueError('{name}')"))
        }
    };
    let limits = TimeLimits { hard: seconds("hard")?, soft: seconds("soft")? };
    known(shared, task)?;
    limits.check().map_err(|error| error.repr())?;
    shared.tuning.set_time_limits(task, limits);
    Ok("time limits set successfully".into())
}

fn known(shared: &Shared, task: &str) -> Result<(), String> {
    shared.registry.find(task).map(drop).ok_or_else(|| "unknown task".into())
}

fn pool(shared: &Shared, arguments: &Arguments, grow: bool) -> Outcome {
    let count = arguments.get("n").map_or(Some(1), Value::as_u64);
    let count = count.and_then(|count| usize::try_from(count).ok()).ok_or("ValueError('n')")?;
    let (done, word) = if grow {
        (shared.slots.grow(count), "grow")
    } else {
        (shared.slots.shrink(count), "shrink")
    };
    if done {
        Ok(format!("pool will {word}"))
    } else {
        let size = shared.slots.size();
        Err(format!("ValueError('the pool has {size} slots and can not {word} by {count}')"))
    }
}

async fn add_consumer(shared: &Arc<Shared>, arguments: &Arguments) -> Outcome {
    let queue = queue(arguments)?;
    let added = shared.queues.add(queue, &shared.broker, &shared.stop, &shared.background);
    added.map_err(|error| error.to_string())?;
    let _ = shared.broker.bind(&[queue.to_owned()]).await;
    Ok(format!("add consumer {queue}"))
}

fn cancel_consumer(shared: &Shared, arguments: &Arguments) -> Outcome {
    let queue = queue(arguments)?;
    shared.queues.cancel(queue);
    Ok(format!("no longer consuming from {queue}"))
}

/// A name that may be part of a key.
fn queue(arguments: &Arguments) -> Result<&str, String> {
    let queue = text(arguments, "queue")?;
    if is_safe_id(queue) { Ok(queue) } else { Err(InvalidQueue(queue.to_owned()).to_string()) }
}

fn events(shared: &Shared, publish: bool) -> String {
    let word = if publish { "enabled" } else { "disabled" };
    match shared.tuning.set_task_events(publish) {
        true => format!("task events {word}"),
        false => format!("task events already {word}"),
    }
}
