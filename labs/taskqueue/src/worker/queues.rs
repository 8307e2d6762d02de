//! The queues that a worker takes from, and what wakes it when one of them has something.
//!
//! A worker that blocked in BRPOP, as Celery's do, would hold a message that stands in no key for
//! the length of a round trip. BLMOVE from a list to its own same end blocks just as well, and
//! leaves the message where it is. Each queue's most urgent list is watched so, on a connection
//! of its own; the other priorities are seen within a second. Queues come and go by remote control.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Stop;
use crate::broker::Broker;
use crate::connection::Connection;
use crate::error::BrokerError;
use crate::keys;

/// How long an idle worker waits before it looks at all its lists again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Queues {
    watched: Mutex<Vec<Watched>>,
    rings: Arc<Notify>,
}

struct Watched {
    queue: String,
    idle: Arc<Notify>,
    stop: CancellationToken,
}

impl Queues {
    pub(super) fn new() -> Self {
        Self { watched: Mutex::default(), rings: Arc::default() }
    }

    /// Takes from `queue` too, until `stop`; false where it does already.
    pub(super) fn add(
        &self,
        queue: &str,
        broker: &Broker,
        stop: &Stop,
        background: &TaskTracker,
    ) -> Result<bool, BrokerError> {
        let mut watched = self.lock();
        if watched.iter().any(|known| known.queue == queue) {
            return Ok(false);
        }
        let connection = broker.connection().another(LOOK_AGAIN + Duration::from_secs(5))?;
        let idle: Arc<Notify> = Arc::default();
        let stop = stop.warm.child_token();
        let watch =
            watch(connection, keys::list(queue, 0), Arc::clone(&idle), Arc::clone(&self.rings));
        let until = stop.clone();
        background.spawn(async move { until.run_until_cancelled(watch).await });
        watched.push(Watched { queue: queue.to_owned(), idle, stop });
        // An idle worker looks at the new one too.
        self.rings.notify_one();
        Ok(true)
    }

    /// Takes from `queue` no longer; false where it did not.
    pub(super) fn cancel(&self, queue: &str) -> bool {
        let mut watched = self.lock();
        let index = watched.iter().position(|known| known.queue == queue);
        index.map(|index| watched.remove(index).stop.cancel()).is_some()
    }

    /// Their names, in the order in which they came.
    pub(super) fn names(&self) -> Vec<String> {
        self.lock().iter().map(|known| known.queue.clone()).collect()
    }

    /// Returns when there may be something to fetch, or when it is time to stop.
    pub(super) async fn wait(&self, stop: &Stop) {
        self.lock().iter().for_each(|known| known.idle.notify_one());
        tokio::select! {
            () = stop.warm.cancelled() => {}
            () = self.rings.notified() => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn watch(connection: Connection, list: String, idle: Arc<Notify>, rings: Arc<Notify>) {
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
