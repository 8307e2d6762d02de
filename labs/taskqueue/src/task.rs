//! What a task is: a name, the names of its parameters, and the code; and the registry that finds it.
//!
//! The message carries only the name and the arguments. Arguments are bound to parameters as
//! Python would bind them, so that a Celery client may call with positional or keyword arguments
//! and gets the `TypeError` that it expects.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A task's failure: what a Python client sees as the exception that its `get()` raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    /// The exception's class: `ValueError`.
    pub exc_type: String,
    /// What it says.
    pub message: String,
    /// The module of the class: `builtins`.
    pub exc_module: String,
}

impl TaskError {
    /// An exception of Python's own, such as `ValueError` or `ConnectionRefusedError`.
    #[must_use]
    pub fn new(exc_type: &str, message: impl fmt::Display) -> Self {
        Self::in_module("builtins", exc_type, message)
    }

    /// An exception of a module, such as `SMTPRecipientsRefused` of `smtplib`.
    #[must_use]
    pub fn in_module(exc_module: &str, exc_type: &str, message: impl fmt::Display) -> Self {
        Self {
            exc_type: exc_type.into(),
            message: message.to_string(),
            exc_module: exc_module.into(),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.exc_type, self.message)
    }
}

impl std::error::Error for TaskError {}

/// What a running task may know about its call: Celery's `self.request`.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The task's id, the same through all retries.
    pub id: String,
    /// The task's name.
    pub task: String,
    /// How often it was tried before.
    pub retries: u32,
    /// Whether the message was handed out before.
    pub redelivered: bool,
    /// The queue that it came from.
    pub queue: String,
    /// The arguments as Python shows them.
    pub argsrepr: String,
    /// The keyword arguments as Python shows them.
    pub kwargsrepr: String,
    /// The worker that runs it.
    pub hostname: String,
    /// The task that sent this one.
    pub parent_id: Option<String>,
    /// The group that it is part of.
    pub group: Option<String>,
}

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
            let typed = serde_json::from_value(arguments);
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

    /// Binds the arguments and starts the code; wrong arguments are the task's `TypeError`.
    pub(crate) fn call(
        &self,
        request: Arc<Request>,
        args: Vec<Value>,
        kwargs: Map<String, Value>,
    ) -> Result<BoxFuture<'static, Result<Value, TaskError>>, TaskError> {
        Ok((self.run)(request, self.bind(args, kwargs)?))
    }

    /// Python's rules for a function without defaults, and its words.
    fn bind(&self, args: Vec<Value>, mut kwargs: Map<String, Value>) -> Result<Value, TaskError> {
        let function = self.name.rsplit('.').next().unwrap_or_default();
        let type_error = |what: String| TaskError::new("TypeError", format!("{function}() {what}"));
        let (takes, given) = (self.parameters.len(), args.len());
        if given > takes {
            let plural = if takes == 1 { "" } else { "s" };
            let were = if given == 1 { "was" } else { "were" };
            return Err(type_error(format!(
                "takes {takes} positional argument{plural} but {given} {were} given"
            )));
        }
        let mut bound = args;
        for parameter in &self.parameters[..given] {
            if kwargs.contains_key(parameter) {
                return Err(type_error(format!("got multiple values for argument '{parameter}'")));
            }
        }
        let mut missing = Vec::new();
        for parameter in &self.parameters[given..] {
            match kwargs.remove(parameter) {
                Some(value) => bound.push(value),
                None => missing.push(format!("'{parameter}'")),
            }
        }
        if let Some(unexpected) = kwargs.keys().next() {
            return Err(type_error(format!("got an unexpected keyword argument '{unexpected}'")));
        }
        if !missing.is_empty() {
            return Err(type_error(missing_arguments(&missing)));
        }
        Ok(if bound.is_empty() { Value::Null } else { Value::Array(bound) })
    }
}

/// `missing 2 required positional arguments: 'a' and 'b'`.
fn missing_arguments(names: &[String]) -> String {
    let (count, plural) = (names.len(), if names.len() == 1 { "" } else { "s" });
    let list = match names {
        [] => String::new(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [init @ .., last] => format!("{}, and {last}", init.join(", ")),
    };
    format!("missing {count} required positional argument{plural}: {list}")
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
        Self { tasks: tasks.into_iter().map(|task| (task.name.clone(), task)).collect() }
    }

    /// The names of all tasks, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tasks.keys().cloned().collect();
        names.sort();
        names
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bind(args: Value, kwargs: Value) -> Result<Value, String> {
        let task =
            Task::new("wire.add", ["x", "y"], |_, (x, y): (i64, i64)| async move { Ok(x + y) });
        let (Value::Array(args), Value::Object(kwargs)) = (args, kwargs) else {
            panic!("not arguments")
        };
        task.bind(args, kwargs).map_err(|error| error.message)
    }

    #[test]
    fn arguments_are_bound_by_position_and_by_name() {
        for (args, kwargs) in [
            (json!([1, 2]), json!({})),
            (json!([1]), json!({"y": 2})),
            (json!([]), json!({"y": 2, "x": 1})),
        ] {
            assert_eq!(bind(args, kwargs), Ok(json!([1, 2])));
        }
    }

    #[test]
    fn wrong_arguments_are_refused_in_pythons_words() {
        let cases = [
            (json!([1]), json!({}), "add() missing 1 required positional argument: 'y'"),
            (json!([]), json!({}), "add() missing 2 required positional arguments: 'x' and 'y'"),
            (json!([1, 2, 3]), json!({}), "add() takes 2 positional arguments but 3 were given"),
            (json!([1, 2]), json!({"x": 1}), "add() got multiple values for argument 'x'"),
            (json!([1]), json!({"z": 1}), "add() got an unexpected keyword argument 'z'"),
        ];
        for (args, kwargs, message) in cases {
            assert_eq!(bind(args, kwargs), Err(message.to_owned()));
        }
    }
}
