//! Sending a task: signature → message → broker.
//!
//! Enqueueing has a deadline of one second, because a visitor waits for it. Within it a lost
//! answer is no reason to give up: the same message is sent again and still stands in the list
//! once. After it Redis refuses the message by itself, so that an error here means *not sent*,
//! even where Redis was only stopped for a while. One case stays open, as in any network: Redis has
//! taken the message, and every answer that says so is lost until the second is over.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::time::{sleep, timeout_at};

use crate::broker::{Broker, Post};
use crate::error::BrokerError;
use crate::message::Message;
use crate::result_backend::AsyncResult;
use crate::signature::Signature;

/// How long a caller waits at most.
const DEADLINE: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

impl Signature {
    /// Sends the task now: Celery's `delay`. The same as [`apply_async`](Self::apply_async).
    ///
    /// # Errors
    /// As [`apply_async`](Self::apply_async).
    pub async fn delay(&self, broker: &Arc<Broker>) -> Result<AsyncResult, BrokerError> {
        self.apply_async(broker).await
    }

    /// Sends the task with the options of this signature, and returns a handle on its result; for a
    /// chain, on that of its last task.
    ///
    /// # Errors
    /// Within a second: Redis is unreachable, slow or refuses, or the queue is full. The task was not sent then.
    pub async fn apply_async(&self, broker: &Arc<Broker>) -> Result<AsyncResult, BrokerError> {
        let frozen = self.routed(broker).frozen();
        let message = frozen.message()?;
        let raw = message.encode().map_err(|source| self.not_json(source))?;
        let deadline = Instant::now() + DEADLINE;
        let (queue, once) = (frozen.options.queue(), frozen.options.once);
        let post = Post { queue, raw: &raw, due: deadline, once };
        let mut last_error = None;
        while Instant::now() < deadline {
            let attempt = broker.publish(&message, &post);
            match timeout_at(deadline.into(), attempt).await {
                Ok(Ok(true)) => {
                    let id = frozen.result_id().unwrap_or(&message.headers.id);
                    return Ok(AsyncResult::new(id, broker));
                }
                Ok(Ok(false)) | Err(_) => break,
                // After an answer that was lost, a refusal does not prove that nothing was sent.
                Ok(Err(error)) if last_error.is_none() && is_final(&error) => return Err(error),
                Ok(Err(error)) => last_error = Some(error),
            }
            sleep(PAUSE).await;
        }
        Err(last_error.unwrap_or_else(|| broker.connection().too_late(DEADLINE)))
    }

    /// With the queue that the broker's routes name, where the caller named none.
    pub(crate) fn routed(&self, broker: &Broker) -> Cow<'_, Self> {
        match (&self.options.queue, broker.routes().queue(&self.task)) {
            (None, Some(queue)) => Cow::Owned(self.clone().queue(queue)),
            _ => Cow::Borrowed(self),
        }
    }

    /// The message as it would be sent now without routes, for those who want to show it.
    ///
    /// # Errors
    /// An argument can't be written as JSON.
    pub fn message(&self) -> Result<Message, BrokerError> {
        let frozen = self.frozen();
        let id = frozen.options.task_id.as_deref().unwrap_or_default();
        Message::new(&frozen, id, Utc::now()).map_err(|source| self.not_json(source))
    }

    pub(crate) fn not_json(&self, source: serde_json::Error) -> BrokerError {
        BrokerError::Arguments { task: self.task.clone(), source }
    }
}

/// What another attempt within the second would not change: Redis said no, or nobody listens at all.
fn is_final(error: &BrokerError) -> bool {
    match error {
        BrokerError::Refused { .. }
        | BrokerError::Full { .. }
        | BrokerError::Url(_)
        | BrokerError::NotRedis { .. }
        | BrokerError::Unsuited { .. }
        | BrokerError::Arguments { .. } => true,
        BrokerError::Unreachable { source, .. } => source.is_connection_refusal(),
        BrokerError::Slow { .. } | BrokerError::Clock { .. } => false,
    }
}
