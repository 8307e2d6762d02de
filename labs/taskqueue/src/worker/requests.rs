//! What this worker has in hand: who is answered when somebody asks, and whom a revocation meets.
//!
//! A message is *reserved* from the moment it is understood and *active* while its code runs:
//! Celery's words (`celery.worker.state`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use crate::message::{Body, Message};
use crate::task::{Request, SoftLimit};

#[derive(Default)]
pub(super) struct Requests {
    in_hand: Arc<Mutex<HashMap<String, InHand>>>,
    /// How many of each task have started.
    started: Mutex<BTreeMap<String, u64>>,
}

/// One message that is understood and not at its end.
#[derive(Clone)]
pub(super) struct InHand {
    pub(super) request: Arc<Request>,
    pub(super) message: Arc<Message>,
    pub(super) body: Arc<Body>,
    /// Seconds since 1970; none while it only waits for its turn.
    pub(super) started: Option<f64>,
    pub(super) acknowledged: bool,
    pub(super) termination: Termination,
}

/// The order to end a task that runs.
#[derive(Clone, Default)]
pub(super) struct Termination {
    given: CancellationToken,
    signum: Arc<OnceLock<i32>>,
}

impl Termination {
    /// Ends the task, as if by this signal.
    pub(super) fn give(&self, signum: i32) {
        let _ = self.signum.set(signum);
        self.given.cancel();
    }

    /// Returns the signal when the order comes.
    pub(super) async fn given(&self) -> i32 {
        self.given.cancelled().await;
        self.signum.get().copied().unwrap_or_default()
    }
}

/// Keeps a request in hand; however its task ends, it is let go.
pub(super) struct Hold {
    in_hand: Arc<Mutex<HashMap<String, InHand>>>,
    tag: String,
    pub(super) termination: Termination,
}

impl Requests {
    /// Takes a request in hand, under its delivery tag.
    pub(super) fn hold(
        &self,
        tag: &str,
        request: &Arc<Request>,
        message: &Arc<Message>,
        body: &Arc<Body>,
    ) -> Hold {
        let termination = Termination::default();
        let in_hand = InHand {
            request: Arc::clone(request),
            message: Arc::clone(message),
            body: Arc::clone(body),
            started: None,
            acknowledged: false,
            termination: termination.clone(),
        };
        lock(&self.in_hand).insert(tag.to_owned(), in_hand);
        Hold { in_hand: Arc::clone(&self.in_hand), tag: tag.to_owned(), termination }
    }

    /// Its code runs from now on.
    pub(super) fn start(&self, hold: &Hold, acknowledged: bool) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut in_hand = lock(&self.in_hand);
        let Some(request) = in_hand.get_mut(&hold.tag) else { return };
        (request.started, request.acknowledged) = (Some(now.as_secs_f64()), acknowledged);
        *lock(&self.started).entry(request.request.task.clone()).or_default() += 1;
    }

    /// All of them, those that run first.
    pub(super) fn all(&self) -> Vec<InHand> {
        let mut all: Vec<_> = lock(&self.in_hand).values().cloned().collect();
        all.sort_by_key(|request| request.started.is_none());
        all
    }

    /// How many run.
    pub(super) fn active(&self) -> usize {
        lock(&self.in_hand).values().filter(|request| request.started.is_some()).count()
    }

    /// How many of each task have started since the worker did.
    pub(super) fn started(&self) -> BTreeMap<String, u64> {
        lock(&self.started).clone()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.in_hand).remove(&self.tag);
    }
}

impl Request {
    /// The call that `message` asks for, taken from `queue` by the worker `hostname`.
    pub(crate) fn of(message: &Message, queue: &str, hostname: &str) -> Self {
        let headers = &message.headers;
        Self {
            id: headers.id.clone(),
            task: headers.task.clone(),
            shadow: headers.shadow.clone(),
            retries: headers.retries,
            eta: headers.eta.clone(),
            expires: headers.expires.clone(),
            redelivered: message.redelivered(),
            queue: queue.to_owned(),
            argsrepr: headers.argsrepr.clone(),
            kwargsrepr: headers.kwargsrepr.clone(),
            hostname: hostname.to_owned(),
            root_id: headers.root_id.clone(),
            parent_id: headers.parent_id.clone(),
            group: headers.group.clone(),
            ignore_result: message.ignores_result(),
            soft: SoftLimit::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
