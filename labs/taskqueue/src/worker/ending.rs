//! How one run ends: with a result, with a retry, or with the worker's own end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::Shared;
use super::execution::Call;
use crate::broker::Settlement;
use crate::event::Event;
use crate::keys;
use crate::result_backend::document;
use crate::retry::Verdict;
use crate::task::Task;
use crate::task_error::TaskError;
use crate::time::{from_seconds, seconds};

impl Call {
    pub(super) async fn finish(
        self,
        shared: &Shared,
        task: &Task,
        late: bool,
        outcome: Result<Value, TaskError>,
        runtime: Duration,
    ) {
        if let Err(error) = &outcome {
            let first = self.first_attempt(runtime);
            let elapsed = Duration::from_secs_f64((self.clock.now() - first).max(0.0));
            let (retries, chance) = (self.request.retries, fastrand::f64());
            let verdict = task.retry_policy().after_failure(error, retries, elapsed, chance);
            if let Verdict::Retry { countdown } = verdict {
                return self.send_again(shared, task, late, error, countdown, first).await;
            }
        }
        self.conclude(shared, task, late, outcome, runtime).await;
    }

    /// The end for good: result and acknowledgement, and what follows.
    pub(super) async fn conclude(
        self,
        shared: &Shared,
        task: &Task,
        late: bool,
        outcome: Result<Value, TaskError>,
        runtime: Duration,
    ) {
        let (outcome, mut outbox) = self.follow(shared, outcome);
        let stores = !self.ignores_result(task);
        if !stores {
            outbox.abandoned.clear();
        }
        let children = std::mem::take(&mut outbox.children);
        let result = stores.then(|| match &outcome {
            Ok(value) => document::success(&self.request, value.clone(), children),
            Err(error) => document::failure(&self.request, error),
        });
        match self.end_with(shared, result, outbox, late).await {
            None => return shared.unsettled(self.request, !late),
            Some(false) if late => {
                (shared.observe)(Event::LeaseLost { request: Arc::clone(&self.request) });
            }
            Some(_) => {}
        }
        let request = self.request;
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

    /// In Redis' seconds: what the message says, or the beginning of the run that has just ended.
    fn first_attempt(&self, runtime: Duration) -> f64 {
        let told = self.message.first_attempt().map(seconds);
        told.unwrap_or_else(|| self.clock.now() - runtime.as_secs_f64())
    }

    /// A retry is a new message with the same id; until it runs, the result says RETRY.
    async fn send_again(
        self,
        shared: &Shared,
        task: &Task,
        late: bool,
        error: &TaskError,
        countdown: Duration,
        first_attempt: f64,
    ) {
        // By Redis' clock, as every worker judges the ETA by it.
        let eta = from_seconds(self.clock.now() + countdown.as_secs_f64());
        let message = self.message.retried(eta, from_seconds(first_attempt));
        let raw = message.encode().unwrap_or_default();
        let document = document::retry(&self.request, error, countdown);
        let stored = (self.request.id.clone(), document, shared.options.result_expires);
        let ended = Settlement {
            tag: late.then(|| self.lease.tag.clone()),
            result: (!self.ignores_result(task)).then_some(stored),
            ..Settlement::default()
        };
        let again = AtomicBool::new(false);
        let send = |repeated| {
            again.fetch_or(repeated, Ordering::Relaxed);
            shared.broker.retry(&ended, &self.request.queue, &message, &raw)
        };
        let request = Arc::clone(&self.request);
        let sent = shared.insist(&shared.stop.cold, send).await;
        // The first attempt may have been carried out: then the tag is gone because it was ours.
        match sent.map(|sent| sent || again.load(Ordering::Relaxed)) {
            Some(true) => {
                shared.retried.fetch_add(1, Ordering::Relaxed);
                (shared.observe)(Event::TaskRetried { request, error: error.clone(), countdown });
            }
            Some(false) => (shared.observe)(Event::LeaseLost { request }),
            None => shared.unsettled(request, !late),
        }
    }

    /// The cold stop: what is not acknowledged goes back, what is can only be called lost.
    pub(super) async fn interrupted(self, shared: &Shared, late: bool) {
        if late {
            return self.give_back(shared).await;
        }
        let why = "the worker was stopped while the task ran";
        let error = TaskError::in_module("billiard.exceptions", "WorkerLostError", why);
        let document = document::failure(&self.request, &error);
        let (_, outbox) = self.follow(shared, Err(error));
        match self.end_with(shared, Some(document), outbox, false).await {
            Some(_) => (shared.observe)(Event::TaskLost { request: self.request }),
            None => shared.unsettled(self.request, true),
        }
    }

    /// Once is enough: if Redis is away now, the lease runs out and another worker restores it.
    pub(super) async fn give_back(self, shared: &Shared) {
        let mut message = (*self.message).clone();
        message.mark_redelivered();
        let list = keys::list(&self.request.queue, message.properties.priority);
        let raw = message.encode().unwrap_or_default();
        let back = shared.broker.give_back(&self.lease.tag, &list, raw.as_bytes(), None).await;
        match back {
            Ok(true) => (shared.observe)(Event::TaskGivenBack { request: self.request }),
            Ok(false) => {}
            Err(_) => shared.unsettled(self.request, false),
        }
    }

    pub(super) fn ignores_result(&self, task: &Task) -> bool {
        task.ignores_result() || self.message.ignores_result()
    }

    /// Stores `result` and, where asked, acknowledges; whether the message was still ours.
    pub(super) async fn end(
        &self,
        shared: &Shared,
        result: Option<String>,
        acknowledge: bool,
    ) -> Option<bool> {
        let result = result
            .map(|document| (self.request.id.clone(), document, shared.options.result_expires));
        let tag = acknowledge.then(|| self.lease.tag.clone());
        shared.settler.settle(Settlement { tag, result, ..Settlement::default() }).await
    }
}
