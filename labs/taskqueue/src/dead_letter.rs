//! What was put aside in `<queue>.dead`: looking at it, and sending it back.
//!
//! Nobody takes from these lists by itself. A message is put aside because it can't be run here and
//! now: unreadable, of an unknown task, or the death of three workers. When the reason is gone,
//! somebody sends it back.

use serde::Deserialize;

use crate::broker::Broker;
use crate::error::BrokerError;
use crate::keys;
use crate::message::{Message, MessageError};

/// A message that was put aside, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why it could not be run.
    pub reason: String,
    /// When it was put aside: Redis' time, in seconds since 1970.
    pub date: String,
    /// The message as it came.
    pub message: String,
    queue: String,
    entry: Vec<u8>,
}

/// A letter could not be sent back.
#[derive(Debug, thiserror::Error)]
pub enum SendBackError {
    /// It is no message, so it would only be put aside again.
    #[error(
        "it can't be sent back: {0}\n  next: correct its sender; LREM removes it from the list"
    )]
    Unreadable(#[from] MessageError),
    /// The broker could not be asked.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl DeadLetter {
    /// The newest letters of `queue`, at most `most`.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn newest(
        broker: &Broker,
        queue: &str,
        most: usize,
    ) -> Result<Vec<Self>, BrokerError> {
        let mut command = redis::cmd("LRANGE");
        command.arg(keys::dead(queue)).arg(0).arg(most.saturating_sub(1));
        let entries: Vec<Vec<u8>> = broker.connection().query(&command).await?;
        Ok(entries.into_iter().map(|entry| Self::read(queue, entry)).collect())
    }

    /// An entry that is none of ours is shown as it is.
    pub(crate) fn read(queue: &str, entry: Vec<u8>) -> Self {
        #[derive(Deserialize)]
        struct Stored {
            reason: String,
            date: String,
            message: String,
        }
        let text = String::from_utf8_lossy(&entry);
        let Stored { reason, date, message } =
            serde_json::from_str(&text).unwrap_or_else(|_| Stored {
                reason: "not written by a worker of ours".into(),
                date: String::new(),
                message: text.into_owned(),
            });
        Self { reason, date, message, queue: queue.to_owned(), entry }
    }

    /// The id of the task, where there is one to read.
    #[must_use]
    pub fn task_id(&self) -> Option<String> {
        Message::decode(self.message.as_bytes()).ok().map(|message| message.headers.id)
    }

    /// Puts the message back into its queue, its count of deliveries at zero; false where somebody
    /// else was first.
    ///
    /// # Errors
    /// It is no message, or the broker can't be asked.
    pub async fn send_back(&self, broker: &Broker) -> Result<bool, SendBackError> {
        let mut message = Message::decode(self.message.as_bytes())?;
        message.forget_deliveries();
        let list = keys::list(&self.queue, message.properties.priority);
        let raw = message.encode().map_err(MessageError::Envelope)?;
        let message = (message.headers.id.as_str(), raw.as_str());
        Ok(broker.send_back(&keys::dead(&self.queue), &self.entry, &list, message).await?)
    }
}
