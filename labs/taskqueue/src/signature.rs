//! What to run: a task's name, its arguments and the options of this one call.
//!
//! A signature is plain data. It knows neither how the message looks (`message`) nor where it
//! goes (`producer`). It may carry others that are to follow it: Celery's `link`, `link_error` and
//! `chain`. Groups and chords are for clients in Python to send; our workers run all of them.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::keys::DEFAULT_QUEUE;

/// A call of a task that can be sent: Celery's `Signature`.
///
/// ```
/// use std::time::Duration;
/// use taskqueue::Signature;
///
/// let later = Signature::new("feedback.tasks.send_feedback_email_task")
///     .arg("a@example.com")
///     .arg("hi")
///     .countdown(Duration::from_secs(30));
/// # let _ = later;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    pub(crate) task: String,
    pub(crate) args: Vec<Value>,
    pub(crate) kwargs: Map<String, Value>,
    pub(crate) options: Options,
    pub(crate) immutable: bool,
    pub(crate) callbacks: Vec<Signature>,
    pub(crate) errbacks: Vec<Signature>,
    /// The tasks after this one, in order.
    pub(crate) chain: Vec<Signature>,
}

/// How this call is to be carried out: the options of Celery's `apply_async`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) eta: Option<When>,
    pub(crate) expires: Option<When>,
    pub(crate) priority: u8,
    /// None leaves it to the sender's routes.
    pub(crate) queue: Option<String>,
    pub(crate) task_id: Option<String>,
    pub(crate) once: bool,
    pub(crate) retries: u32,
    pub(crate) ignore_result: bool,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) soft_time_limit: Option<Duration>,
    pub(crate) headers: Map<String, Value>,
}

impl Options {
    /// The queue that is meant, routes aside.
    pub(crate) fn queue(&self) -> &str {
        self.queue.as_deref().unwrap_or(DEFAULT_QUEUE)
    }
}

/// A point in time: from now on, or by the calendar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    In(Duration),
    At(DateTime<FixedOffset>),
}

impl When {
    /// The instant that is meant, seen from `now`.
    pub(crate) fn seen_from(self, now: DateTime<Utc>) -> DateTime<FixedOffset> {
        match self {
            Self::In(duration) => (now + duration).fixed_offset(),
            Self::At(instant) => instant,
        }
    }
}

impl Signature {
    /// A call of `task` without arguments, as soon as possible, on the queue that the broker's
    /// [`task_routes`](crate::Broker::task_routes) name for it, else on `celery`.
    #[must_use]
    pub fn new(task: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            args: Vec::new(),
            kwargs: Map::new(),
            options: Options {
                eta: None,
                expires: None,
                priority: 0,
                queue: None,
                task_id: None,
                once: false,
                retries: 0,
                ignore_result: false,
                time_limit: None,
                soft_time_limit: None,
                headers: Map::new(),
            },
            immutable: false,
            callbacks: Vec::new(),
            errbacks: Vec::new(),
            chain: Vec::new(),
        }
    }

    /// Adds a positional argument.
    #[must_use]
    pub fn arg(mut self, value: impl Into<Value>) -> Self {
        self.args.push(value.into());
        self
    }

    /// Adds a keyword argument.
    #[must_use]
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.kwargs.insert(name.into(), value.into());
        self
    }

    /// Not before this time from now. Zero means at once, as in Celery.
    #[must_use]
    pub fn countdown(mut self, countdown: Duration) -> Self {
        self.options.eta = (!countdown.is_zero()).then_some(When::In(countdown));
        self
    }

    /// Not before this instant; it travels with its own offset.
    #[must_use]
    pub fn eta(mut self, eta: DateTime<FixedOffset>) -> Self {
        self.options.eta = Some(When::At(eta));
        self
    }

    /// Not after this time from now: a worker then stores REVOKED instead.
    #[must_use]
    pub fn expires(mut self, expires: Duration) -> Self {
        self.options.expires = Some(When::In(expires));
        self
    }

    /// Not after this instant.
    #[must_use]
    pub fn expires_at(mut self, expires: DateTime<FixedOffset>) -> Self {
        self.options.expires = Some(When::At(expires));
        self
    }

    /// 0 (the default, served first) to 9. With Redis, Celery's order is the reverse of AMQP's.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.options.priority = priority;
        self
    }

    /// The queue to send to, whatever the routes say.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// An id of the caller's instead of a random UUID. Sending the same id again overwrites its result.
    #[must_use]
    pub fn task_id(mut self, id: impl Into<String>) -> Self {
        self.options.task_id = Some(id.into());
        self
    }

    /// Send it only if no task was sent once under this [id](Self::task_id) in the last day, by
    /// whichever sender: the second time nothing is sent, and the handle is the first task's.
    ///
    /// Off by default. For senders that may die between sending and saying so, and are asked again;
    /// Redis remembers the last 100,000 ids. Says nothing about a task that follows another one.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.options.once = true;
        self
    }

    /// How often the task was tried before.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.options.retries = retries;
        self
    }

    /// Cut this run of the task after this time, whatever the task and the worker say.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.options.time_limit = Some(limit);
        self
    }

    /// Tell this run of the task after this time to come to an end.
    #[must_use]
    pub fn soft_time_limit(mut self, limit: Duration) -> Self {
        self.options.soft_time_limit = Some(limit);
        self
    }

    /// A header of the caller's own, such as a trace's id; it travels on with every retry.
    /// Celery's own headers keep their values.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.headers.insert(name.into(), value.into());
        self
    }

    /// Store no result.
    #[must_use]
    pub fn ignore_result(mut self) -> Self {
        self.options.ignore_result = true;
        self
    }

    /// Takes no result of the task before it: Celery's `si()`. Otherwise that result becomes the
    /// first argument.
    #[must_use]
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Runs `callback` after success, with the result as its first argument. Of a chain: after its last task.
    #[must_use]
    pub fn link(mut self, callback: Self) -> Self {
        self.chain
            .last_mut()
            .map_or(&mut self.callbacks, |last| &mut last.callbacks)
            .push(callback);
        self
    }

    /// Runs `errback` after a failure that is not tried again, with the id of the failed task as its
    /// first argument. Of a chain: whichever of its tasks fails.
    #[must_use]
    pub fn link_error(mut self, errback: Self) -> Self {
        for task in &mut self.chain {
            task.errbacks.push(errback.clone());
        }
        self.errbacks.push(errback);
        self
    }

    /// With an id for each task of it: Celery's `freeze`.
    pub(crate) fn frozen(&self) -> Self {
        let mut frozen = self.clone();
        for options in std::iter::once(&mut frozen.options)
            .chain(frozen.chain.iter_mut().map(|task| &mut task.options))
        {
            options.task_id.get_or_insert_with(|| Uuid::new_v4().to_string());
        }
        frozen
    }

    /// The id whose result is that of the whole: a chain's is its last task's.
    pub(crate) fn result_id(&self) -> Option<&String> {
        self.chain.last().unwrap_or(self).options.task_id.as_ref()
    }
}

/// Tasks that run one after the other, each with the result of the one before as its first argument.
///
/// Options of the chain, such as a countdown, are those of its first task.
///
/// ```
/// use taskqueue::{Signature, chain};
///
/// let add = |y: i64| Signature::new("tasks.add").arg(y);
/// let all = chain([add(1).arg(2), add(3), add(4)]).link_error(Signature::new("tasks.tell"));
/// # let _ = all;
/// ```
#[must_use]
pub fn chain<const N: usize>(tasks: [Signature; N]) -> Signature {
    const { assert!(N > 0, "a chain has at least one task") };
    let mut tasks = tasks.into_iter().flat_map(|mut task| {
        let rest = std::mem::take(&mut task.chain);
        std::iter::once(task).chain(rest)
    });
    let Some(first) = tasks.next() else { unreachable!("this was checked when it was compiled") };
    Signature { chain: tasks.collect(), ..first }
}
