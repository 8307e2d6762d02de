//! A message that came back: which of those that fell with a worker has brought it down?
//!
//! Whatever was in hand beside it fell as well, and much of that had not even begun. So a message
//! that comes back notes in its own entry when it begins (`begin.lua`); only such a fall counts
//! against it. (The first fall counts in any case: to note each first beginning would cost every
//! task a round trip, and one fall alone condemns nobody.) One that would be put aside the next
//! time runs alone in its worker: if that one falls too, it was this message. Until its turn comes
//! it is parked: whoever falls meanwhile is not held against it.

use std::pin::pin;

use tokio::sync::RwLockWriteGuard;
use tokio::time::sleep;

use super::Shared;
use super::breakers::Pass;
use super::execution::Call;
use super::refusal::Refusal;
use crate::message::Message;
use crate::task::Task;
use crate::task_error::TaskError;

/// With fewer, what fell beside the culprit would be put aside as well.
const FEWEST_DELIVERIES: u64 = 2;

impl Shared {
    fn max_deliveries(&self) -> u64 {
        self.options.max_deliveries.max(FEWEST_DELIVERIES)
    }

    /// Whether `message` has brought down as many workers as it may.
    pub(super) fn is_culprit(&self, message: &Message) -> bool {
        // The count of a message that never came back is somebody else's.
        message.redelivered() && message.deliveries() >= self.max_deliveries()
    }
}

impl Call {
    /// Whether it is put aside if its worker falls silent once more.
    pub(super) fn is_suspect(&self, shared: &Shared) -> bool {
        self.message.redelivered() && self.message.deliveries() + 1 >= shared.max_deliveries()
    }

    /// Notes that a message that came back begins; none where it is not ours any more.
    pub(super) async fn noted(self, shared: &Shared) -> Option<Self> {
        if !self.message.redelivered() {
            return Some(self);
        }
        let mut message = (*self.message).clone();
        message.count_delivery();
        let Ok(raw) = message.encode() else { return Some(self) };
        let begin = |_| shared.broker.begin(&self.lease.tag, &self.request.queue, &raw);
        match shared.insist(&shared.stop.cold, begin).await {
            Some(true) => Some(self),
            Some(false) => None,
            None => {
                self.give_back(shared).await;
                None
            }
        }
    }

    /// Runs the task when nothing else runs in this worker.
    pub(super) async fn run_alone(self, shared: &Shared, task: &Task, pass: Pass<'_>) {
        let Some(alone) = self.turn(shared).await else { return };
        if let Some(call) = self.noted(shared).await {
            call.run_unless_stopped(shared, task, pass).await;
        }
        drop(alone);
    }

    /// Waits, parked, until nothing else runs; none where somebody else has the message meanwhile.
    async fn turn<'a>(&self, shared: &'a Shared) -> Option<RwLockWriteGuard<'a, ()>> {
        let (tag, lease) = (&self.lease.tag, shared.options.lease);
        let mut alone = pin!(shared.alone.write());
        loop {
            let until = self.clock.now() + lease.as_secs_f64();
            let park = |_| shared.broker.park(tag, until);
            if shared.insist(&shared.stop.cold, park).await != Some(true) {
                return None;
            }
            tokio::select! {
                turn = &mut alone => return Some(turn),
                () = sleep(lease / 2) => {}
            }
        }
    }

    /// As Celery: FAILURE with WorkerLostError, told to what follows. The message is kept.
    pub(super) async fn refuse_culprit(self, shared: &Shared) {
        let times = self.message.deliveries();
        let reason = format!("handed out {times} times, and each time its worker fell silent");
        let error = TaskError::in_module("billiard.exceptions", "WorkerLostError", &reason);
        let raw = self.message.encode().unwrap_or_default();
        self.refuse(shared, raw.as_bytes(), Refusal { reason, error }).await;
    }
}
