//! A note that something was done, so that a task which runs again does not do it again.
//!
//! Late acknowledgement runs a task at least once; a key under a name that stays the same over all
//! deliveries (the task's id) makes the second run a quiet one:
//!
//! ```no_run
//! # async fn send_mail() {}
//! # async fn example(broker: std::sync::Arc<taskqueue::Broker>) -> Result<(), taskqueue::BrokerError> {
//! let key = taskqueue::IdempotencyKey::new(&broker, "b5cc8a3e-…");
//! if !key.is_done().await? {
//!     send_mail().await;
//!     key.done(std::time::Duration::from_secs(86_400)).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! To Redis: `EXISTS`, then after the deed `SET … EX`. What remains: whoever dies between the deed
//! and its note does it again, and so do two workers that look at the same time. No note taken
//! elsewhere closes that window; only the receiver can, where it knows the key itself (a payment
//! service with its `Idempotency-Key`, a mailbox that drops a second letter with the same Message-ID).

use std::sync::Arc;
use std::time::Duration;

use crate::broker::Broker;
use crate::error::BrokerError;
use crate::keys;

/// The note of one deed.
#[derive(Clone)]
pub struct IdempotencyKey {
    broker: Arc<Broker>,
    key: String,
}

impl IdempotencyKey {
    /// The note under this name: the same for every attempt, another for every deed.
    #[must_use]
    pub fn new(broker: &Arc<Broker>, name: &str) -> Self {
        Self { broker: Arc::clone(broker), key: keys::idempotency(name) }
    }

    /// Whether it was done, as far as anyone remembers.
    ///
    /// # Errors
    /// Redis can't be asked: better not to do it now than to do it twice.
    pub async fn is_done(&self) -> Result<bool, BrokerError> {
        self.broker.connection().query(redis::cmd("EXISTS").arg(&self.key)).await
    }

    /// Notes that it is done. After `remembered`, a second at least, the note is gone: choose
    /// longer than a message can come back.
    ///
    /// # Errors
    /// Redis did not take it; the deed is done all the same.
    pub async fn done(&self, remembered: Duration) -> Result<(), BrokerError> {
        let seconds = remembered.as_secs().max(1);
        let mut note = redis::cmd("SET");
        note.arg(&self.key).arg("done").arg("EX").arg(seconds);
        self.broker.connection().query(&note).await
    }
}
