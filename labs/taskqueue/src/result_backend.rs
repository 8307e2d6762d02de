//! Results: `celery-task-meta-<id>`, how it is written, read and waited for.
//!
//! The document has Celery's six fields in Celery's order. Whoever waits subscribes to the
//! channel of the same name first and looks at the key then, so that no result falls between.
//! A key that is not there reads as PENDING: Celery's word for "never heard of it".

pub(crate) mod document;
mod scan;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::broker::Broker;
use crate::error::{BrokerError, ResultError};
use crate::task_error::TaskError;
use crate::{json as python, keys, time};
pub use scan::ResultPage;

/// How long a result is kept: Celery's `result_expires`, a day.
pub(crate) const RESULT_EXPIRES: Duration = Duration::from_secs(24 * 60 * 60);

/// How long whoever waits goes without looking.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A task's state, Celery's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing is known of the task: it waits, or it never was.
    Pending,
    /// A worker runs it.
    Started,
    /// It failed and will be tried again.
    Retry,
    /// It returned.
    Success,
    /// It raised.
    Failure,
    /// It will not be run.
    Revoked,
    /// A state that a task made up, such as PROGRESS.
    Custom(String),
}

impl State {
    fn from_word(word: &str) -> Self {
        match word {
            "PENDING" => Self::Pending,
            "STARTED" => Self::Started,
            "RETRY" => Self::Retry,
            "SUCCESS" => Self::Success,
            "FAILURE" => Self::Failure,
            "REVOKED" => Self::Revoked,
            other => Self::Custom(other.to_owned()),
        }
    }

    /// Celery's word for it.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Started => "STARTED",
            Self::Retry => "RETRY",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Revoked => "REVOKED",
            Self::Custom(word) => word,
        }
    }

    /// Whether it is final (Celery's `READY_STATES`).
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Revoked)
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// What stands under `celery-task-meta-<id>`.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskMeta {
    /// The state.
    pub state: State,
    /// The value returned, the exception raised, or who runs it, depending on the state.
    pub result: Value,
    /// Where it was raised.
    pub traceback: Option<String>,
    /// When it ended, ISO 8601.
    pub date_done: Option<String>,
}

impl TaskMeta {
    fn pending() -> Self {
        Self { state: State::Pending, result: Value::Null, traceback: None, date_done: None }
    }

    /// Reads a document that any Celery worker wrote.
    ///
    /// # Errors
    /// It is not JSON, or has no `status`. A value with a number that would be another one here
    /// (`NaN`, or a whole one of more than 64 bits) is a failure to read it.
    pub fn decode(document: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Stored {
            status: String,
            #[serde(default)]
            result: Value,
            #[serde(default)]
            traceback: Option<String>,
            #[serde(default)]
            date_done: Option<String>,
        }
        let text = String::from_utf8_lossy(document);
        let python::Read { text, no_number } = python::read(&text);
        let Stored { status, result, traceback, date_done } = serde_json::from_str(&text)?;
        let read = Self { state: State::from_word(&status), result, traceback, date_done };
        Ok(match no_number.or_else(|| python::long_integer(&text)) {
            Some(number) => Self { state: State::Failure, result: unread(number), ..read },
            None => read,
        })
    }

    /// When it ended, by the clock of the worker's machine; `None` before, and where the time can't be read.
    #[must_use]
    pub fn done_at(&self) -> Option<SystemTime> {
        time::parse(self.date_done.as_deref()?).map(SystemTime::from)
    }

    /// The exception of a FAILURE, RETRY or REVOKED.
    #[must_use]
    pub fn error(&self) -> TaskError {
        let text = |field: &str| self.result.get(field).and_then(Value::as_str).unwrap_or_default();
        let arguments = match self.result.get("exc_message") {
            Some(Value::Array(parts)) => parts.clone(),
            Some(other) => vec![other.clone()],
            None => vec![self.result.clone()],
        };
        TaskError::raised(text("exc_module"), text("exc_type"), arguments)
    }
}

/// The exception of whoever reads a result that has `number`.
fn unread(number: &str) -> Value {
    let why = format!("the result has {number:.40}, which is no number of 64 bits");
    json!({"exc_type": "DecodeError", "exc_message": [why], "exc_module": "kombu.exceptions"})
}

/// A handle on a task that was sent: Celery's `AsyncResult`.
#[derive(Clone)]
pub struct AsyncResult {
    /// The task's id.
    pub id: String,
    broker: Arc<Broker>,
}

impl AsyncResult {
    /// A handle on the task `id`, whoever sent it.
    #[must_use]
    pub fn new(id: impl Into<String>, broker: &Arc<Broker>) -> Self {
        Self { id: id.into(), broker: Arc::clone(broker) }
    }

    /// What is known of the task now.
    ///
    /// # Errors
    /// The broker can't be asked. A document that can't be read counts as PENDING, as in Celery.
    pub async fn meta(&self) -> Result<TaskMeta, BrokerError> {
        let command = redis::Cmd::get(keys::task_meta(&self.id));
        let document: Option<Vec<u8>> = self.broker.connection().query(&command).await?;
        Ok(document.and_then(|text| TaskMeta::decode(&text).ok()).unwrap_or_else(TaskMeta::pending))
    }

    /// The state alone.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn state(&self) -> Result<State, BrokerError> {
        Ok(self.meta().await?.state)
    }

    /// Waits for the task's end and returns its value.
    ///
    /// # Errors
    /// The task failed or was revoked; it did not end within `patience`; the broker was away all the time.
    pub async fn get(&self, patience: Duration) -> Result<Value, ResultError> {
        let meta = match timeout(patience, self.until(|meta| meta.state.is_ready())).await {
            Ok(meta) => meta,
            // The broker's own error says more than "no result", if that is what we waited for.
            Err(_) => self.meta().await?,
        };
        match meta.state {
            State::Success => Ok(meta.result),
            State::Failure | State::Revoked => {
                let (id, error) = (self.id.clone(), meta.error());
                let url = Arc::clone(self.broker.connection().url());
                Err(ResultError::Failed { id, error, url })
            }
            _ => {
                let (id, waited) = (self.id.clone(), patience);
                let url = Arc::clone(self.broker.connection().url());
                Err(ResultError::Timeout { id, waited, url })
            }
        }
    }

    /// Tells all workers not to run the task: REVOKED, unless it has started (`app.control.revoke`).
    /// A worker that starts later learns it from the others, if one of them still runs.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn revoke(&self) -> Result<(), BrokerError> {
        self.order_revocation(json!({"task_id": self.id})).await
    }

    /// The same, and ends the task where it runs (`terminate=True`).
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn terminate(&self) -> Result<(), BrokerError> {
        let signal = json!({"task_id": self.id, "terminate": true, "signal": "SIGTERM"});
        self.order_revocation(signal).await
    }

    async fn order_revocation(&self, arguments: Value) -> Result<(), BrokerError> {
        let order = json!({"method": "revoke", "arguments": arguments, "destination": null});
        self.broker.broadcast(&order).await.map(drop)
    }

    /// Removes the result.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn forget(&self) -> Result<(), BrokerError> {
        self.broker.connection().query(&redis::Cmd::del(keys::task_meta(&self.id))).await
    }

    /// Waits until what is known of the task is `enough`, however long that takes and whether the
    /// broker is there meanwhile or not. All who wait through the same [`Broker`] share one
    /// connection, beside the one for commands.
    ///
    /// Looks whenever the channel says something or a second has passed: a message of the channel
    /// may be lost, the key is not.
    pub async fn until(&self, enough: impl Fn(&TaskMeta) -> bool) -> TaskMeta {
        // Who needs not wait needs no channel.
        if let Ok(meta) = self.meta().await
            && enough(&meta)
        {
            return meta;
        }
        let mut waiter = self.broker.subscriptions().join(keys::task_meta(&self.id));
        loop {
            waiter.news(LOOK_AGAIN).await;
            if let Ok(meta) = self.meta().await
                && enough(&meta)
            {
                return meta;
            }
        }
    }
}
