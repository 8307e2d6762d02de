//! What can go wrong between this crate and its caller, each with its next step.
//!
//! A task's own failure is no error of the queue: it is a [`TaskError`](crate::TaskError) and ends as a result.

use std::time::Duration;

use crate::task_error::TaskError;

/// The broker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL names no Redis.
    #[error("`{url}` is no Redis URL: {reason}\n  next: write it as redis://127.0.0.1:6379/0")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing answers at the address, or no longer.
    #[error(
        "no Redis answers at {url}: {source}\n  next: start one there, for the lab with `cargo run --bin step5_broker`"
    )]
    Unreachable {
        /// The URL, without its password.
        url: String,
        /// What the client saw.
        source: redis::RedisError,
    },
    /// Redis answered, with an error.
    #[error("Redis at {url} refuses: {}\n  next: {}", own_words(.source), next_step(.source))]
    Refused {
        /// The URL, without its password.
        url: String,
        /// Redis' own words.
        source: redis::RedisError,
    },
    /// No answer in time. Whether the command was carried out is not known.
    #[error(
        "Redis at {url} did not answer within {waited:?}\n  next: look at its load with `redis-cli INFO`, then try again"
    )]
    Slow {
        /// The URL, without its password.
        url: String,
        /// How long we waited.
        waited: Duration,
    },
    /// As many messages wait as [`Broker::most_waiting`](crate::Broker::most_waiting) allows.
    #[error(
        "{waiting} messages wait in {list} already: it takes no more\n  next: start another worker, for the lab with `cargo run --bin step6_worker`, or wait until it has caught up"
    )]
    Full {
        /// The list.
        list: String,
        /// How many wait there at least.
        waiting: usize,
    },
    /// Redis' clock is not what it was when we asked: it was set, or this machine has slept.
    #[error(
        "the clock of Redis at {url} has moved\n  next: nothing; the next attempt asks for its time anew"
    )]
    Clock {
        /// The URL, without its password.
        url: String,
    },
    /// The message can't be written as JSON.
    #[error(
        "task {task}: its arguments are not JSON: {source}\n  next: send strings, numbers, lists and maps with text keys"
    )]
    Arguments {
        /// The task's name.
        task: String,
        /// serde's reason.
        source: serde_json::Error,
    },
}

/// A queue's name is part of keys and of what stands in `unacked`.
#[derive(Debug, thiserror::Error)]
#[error("queue {0:?} can't be used\n  next: name it with letters, digits and _ . : - only")]
pub struct InvalidQueue(pub(crate) String);

/// As Redis wrote it: `READONLY You can't write against a read only replica.`
fn own_words(error: &redis::RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

/// Redis' error codes, as it documents them, and what helps.
fn next_step(error: &redis::RedisError) -> &'static str {
    match error.code() {
        Some("OOM") => "Redis is full: let the worker drain it, or raise `maxmemory`",
        Some("READONLY" | "MASTERDOWN") => {
            "this server is a replica; wait for the failover or name the primary"
        }
        Some("LOADING") => "it is reading its data from disk; try again in a moment",
        Some("MISCONF") => "it can't write its disk; see its log",
        Some("NOAUTH" | "WRONGPASS") => {
            "give the password in the URL: redis://:PASSWORD@host:6379/0"
        }
        Some("WRONGTYPE") => {
            "a key of the queue holds something else; look with `redis-cli TYPE celery`"
        }
        _ => "see Redis' log",
    }
}

/// [`AsyncResult::get`](crate::AsyncResult::get) has no value to give.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The task ended with FAILURE or REVOKED.
    #[error("task {id} failed: {error}\n  next: redis-cli GET celery-task-meta-{id}")]
    Failed {
        /// The task's id.
        id: String,
        /// What it raised.
        error: TaskError,
    },
    /// The task did not end in time.
    #[error(
        "task {id} has no result after {waited:?}\n  next: is a worker running? redis-cli LLEN celery shows what waits"
    )]
    Timeout {
        /// The task's id.
        id: String,
        /// How long we waited.
        waited: Duration,
    },
    /// The broker could not be asked.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}
