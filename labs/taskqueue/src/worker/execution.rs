//! One message from its fetch to its end.
//!
//! ```text
//! decode ─▶ expired? ─▶ ETA? ─▶ known task? ─▶ (early: acknowledge) ─▶ run ─▶ store the result (late: and acknowledge)
//!    │         │          │          └▶ FAILURE NotRegistered, and put aside
//!    │         │          └▶ park in Redis
//!    │         └▶ REVOKED
//!    └▶ put aside in <queue>.dead
//! ```
//!
//! Early acknowledgement is Celery's default: a worker that dies in between loses the task.
//! With late acknowledgement it is run again, perhaps for the second time.
//! A panic in a task's code ends as its FAILURE.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use futures_util::FutureExt;
use serde_json::Value;

use super::Shared;
use crate::broker::{Delivery, Settlement};
use crate::event::Event;
use crate::keys;
use crate::message::{Body, Message, MessageError};
use crate::result_backend::{RESULT_EXPIRES, document};
use crate::task::{Request, Task, TaskError};

/// A message that was understood.
struct Call {
    tag: String,
    message: Message,
    body: Body,
    request: Arc<Request>,
}

/// Runs `delivery` to one of its ends; `now` is Redis' time at the fetch.
pub(super) async fn execute(shared: Arc<Shared>, delivery: Delivery, now: f64) {
    let tag = delivery.tag.clone();
    match Call::understand(&shared, &delivery) {
        Ok(call) => call.begin(&shared, now).await,
        Err(error) => bury(&shared, &delivery, &error.to_string(), now).await,
    }
    shared.leases.release(&tag);
}

async fn bury(shared: &Shared, delivery: &Delivery, reason: &str, now: f64) {
    let Delivery { tag, queue, raw } = delivery;
    let buried = shared
        .insist(&shared.stop.cold, |_| shared.broker.bury(tag, queue, raw, reason, now))
        .await;
    if buried.is_some() {
        (shared.observe)(Event::TaskRejected { queue: queue.clone(), reason: reason.to_owned() });
    }
}

impl Call {
    fn understand(shared: &Shared, delivery: &Delivery) -> Result<Self, MessageError> {
        let message = Message::decode(&delivery.raw)?;
        let body = message.body()?;
        let headers = &message.headers;
        let request = Arc::new(Request {
            id: headers.id.clone(),
            task: headers.task.clone(),
            retries: headers.retries,
            redelivered: message.redelivered(),
            queue: delivery.queue.clone(),
            argsrepr: headers.argsrepr.clone(),
            kwargsrepr: headers.kwargsrepr.clone(),
            hostname: shared.options.hostname.clone(),
            parent_id: headers.parent_id.clone(),
            group: headers.group.clone(),
        });
        Ok(Self { tag: delivery.tag.clone(), message, body, request })
    }

    async fn begin(self, shared: &Shared, now: f64) {
        (shared.observe)(Event::TaskReceived { request: Arc::clone(&self.request) });
        // The times were checked when the message was decoded.
        let (eta, expires) =
            (self.message.eta().ok().flatten(), self.message.expires().ok().flatten());
        if shared.stop.warm.is_cancelled() {
            // The last fetch crossed the request to stop: it is for the next worker.
            self.give_back(shared).await;
        } else if expires.is_some_and(|expires| seconds(expires) <= now) {
            self.revoke(shared).await;
        } else if let Some(eta) = eta.filter(|eta| seconds(*eta) > now) {
            self.park(shared, eta).await;
        } else if let Some(task) = shared.registry.find(&self.request.task) {
            self.run(shared, task).await;
        } else {
            self.refuse_unknown(shared, now).await;
        }
    }

    async fn revoke(self, shared: &Shared) {
        self.end(shared, Some(document::revoked(&self.request, "expired")), true).await;
        (shared.observe)(Event::TaskRevoked { request: self.request });
    }

    async fn park(self, shared: &Shared, eta: DateTime<FixedOffset>) {
        shared.leases.release(&self.tag);
        let parked =
            shared.insist(&shared.stop.cold, |_| shared.broker.park(&self.tag, seconds(eta))).await;
        if parked == Some(true) {
            shared.parked.notify_one();
            (shared.observe)(Event::TaskParked { request: self.request, eta });
        }
    }

    /// As Celery: FAILURE with NotRegistered. The message is kept, for a worker that knows the task.
    async fn refuse_unknown(self, shared: &Shared, now: f64) {
        let task = &self.request.task;
        let error = TaskError::in_module("celery.exceptions", "NotRegistered", task);
        self.end(shared, Some(document::failure(&self.request, &error)), false).await;
        let reason = format!(
            "unknown task {task}: this worker knows {}",
            shared.registry.names().join(", ")
        );
        let raw = self.message.encode().unwrap_or_default().into_bytes();
        let delivery = Delivery { tag: self.tag, queue: self.request.queue.clone(), raw };
        bury(shared, &delivery, &reason, now).await;
        shared.failed.fetch_add(1, Ordering::Relaxed);
        (shared.observe)(Event::TaskFailed {
            request: self.request,
            error,
            runtime: Duration::ZERO,
        });
    }

    async fn run(mut self, shared: &Shared, task: &Task) {
        let late = task.acknowledges_late(shared.options.acks_late);
        if !late {
            match self.end(shared, None, true).await {
                Some(true) => {}
                // The lease had run out, and another worker has it.
                Some(false) => return,
                None => return self.interrupted(shared, late).await,
            }
        }
        if shared.options.track_started && !self.ignores_result(task) {
            self.end(shared, Some(document::started(&self.request)), false).await;
        }
        (shared.observe)(Event::TaskStarted {
            request: Arc::clone(&self.request),
            acknowledged: !late,
        });
        let Body(args, kwargs, _) = std::mem::replace(
            &mut self.body,
            Body(Vec::new(), serde_json::Map::new(), Default::default()),
        );
        let began = Instant::now();
        let code = async {
            let running = task.call(Arc::clone(&self.request), args, kwargs)?;
            AssertUnwindSafe(running)
                .catch_unwind()
                .await
                .unwrap_or_else(|panic| Err(panicked(&*panic)))
        };
        tokio::select! {
            outcome = code => self.finish(shared, task, late, outcome, began.elapsed()).await,
            () = shared.stop.cold.cancelled() => self.interrupted(shared, late).await,
        }
    }

    async fn finish(
        self,
        shared: &Shared,
        task: &Task,
        late: bool,
        outcome: Result<Value, TaskError>,
        runtime: Duration,
    ) {
        let result = (!self.ignores_result(task)).then(|| match &outcome {
            Ok(value) => document::success(&self.request, value.clone()),
            Err(error) => document::failure(&self.request, error),
        });
        let request = Arc::clone(&self.request);
        if self.end(shared, result, late).await == Some(false) && late {
            (shared.observe)(Event::LeaseLost { request: Arc::clone(&request) });
        }
        (shared.observe)(match outcome {
            Ok(result) => {
                shared.succeeded.fetch_add(1, Ordering::Relaxed);
                Event::TaskSucceeded { request, result, runtime }
            }
            Err(error) => {
                shared.failed.fetch_add(1, Ordering::Relaxed);
                Event::TaskFailed { request, error, runtime }
            }
        });
    }

    /// The cold stop: what is not acknowledged goes back, what is can only be called lost.
    async fn interrupted(self, shared: &Shared, late: bool) {
        if late {
            return self.give_back(shared).await;
        }
        let request = self.request;
        let why = "the worker was stopped while the task ran";
        let error = TaskError::in_module("billiard.exceptions", "WorkerLostError", why);
        let document = document::failure(&request, &error);
        let result = Some((request.id.clone(), document, RESULT_EXPIRES));
        let _ = shared.broker.settle(&[Settlement { tag: None, result }]).await;
        (shared.observe)(Event::TaskLost { request });
    }

    /// Once is enough: if Redis is away now, the lease runs out and another worker restores it.
    async fn give_back(mut self, shared: &Shared) {
        self.message.mark_redelivered();
        let list = keys::list(&self.request.queue, self.message.properties.priority);
        let raw = self.message.encode().unwrap_or_default();
        let back = shared.broker.give_back(&self.tag, &list, raw.as_bytes(), None).await;
        if matches!(back, Ok(true)) {
            (shared.observe)(Event::TaskGivenBack { request: self.request });
        }
    }

    fn ignores_result(&self, task: &Task) -> bool {
        task.ignores_result() || self.message.ignores_result()
    }

    /// Stores `result` and, where asked, acknowledges; whether the message was still ours.
    async fn end(
        &self,
        shared: &Shared,
        result: Option<String>,
        acknowledge: bool,
    ) -> Option<bool> {
        let result = result.map(|document| (self.request.id.clone(), document, RESULT_EXPIRES));
        let tag = acknowledge.then(|| self.tag.clone());
        shared.settler.settle(Settlement { tag, result }).await
    }
}

/// Seconds since 1970, as Redis counts.
#[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit into 53 bits")]
fn seconds(time: DateTime<FixedOffset>) -> f64 {
    time.timestamp_micros() as f64 / 1e6
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> TaskError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    TaskError::new(
        "RuntimeError",
        format!("the task's code panicked: {}", text.unwrap_or_default()),
    )
}
