//! `celery inspect registered`: which tasks there are, each with what was asked about it.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::Shared;
use crate::task::Task;
use crate::time;

/// What Celery shows where nothing is asked; the first two are no task's own here.
const USUAL: [&str; 3] = ["exchange", "routing_key", "rate_limit"];

/// The names, without Celery's own (`celery.…`) unless asked for.
pub(super) fn registered(shared: &Shared, arguments: &Map<String, Value>) -> Vec<String> {
    let asked = super::orders::texts(arguments.get("taskinfoitems"));
    let items = if asked.is_empty() { USUAL.map(str::to_owned).to_vec() } else { asked };
    let builtins = arguments.get("builtins").and_then(Value::as_bool).unwrap_or_default();
    let mut tasks: Vec<&Task> = shared.registry.tasks().collect();
    tasks.sort_by_key(|task| task.name());
    let shown = tasks.into_iter().filter(|task| builtins || !task.name().starts_with("celery."));
    shown
        .map(|task| {
            let known = |item: &String| Some(format!("{item}={}", attribute(shared, task, item)?));
            let known: Vec<String> = items.iter().filter_map(known).collect();
            match known.as_slice() {
                [] => task.name().to_owned(),
                known => format!("{} [{}]", task.name(), known.join(" ")),
            }
        })
        .collect()
}

/// An attribute of a task of Celery's, as Python shows it; none where it is None, or unknown here.
fn attribute(shared: &Shared, task: &Task, name: &str) -> Option<String> {
    let options = &shared.options;
    let truth = |value: bool| Some(if value { "True" } else { "False" }.to_owned());
    let seconds = |limit: Duration| time::number(limit).to_string();
    let (max_retries, default_retry_delay) = task.retry_policy().basics();
    let limits = shared.tuning.time_limits(task.name()).unwrap_or(task.time_limits());
    match name {
        "name" => Some(task.name().to_owned()),
        "rate_limit" => shared.tuning.rate_limit(task.name()).map(|limit| limit.to_string()),
        "time_limit" => limits.hard.or(options.time_limit).map(seconds),
        "soft_time_limit" => limits.soft.or(options.soft_time_limit).map(seconds),
        "max_retries" => max_retries.map(|most| most.to_string()),
        "default_retry_delay" => Some(seconds(default_retry_delay)),
        "acks_late" => truth(task.acknowledges_late(options.acks_late)),
        "ignore_result" => truth(task.ignores_result()),
        "track_started" => truth(options.track_started),
        "send_events" | "acks_on_failure_or_timeout" => truth(true),
        "store_errors_even_if_ignored" => truth(false),
        "serializer" => Some("json".to_owned()),
        _ => None,
    }
}
