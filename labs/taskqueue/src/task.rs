//! What a task is: a name, the names of its parameters, and the code; and the registry that finds it.
//!
//! The message carries only the name and the arguments. Arguments are bound to parameters as
//! Python would bind them, so that a Celery client may call with positional or keyword arguments
//! and gets the `TypeError` that it expects.

mod arguments;
mod limits;
mod parameters;
mod request;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::breaker::Breaker;
use crate::rate_limit::RateLimit;
use crate::retry::RetryPolicy;
use crate::task_error::TaskError;
pub(crate) use limits::{SoftLimit, TimeLimits};
pub use request::Request;

type Run =
    dyn Fn(Arc<Request>, Value) -> BoxFuture<'static, Result<Value, TaskError>> + Send + Sync;

/// A task that a worker can run.
///
/// ```
/// use taskqueue::{Task, TaskError};
///
/// let add = Task::new("wire.add", ["x", "y"], |_request, (x, y): (i64, i64)| async move {
///     x.checked_add(y).ok_or_else(|| TaskError::new("OverflowError", "too large"))
/// });
/// assert_eq!(add.name(), "wire.add");
/// ```
#[derive(Clone)]
pub struct Task {
    name: String,
    parameters: Vec<String>,
    acks_late: Option<bool>,
    ignore_result: bool,
    retry: RetryPolicy,
    breaker: Option<Breaker>,
    limits: TimeLimits,
    rate_limit: Option<RateLimit>,
    run: Arc<Run>,
}

impl Task {
    /// The task `name`; `run` gets the arguments as a tuple in the order of `parameters`.
    pub fn new<const N: usize, A, R, F, Fut>(name: &str, parameters: [&str; N], run: F) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize,
        F: Fn(Arc<Request>, A) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<R, TaskError>> + Send + 'static,
    {
        let call = move |request: Arc<Request>, arguments: Value| -> BoxFuture<'static, _> {
            let run = run.clone();
            let typed = arguments::typed(arguments);
            Box::pin(async move {
                let arguments = typed.map_err(|error| {
                    TaskError::new("TypeError", format!("{}(): {error}", request.task))
                })?;
                let result = run(request, arguments).await?;
                serde_json::to_value(result)
                    .map_err(|error| TaskError::in_module("kombu.exceptions", "EncodeError", error))
            })
        };
        let parameters = parameters.map(str::to_owned).to_vec();
        Self {
            name: name.to_owned(),
            parameters,
            acks_late: None,
            ignore_result: false,
            retry: RetryPolicy::default(),
            breaker: None,
            limits: TimeLimits::default(),
            rate_limit: None,
            run: Arc::new(call),
        }
    }

    /// Acknowledge after the run instead of before it, whatever the worker's setting says.
    #[must_use]
    pub fn acks_late(mut self, acks_late: bool) -> Self {
        self.acks_late = Some(acks_late);
        self
    }

    /// Store no result.
    #[must_use]
    pub fn ignore_result(mut self) -> Self {
        self.ignore_result = true;
        self
    }

    /// When it is tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Hold it back while its destination is away: the message then waits in Redis, which costs
    /// neither an attempt nor a slot. Not in Celery.
    #[must_use]
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Cut it after this time (`time_limit`).
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limits.hard = Some(limit);
        self
    }

    /// Tell it after this time to come to an end (`soft_time_limit`). A task that does not listen
    /// to [`Request::soft_time_limit`] ends there and then.
    #[must_use]
    pub fn soft_time_limit(mut self, limit: Duration) -> Self {
        self.limits.soft = Some(limit);
        self
    }

    /// Start it so often at most, on each worker: `"10/m".parse()?`.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// The name under which messages ask for it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn acknowledges_late(&self, default: bool) -> bool {
        self.acks_late.unwrap_or(default)
    }

    pub(crate) fn ignores_result(&self) -> bool {
        self.ignore_result
    }

    pub(crate) fn retry_policy(&self) -> &RetryPolicy {
        &self.retry
    }

    pub(crate) fn limit(&self) -> Option<&RateLimit> {
        self.rate_limit.as_ref()
    }

    pub(crate) fn time_limits(&self) -> TimeLimits {
        self.limits
    }

    /// Binds the arguments and starts the code; wrong arguments are the task's `TypeError`.
    pub(crate) fn call(
        &self,
        request: Arc<Request>,
        args: Vec<Value>,
        kwargs: Map<String, Value>,
    ) -> Result<BoxFuture<'static, Result<Value, TaskError>>, TaskError> {
        Ok((self.run)(request, parameters::bind(&self.name, &self.parameters, args, kwargs)?))
    }
}

/// Finds a task's code by its name.
#[derive(Clone, Default)]
pub struct Registry {
    tasks: HashMap<String, Task>,
}

impl Registry {
    /// A registry of these tasks. Of two with the same name the later one counts.
    #[must_use]
    pub fn new(tasks: impl IntoIterator<Item = Task>) -> Self {
        Self::default().with(tasks)
    }

    /// The same with these tasks too.
    #[must_use]
    pub fn with(mut self, tasks: impl IntoIterator<Item = Task>) -> Self {
        self.tasks.extend(tasks.into_iter().map(|task| (task.name.clone(), task)));
        self
    }

    /// The names of all tasks, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tasks.keys().cloned().collect();
        names.sort();
        names
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// The tasks that have a breaker, by name.
    pub(crate) fn breakers(&self) -> impl Iterator<Item = (String, Breaker)> {
        self.tasks.values().filter_map(|task| Some((task.name.clone(), task.breaker.clone()?)))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name)
    }
}
