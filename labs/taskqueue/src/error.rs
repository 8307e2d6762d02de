//! What can go wrong between this crate and its caller, each with its next step.
//!
//! A task's own failure is no error of the queue: it is a [`TaskError`](crate::TaskError) and ends as a result.

mod refusal;

use std::sync::Arc;
use std::time::Duration;

use crate::broker_url::{BrokerUrl, InvalidBrokerUrl};
use crate::server::Lack;
use crate::task_error::TaskError;
use refusal::{cause, next_step, printable, unreachable};

/// The broker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL names no Redis.
    #[error(transparent)]
    Url(#[from] InvalidBrokerUrl),
    /// Nothing answers at the address, or no longer.
    #[error("no Redis answers at {url}: {}\n  next: {}", printable(.source), unreachable(.source, url))]
    Unreachable {
        /// Where it should be.
        url: Arc<BrokerUrl>,
        /// What the client saw.
        source: redis::RedisError,
    },
    /// Something else answers at the address.
    #[error("no Redis is at {url}, but {what}\n  next: {}", refusal::instead_of(.what))]
    NotRedis {
        /// Where it should be.
        url: Arc<BrokerUrl>,
        /// What is there instead.
        what: &'static str,
    },
    /// It can't do what the queue needs.
    #[error("{server} at {url} can't be used: {}\n  next: {}", .lack.reason(), .lack.next_step(url))]
    Unsuited {
        /// Where it is.
        url: Arc<BrokerUrl>,
        /// Its name and version.
        server: String,
        /// What is missing.
        lack: Lack,
    },
    /// Redis answered, with an error.
    #[error("Redis at {url} refuses: {}\n  next: {}", cause(.source, url), next_step(.source, url))]
    Refused {
        /// Where it is.
        url: Arc<BrokerUrl>,
        /// Redis' own words.
        source: redis::RedisError,
    },
    /// No answer in time. Whether the command was carried out is not known.
    #[error(
        "Redis at {url} did not answer within {waited:?}\n  next: look at its load with `{} INFO`, then try again",
        .url.redis_cli()
    )]
    Slow {
        /// Where it is.
        url: Arc<BrokerUrl>,
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
        /// Where it is.
        url: Arc<BrokerUrl>,
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

impl BrokerError {
    /// The cause alone, in words that go on a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Refused { url, source } => cause(source, url),
            Self::Unsuited { lack, .. } => lack.reason(),
            other => other.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }

    /// Whether it is only for want of a password.
    #[must_use]
    pub fn wants_password(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if refusal::wants_password(source))
    }

    /// Whether Redis serves others, and keeps only this from us: a right, or one more connection.
    pub(crate) fn withholds(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if refusal::withholds(source))
    }

    /// Whether waiting would change nothing: somebody has to change the URL, the server or a right.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Url(_) | Self::NotRedis { .. } | Self::Unsuited { .. } => true,
            Self::Refused { source, .. } => refusal::is_permanent(source),
            Self::Arguments { .. } => true,
            Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::Full { .. }
            | Self::Clock { .. } => false,
        }
    }
}

/// A queue's name is part of keys and of what stands in `unacked`.
#[derive(Debug, thiserror::Error)]
#[error("queue {0:?} can't be used\n  next: name it with letters, digits and _ . : - only")]
pub struct InvalidQueue(pub(crate) String);

/// Options with which no worker works.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWorker {
    /// One of its queues.
    #[error(transparent)]
    Queue(#[from] InvalidQueue),
    /// A task would be cut before it is told.
    #[error(
        "a soft time limit of {soft:?} is above the hard one of {hard:?}\n  next: tell a task before you cut it"
    )]
    TimeLimits {
        /// `time_limit`.
        hard: Duration,
        /// `soft_time_limit`.
        soft: Duration,
    },
}

/// [`AsyncResult::get`](crate::AsyncResult::get) has no value to give.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The task ended with FAILURE or REVOKED.
    #[error("task {id} failed: {error}\n  next: {} GET celery-task-meta-{id}", .url.redis_cli())]
    Failed {
        /// The task's id.
        id: String,
        /// What it raised.
        error: TaskError,
        /// Where it should be.
        url: Arc<BrokerUrl>,
    },
    /// The task did not end in time.
    #[error(
        "task {id} has no result after {waited:?}\n  next: is a worker running? {} LLEN celery shows what waits",
        .url.redis_cli()
    )]
    Timeout {
        /// The task's id.
        id: String,
        /// How long we waited.
        waited: Duration,
        /// Where it should be.
        url: Arc<BrokerUrl>,
    },
    /// The broker could not be asked.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}
