//! A task's own failure: what a Python client sees as the exception that its `get()` raises.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::repr;

/// An exception: its class, the class' module and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskError {
    /// The exception's class: `ValueError`.
    pub exc_type: String,
    /// Its arguments, as a rule one text.
    pub exc_message: Vec<Value>,
    /// The module of the class: `builtins`.
    pub exc_module: String,
    retry: Option<Option<Duration>>,
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
        Self::raised(exc_module, exc_type, vec![message.to_string().into()])
    }

    /// An exception with other arguments than one text.
    #[must_use]
    pub fn raised(exc_module: &str, exc_type: &str, exc_message: Vec<Value>) -> Self {
        Self { exc_type: exc_type.into(), exc_message, exc_module: exc_module.into(), retry: None }
    }

    /// Try again, whatever the policy says of this class: Celery's `self.retry(exc, countdown)`.
    /// The policy's `max_retries` still holds.
    #[must_use]
    pub fn retry(self, countdown: Option<Duration>) -> Self {
        Self { retry: Some(countdown), ..self }
    }

    pub(crate) fn asks_for_retry(&self) -> Option<Option<Duration>> {
        self.retry
    }

    /// Its arguments as one text.
    #[must_use]
    pub fn message(&self) -> String {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.exc_message.iter().map(plain).collect::<Vec<_>>().join(", ")
    }

    /// As Python shows it: `ValueError('boom')`.
    pub(crate) fn repr(&self) -> String {
        match self.exc_message.as_slice() {
            [one] => format!("{}({})", self.exc_type, repr::value(one)),
            several => format!("{}{}", self.exc_type, repr::args(several)),
        }
    }

    /// What stands as `result` in a FAILURE or RETRY.
    pub(crate) fn document(&self) -> Exception<'_> {
        let Self { exc_type, exc_message, exc_module, .. } = self;
        Exception { exc_type, exc_message, exc_module }
    }
}

/// An exception as Celery stores it.
#[derive(Serialize)]
pub(crate) struct Exception<'a> {
    exc_type: &'a str,
    exc_message: &'a [Value],
    exc_module: &'a str,
}

impl fmt::Display for TaskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.exc_type, self.message())
    }
}

impl std::error::Error for TaskError {}
