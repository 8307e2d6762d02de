//! Wakes an idle worker when a queue has something, without taking it.
//!
//! A worker that blocked in BRPOP, as Celery's do, would hold a message that stands in no key for
//! the length of a round trip. BLMOVE from a list to its own same end blocks just as well, and
//! leaves the message where it is. It watches the most urgent list of each queue, on a connection
//! of its own; the other priorities are seen within a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{Shared, Stop};
use crate::connection::Connection;
use crate::error::BrokerError;
use crate::keys;

/// How long an idle worker waits before it looks at all its lists again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Alarm {
    idle: Vec<Arc<Notify>>,
    rings: Arc<Notify>,
}

impl Alarm {
    pub(super) fn set(shared: &Arc<Shared>, background: &TaskTracker) -> Result<Self, BrokerError> {
        let alarm = Self {
            idle: shared.options.queues.iter().map(|_| Arc::default()).collect(),
            rings: Arc::default(),
        };
        for (queue, idle) in shared.options.queues.iter().zip(&alarm.idle) {
            let connection =
                shared.broker.connection().another(LOOK_AGAIN + Duration::from_secs(5))?;
            let watch =
                watch(connection, queue.clone(), Arc::clone(idle), Arc::clone(&alarm.rings));
            let warm = shared.stop.warm.clone();
            background.spawn(async move { warm.run_until_cancelled(watch).await });
        }
        Ok(alarm)
    }

    /// Returns when there may be something to fetch, or when it is time to stop.
    pub(super) async fn wait(&self, stop: &Stop) {
        self.idle.iter().for_each(|idle| idle.notify_one());
        tokio::select! {
            () = stop.warm.cancelled() => {}
            () = self.rings.notified() => {}
        }
    }
}

async fn watch(connection: Connection, queue: String, idle: Arc<Notify>, rings: Arc<Notify>) {
    let list = keys::list(&queue, 0);
    let mut look = redis::cmd("BLMOVE");
    look.arg(&list).arg(&list).arg("RIGHT").arg("RIGHT").arg(LOOK_AGAIN.as_secs());
    loop {
        idle.notified().await;
        // The message itself is of no interest here, nor is a refusal (at `maxmemory` BLMOVE is one).
        if connection.query::<redis::Value>(&look).await.is_err() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        rings.notify_one();
    }
}
