//! A message that can't be run: FAILURE under its id for whoever waits, and the message kept.
//!
//! ```text
//! read the id, and what follows ─▶ settle (FAILURE, errbacks, the chord's part) ─▶ bury (<queue>.dead)
//! ```
//!
//! A worker that dies in between is followed by one that does the same again. Where no id can be
//! read, nobody can wait for it. What Redis put aside before it came here is only told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::Shared;
use super::execution::Call;
use crate::broker::Delivery;
use crate::canvas;
use crate::connection::Clock;
use crate::event::Event;
use crate::message::{Body, Message, MessageError};
use crate::result_backend::document;
use crate::task::Request;
use crate::task_error::TaskError;

/// Why a message can't be run.
pub(super) struct Refusal {
    /// In the words that `<queue>.dead` keeps.
    pub(super) reason: String,
    /// What whoever waits for the result gets.
    pub(super) error: TaskError,
}

impl From<&MessageError> for Refusal {
    fn from(error: &MessageError) -> Self {
        Self { reason: error.to_string(), error: error.into() }
    }
}

/// Ends a delivery that can't be run.
pub(super) async fn refuse(shared: &Shared, delivery: &Delivery, refusal: Refusal, clock: Clock) {
    match Call::of_refused(shared, delivery, clock) {
        Some(call) => call.refuse(shared, &delivery.raw, refusal).await,
        None => bury(shared, delivery, None, refusal.reason, clock.now()).await,
    }
}

/// Tells what becomes of a message that was put aside as it was fetched.
pub(super) async fn tell_unreadable(
    shared: Arc<Shared>,
    queue: String,
    raw: Vec<u8>,
    clock: Clock,
) {
    let error = Message::decode(&raw).err().unwrap_or(MessageError::NotForPython);
    let Refusal { reason, error } = Refusal::from(&error);
    // Nothing in `unacked` has this name; it tells this message's end from another's.
    let delivery = Delivery { tag: format!("unreadable:{}", Uuid::new_v4()), queue, raw };
    let call = Call::of_refused(&shared, &delivery, clock);
    let id = call.as_ref().map(|call| call.request.id.clone());
    (shared.observe)(Event::TaskRejected { id, queue: delivery.queue, reason });
    if let Some(call) = call
        && call.store_failure(&shared, &error).await.is_some()
    {
        call.tell_failed(&shared, error);
    }
}

impl Call {
    /// What can be read of a message that can't be run; none without an id.
    fn of_refused(shared: &Shared, delivery: &Delivery, clock: Clock) -> Option<Self> {
        let message = Message::read(&String::from_utf8_lossy(&delivery.raw)).ok()?;
        let body = message.body();
        let body = body.unwrap_or_else(|_| {
            Body(Vec::default(), serde_json::Map::default(), message.linked_tasks())
        });
        let request = Request::of(&message, &delivery.queue, &shared.options.hostname);
        let lease = shared.leases.hold(&delivery.tag);
        Some(Self::new(shared, (message.into(), body.into(), request.into()), lease, clock))
    }

    /// FAILURE first: the message is only let go when whoever waits has been told.
    pub(super) async fn refuse(self, shared: &Shared, raw: &[u8], refusal: Refusal) {
        let Refusal { reason, error } = refusal;
        if self.store_failure(shared, &error).await.is_none() {
            return shared.unsettled(self.request, false);
        }
        let (tag, queue) = (self.lease.tag.clone(), self.request.queue.clone());
        let delivery = Delivery { tag, queue, raw: raw.to_vec() };
        let id = Some(self.request.id.clone());
        bury(shared, &delivery, id, reason, self.clock.now()).await;
        self.tell_failed(shared, error);
    }

    /// None when the worker stops first.
    async fn store_failure(&self, shared: &Shared, error: &TaskError) -> Option<bool> {
        let outbox = canvas::after_failure(self.ended(shared), error);
        let document = document::failure(&self.request, error);
        self.end_with(shared, Some(document), outbox, false).await
    }

    fn tell_failed(self, shared: &Shared, error: TaskError) {
        shared.failed.fetch_add(1, Ordering::Relaxed);
        let (request, runtime) = (self.request, Duration::ZERO);
        (shared.observe)(Event::TaskFailed { request, error, runtime });
    }
}

async fn bury(shared: &Shared, delivery: &Delivery, id: Option<String>, reason: String, now: f64) {
    let Delivery { tag, queue, raw } = delivery;
    let buried = shared
        .insist(&shared.stop.cold, |_| shared.broker.bury(tag, queue, raw, &reason, now))
        .await;
    if buried == Some(true) {
        (shared.observe)(Event::TaskRejected { id, queue: queue.clone(), reason });
    }
}
