//! A message with which workers have fallen before, and which would be put aside the next time.
//!
//! Whatever ran beside it fell as well, so nobody knows yet which of them brings workers down. So
//! such a message runs alone in its worker: if that one falls too, it was this message. Until its
//! turn comes it is parked: whoever falls meanwhile is not held against it.

use std::pin::pin;

use tokio::sync::RwLockWriteGuard;
use tokio::time::sleep;

use super::Shared;
use super::breakers::Pass;
use super::execution::Call;
use crate::task::Task;

impl Call {
    /// Whether it is put aside if its worker falls silent once more.
    pub(super) fn is_suspect(&self, shared: &Shared) -> bool {
        let before = self.message.silent_deliveries();
        before > 0 && before + 1 >= shared.options.max_deliveries
    }

    /// Runs the task when nothing else runs in this worker.
    pub(super) async fn run_alone(self, shared: &Shared, task: &Task, pass: Pass<'_>) {
        let Some(alone) = self.turn(shared).await else { return };
        let tag = &self.lease.tag;
        let take_up = |_| shared.broker.take_up(tag);
        if shared.insist(&shared.stop.cold, take_up).await == Some(true) {
            self.run_unless_stopped(shared, task, pass).await;
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
}
