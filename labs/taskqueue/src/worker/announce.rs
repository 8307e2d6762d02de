//! Publishes the worker's events to whoever listens: `celery events`, Flower.
//!
//! Two groups, as in Celery. The worker's own (online, a heartbeat every two seconds, offline) go
//! out always; a task's only with `-E` or after `celery control enable_events`. To Redis:
//! `PUBLISH /<db>.celeryev/<kind>`; nothing is stored, and nobody has to listen.
//! Nothing waits for this: while Redis is away, events beyond the newest few thousand are dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::tuning::Tuning;
use crate::announcement::{self, HEARTBEAT_SECONDS};
use crate::event::{Event, Observer};
use crate::lamport::LamportClock;

/// How many events wait at most for a Redis that is slow or away.
const WAITING: usize = 4096;
/// How many travel at once: Celery's `buffer_limit`.
const BATCH: usize = 24;
/// How long the last events may take; and how long "online" waits until remote control can be answered, which listeners ask at once.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) type Announcements = mpsc::Receiver<String>;

/// `observe`, and whatever is to be published beside it.
pub(super) fn tapped(
    observe: Observer,
    hostname: &str,
    clock: &Arc<LamportClock>,
    tuning: &Arc<Tuning>,
) -> (Observer, Announcements) {
    let (sender, announcements) = mpsc::channel(WAITING);
    let (hostname, clock, tuning) = (hostname.to_owned(), Arc::clone(clock), Arc::clone(tuning));
    let tapped = Arc::new(move |event: Event| {
        if tuning.task_events()
            && let Some((kind, fields)) = announcement::of_task(&event)
        {
            let _ = sender.try_send(announcement::encode(&hostname, &clock, kind, fields));
        }
        observe(event);
    });
    (tapped, announcements)
}

/// Publishes until `ended`, and then says that the worker is gone.
pub(super) async fn publish(
    shared: Arc<Shared>,
    mut announcements: Announcements,
    ended: CancellationToken,
) {
    let _ = timeout(PATIENCE, shared.listening.notified()).await;
    let mut beat = interval(Duration::from_secs_f64(HEARTBEAT_SECONDS));
    beat.tick().await;
    shared.announce_worker("worker-online").await;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            _ = beat.tick() => shared.announce_worker("worker-heartbeat").await,
            () = shared.beat_now.notified() => shared.announce_worker("worker-heartbeat").await,
            _ = announcements.recv_many(&mut batch, BATCH) => shared.announce(&mut batch).await,
            () = ended.cancelled() => break,
        }
    }
    while let Ok(event) = announcements.try_recv() {
        batch.push(event);
    }
    let last = async {
        shared.announce(&mut batch).await;
        shared.announce_worker("worker-offline").await;
    };
    let _ = timeout(PATIENCE, last).await;
}

impl Shared {
    async fn announce_worker(&self, kind: &str) {
        let processed = self.requests.started().values().sum();
        let fields = announcement::of_worker(self.requests.active(), processed);
        let event = announcement::encode(&self.options.hostname, &self.clock, kind, fields);
        self.tell_listeners(&event, &announcement::routing_key(kind)).await;
    }

    async fn announce(&self, batch: &mut Vec<String>) {
        for events in std::mem::take(batch).chunks(BATCH) {
            self.tell_listeners(&announcement::list(events), "task.multi").await;
        }
    }

    /// An event that does not reach Redis is no trouble of the worker's; that none may is said once.
    async fn tell_listeners(&self, body: &str, routing_key: &str) {
        let told = self.broker.announce(body, &self.options.hostname, routing_key).await;
        if routing_key == "worker.online"
            && let Err(error) = told
        {
            self.is_withheld("publish events", &error);
        }
    }
}
