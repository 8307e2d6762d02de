//! Writes how deliveries ended: result and acknowledgement in one script, many at a time.
//!
//! While one batch is on its way the next one gathers, so that a busy worker pays one round trip
//! for many tasks and an idle one waits for nobody. Batches go one after the other: a task's
//! STARTED is written before its SUCCESS. A batch whose answer was lost is sent again; the second
//! time it changes nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::Shared;
use crate::broker::Settlement;

/// The most endings that one script writes.
const BATCH: usize = 256;

type Ending = (Settlement, oneshot::Sender<bool>);
/// What is to be written.
pub(super) type Endings = mpsc::UnboundedReceiver<Ending>;

pub(super) struct Settler {
    sender: Mutex<Option<mpsc::UnboundedSender<Ending>>>,
}

impl Settler {
    /// The sender keeps at most what the slots hold, so the channel needs no bound of its own.
    pub(super) fn channel() -> (Self, Endings) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender: Mutex::new(Some(sender)) }, receiver)
    }

    /// Returns when it is written: whether the tag was still ours. None when the worker stops first.
    pub(super) async fn settle(&self, settlement: Settlement) -> Option<bool> {
        let (done, written) = oneshot::channel();
        self.sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()?
            .send((settlement, done))
            .ok()?;
        written.await.ok()
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Writes batches until the settler is closed and empty, or the cold stop ends an attempt.
pub(super) async fn write(shared: Arc<Shared>, mut endings: Endings) {
    let mut batch = Vec::with_capacity(BATCH);
    while endings.recv_many(&mut batch, BATCH).await > 0 {
        let (settlements, waiting): (Vec<Settlement>, Vec<_>) = batch.drain(..).unzip();
        let again = AtomicBool::new(false);
        let settle = |repeated| {
            again.fetch_or(repeated, Ordering::Relaxed);
            shared.broker.settle(&settlements)
        };
        let settled = shared.insist(&shared.stop.cold, settle).await;
        // The first attempt may have been carried out: then the tag is gone because it was ours.
        let again = again.load(Ordering::Relaxed);
        let held = settled.into_iter().flatten().map(|held| held || again);
        for (waiting, held) in waiting.into_iter().zip(held) {
            // Whoever gave up waiting needs no answer.
            let _ = waiting.send(held);
        }
    }
}
