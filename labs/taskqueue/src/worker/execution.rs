//! One message from its fetch to its end.
//!
//! ```text
//! decode ─▶ expired, revoked? ─▶ ETA? ─▶ known task? ─▶ breaker? ─▶ its turn (rate limit, alone)
//!    │              │             │          │             │          └▶ (early: acknowledge) ─▶ run ─▶ store the result (late: and acknowledge)
//!    │              │             │          │             └▶ open: park in Redis
//!    │              │             │          └▶ FAILURE NotRegistered, and put aside in <queue>.dead
//!    │              │             └▶ park in Redis
//!    │              └▶ REVOKED; FAILURE, and put aside, for what has brought workers down
//!    └▶ FAILURE with the reason, where there is an id, and put aside in <queue>.dead
//! ```
//!
//! Early acknowledgement is Celery's default: a worker that dies in between loses the task.
//! With late acknowledgement it is run again, perhaps for the second time.
//! A panic in a task's code ends as its FAILURE. So does a task that we could not follow up, before it runs.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use futures_util::FutureExt;
use serde_json::Value;

use super::breakers::Pass;
use super::lease::Lease;
use super::limits::limited;
use super::refusal::{Refusal, refuse};
use super::requests::Hold;
use super::{Shared, WorkerOptions};
use crate::broker::Delivery;
use crate::connection::Clock;
use crate::event::{Event, Revocation};
use crate::message::{Body, Message, MessageError};
use crate::result_backend::document;
use crate::task::{Request, Task, TimeLimits};
use crate::task_error::TaskError;
use crate::time::{from_seconds, seconds};

/// A message that was understood.
pub(super) struct Call {
    pub(super) clock: Clock,
    pub(super) lease: Lease,
    pub(super) message: Arc<Message>,
    pub(super) body: Arc<Body>,
    pub(super) request: Arc<Request>,
    hold: Hold,
}

/// Runs `delivery` to one of its ends; `clock` is Redis' own.
pub(super) async fn execute(shared: Arc<Shared>, delivery: Delivery, lease: Lease, clock: Clock) {
    match understand(&shared, &delivery) {
        Ok(understood) => Call::new(&shared, understood, lease, clock).begin(&shared).await,
        Err(error) => refuse(&shared, &delivery, Refusal::from(&error), clock).await,
    }
}

type Understood = (Arc<Message>, Arc<Body>, Arc<Request>);

fn understand(shared: &Shared, delivery: &Delivery) -> Result<Understood, MessageError> {
    let message = Message::decode(&delivery.raw)?;
    let body = message.body()?;
    let request = Request::of(&message, &delivery.queue, &shared.options.hostname);
    Ok((Arc::new(message), Arc::new(body), Arc::new(request)))
}

impl Call {
    pub(super) fn new(
        shared: &Shared,
        (message, body, request): Understood,
        lease: Lease,
        clock: Clock,
    ) -> Self {
        let hold = shared.requests.hold(&lease.tag, &request, &message, &body);
        Self { clock, lease, message, body, request, hold }
    }

    async fn begin(self, shared: &Shared) {
        let now = self.clock.now();
        (shared.observe)(Event::TaskReceived { request: Arc::clone(&self.request) });
        // The times were checked when the message was decoded.
        let (eta, expires) =
            (self.message.eta().ok().flatten(), self.message.expires().ok().flatten());
        if shared.stop.warm.is_cancelled() {
            // The last fetch crossed the request to stop: it is for the next worker.
            self.give_back(shared).await;
        } else if expires.is_some_and(|expires| seconds(expires) <= now) {
            self.revoke(shared, Revocation::Expired).await;
        } else if self.is_revoked(shared) {
            self.revoke(shared, Revocation::Revoked).await;
        } else if shared.is_culprit(&self.message) {
            self.refuse_culprit(shared).await;
        } else if let Some(eta) = eta.filter(|eta| seconds(*eta) > now) {
            self.park(shared, eta).await;
        } else if let Some(task) = shared.registry.find(&self.request.task) {
            self.run_in_its_turn(shared, task).await;
        } else {
            self.refuse_unknown(shared).await;
        }
    }

    /// Waits until the rate limit lets it start, in its slot and unacknowledged. What may happen
    /// meanwhile decides: it is given back at a warm stop, and not run once it is revoked.
    async fn run_in_its_turn(self, shared: &Shared, task: &Task) {
        let wait = shared.tuning.wait(&self.request.task, Instant::now());
        if wait.is_zero() {
            // Even a sleep of no length would cost the timer's millisecond.
            return self.run_or_wait(shared, task).await;
        }
        let turn = shared.stop.warm.run_until_cancelled(tokio::time::sleep(wait)).await;
        if turn.is_none() {
            self.give_back(shared).await;
        } else if self.is_revoked(shared) {
            self.revoke(shared, Revocation::Revoked).await;
        } else {
            self.run_or_wait(shared, task).await;
        }
    }

    /// While the task's destination is away its message waits in Redis.
    async fn run_or_wait(self, shared: &Shared, task: &Task) {
        match shared.breakers.ask(task.name()) {
            Ok(pass) if self.is_suspect(shared) => self.run_alone(shared, task, pass).await,
            Ok(pass) => {
                let _beside_others = shared.alone.read().await;
                if let Some(call) = self.noted(shared).await {
                    call.run_unless_stopped(shared, task, pass).await;
                }
            }
            Err(until) => {
                let until = from_seconds(self.clock.at(until));
                self.park(shared, until).await;
            }
        }
    }

    /// What had to wait for others until the worker stopped is for the next worker.
    pub(super) async fn run_unless_stopped(self, shared: &Shared, task: &Task, pass: Pass<'_>) {
        if shared.stop.warm.is_cancelled() {
            self.give_back(shared).await;
        } else if self.is_revoked(shared) {
            self.revoke(shared, Revocation::Revoked).await;
        } else {
            self.run(shared, task, pass).await;
        }
    }

    fn is_revoked(&self, shared: &Shared) -> bool {
        shared.revoked.contains(&self.request.id, Instant::now())
    }

    async fn revoke(self, shared: &Shared, reason: Revocation) {
        let document = || document::revoked(&self.request, reason.word());
        let document = (!self.request.ignore_result).then(document);
        let outbox = self.follow_revocation(shared, reason.word());
        match self.end_with(shared, document, outbox, true).await {
            Some(_) => (shared.observe)(Event::TaskRevoked { request: self.request, reason }),
            None => shared.unsettled(self.request, false),
        }
    }

    async fn park(self, shared: &Shared, eta: DateTime<FixedOffset>) {
        let tag = self.lease.tag.clone();
        // From now on Redis keeps it; a renewal must not come in between.
        drop(self.lease);
        let park = |_| shared.broker.park(&tag, seconds(eta));
        let parked = shared.insist(&shared.stop.cold, park).await;
        match parked {
            Some(true) => {
                shared.parked.notify_one();
                (shared.observe)(Event::TaskParked { request: self.request, eta });
            }
            Some(false) => {}
            None => shared.unsettled(self.request, false),
        }
    }

    /// As Celery: FAILURE with NotRegistered. The message is kept, for a worker that knows the task.
    async fn refuse_unknown(self, shared: &Shared) {
        let task = &self.request.task;
        let error = TaskError::in_module("celery.exceptions", "NotRegistered", task);
        let known = shared.registry.names().join(", ");
        let reason = format!("unknown task {task}: this worker knows {known}");
        let raw = self.message.encode().unwrap_or_default();
        self.refuse(shared, raw.as_bytes(), Refusal { reason, error }).await;
    }

    async fn run(mut self, shared: &Shared, task: &Task, pass: Pass<'_>) {
        if let Err(error) = self.check_links(shared).and(self.time_limits(shared, task)) {
            return self.conclude(shared, task, true, Err(error), Duration::ZERO).await;
        }
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
        let request = Arc::clone(&self.request);
        shared.requests.start(&self.hold, !late);
        (shared.observe)(Event::TaskStarted { request, acknowledged: !late });
        let began = Instant::now();
        let termination = self.hold.termination.clone();
        let code = self.attempt(shared, task);
        let running = shared.shutdown.running();
        tokio::select! {
            outcome = code => {
                drop(running);
                pass.ended(&outcome);
                self.finish(shared, task, late, outcome, began.elapsed()).await;
            }
            signum = termination.given() => {
                drop(running);
                self.revoke(shared, Revocation::Terminated { signum }).await;
            }
            () = shared.stop.cold.cancelled() => {
                drop(running);
                self.interrupted(shared, late).await;
            }
        }
    }

    /// One run of the task's code, under its limits and under watch.
    fn attempt(
        &mut self,
        shared: &Shared,
        task: &Task,
    ) -> impl Future<Output = Result<Value, TaskError>> {
        let Body(args, kwargs, _) = &*self.body;
        let called = task.call(Arc::clone(&self.request), args.clone(), kwargs.clone());
        let request = Arc::clone(&self.request);
        // They were checked before it was acknowledged.
        let limits = self.time_limits(shared, task).unwrap_or_default();
        let watched = called.map(|running| shared.watchdog.watch(running, &request));
        async move {
            let code = AssertUnwindSafe(watched?).catch_unwind();
            let code = code.map(|ended| ended.unwrap_or_else(|panic| Err(panicked(&*panic))));
            limited(code, limits, &request.soft).await
        }
    }

    /// The message's own limits, then the task's, then the worker's; refused where a soft one is
    /// above the hard one.
    fn time_limits(&self, shared: &Shared, task: &Task) -> Result<TimeLimits, TaskError> {
        let seconds =
            |limit: Option<f64>| limit.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
        let [hard, soft] = self.message.time_limits().map(seconds);
        let WorkerOptions { time_limit, soft_time_limit, .. } = shared.options;
        let workers = TimeLimits { hard: time_limit, soft: soft_time_limit };
        let tasks = shared.tuning.time_limits(&self.request.task);
        let tasks = tasks.unwrap_or(task.time_limits()).or(workers);
        let own = TimeLimits { hard, soft };
        own.check().and(tasks.check())?;
        Ok(own.or(tasks))
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> TaskError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    TaskError::new(
        "RuntimeError",
        format!("the task's code panicked: {}", text.unwrap_or_default()),
    )
}
