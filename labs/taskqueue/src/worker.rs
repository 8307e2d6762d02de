//! The worker: fetch → run → store and acknowledge.
//!
//! ```text
//! consume (this file)   takes as many messages as there are free slots, never more
//!   └ execution, ending one for each message: understand it, run it, say how it ended
//!       └ settlement    collects endings and writes them, many in one script
//! breakers              hold a task back whose destination is away
//! suspect               runs a message alone with which workers have fallen
//! alarm                 wakes an idle worker when a message comes
//! lease                 a thread that renews what we hold, whatever the tasks do
//! limits, watchdog      cut a task that takes too long; name one that keeps its thread
//! restore               puts back what is due (ETA) and what others left behind
//! health                tells once that Redis is away, and that it is back
//! ```
//!
//! While Redis is away nothing is dropped: each part tries again until it answers or the worker
//! is told to stop. The worker prints nothing; it reports [`Event`]s.

mod alarm;
mod breakers;
mod ending;
mod execution;
mod health;
mod lease;
mod limits;
mod restore;
mod settlement;
mod stop;
mod suspect;
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, RwLock, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::{Broker, Fetched};
use crate::error::{BrokerError, InvalidQueue};
use crate::event::{Event, Observer};
use crate::keys;
use crate::message::{hostname, is_safe_id};
use crate::task::Registry;
use alarm::Alarm;
use breakers::Breakers;
use health::Health;
use lease::Leases;
use settlement::Settler;
pub use stop::Stop;
use watchdog::Watchdog;

/// The most messages that one fetch takes.
const BATCH: usize = 256;

/// How a worker works: Celery's settings, and its defaults unless said otherwise.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its name, `celery@host`.
    pub hostname: String,
    /// The queues it takes from, in turn.
    pub queues: Vec<String>,
    /// How many tasks run at the same time (Celery: one a core).
    pub concurrency: usize,
    /// Acknowledge after the run instead of before it (`task_acks_late`).
    pub acks_late: bool,
    /// Store STARTED when a task starts (`task_track_started`).
    pub track_started: bool,
    /// How long a message stays ours without a sign of life. We give one every quarter of it. Not in Celery.
    pub lease: Duration,
    /// The same for a message that a Celery worker holds: it gives no sign (`visibility_timeout`).
    pub visibility_timeout: Duration,
    /// How often a message may fall with its worker before it is put aside. Not in Celery.
    pub max_deliveries: u64,
    /// Cut a task that has no limit of its own after this time (`task_time_limit`).
    pub time_limit: Option<Duration>,
    /// Tell it after this time to come to an end (`task_soft_time_limit`).
    pub soft_time_limit: Option<Duration>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            hostname: format!("celery@{}", hostname()),
            queues: vec![keys::DEFAULT_QUEUE.to_owned()],
            concurrency: std::thread::available_parallelism().map_or(1, Into::into),
            acks_late: false,
            track_started: false,
            lease: Duration::from_secs(30),
            visibility_timeout: Duration::from_secs(3600),
            max_deliveries: 3,
            time_limit: None,
            soft_time_limit: None,
        }
    }
}

/// What a worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tasks that returned.
    pub succeeded: u64,
    /// Tasks that raised, for good.
    pub failed: u64,
    /// Attempts that failed and were sent again.
    pub retried: u64,
}

/// A process that runs tasks.
pub struct Worker {
    broker: Arc<Broker>,
    registry: Registry,
    options: WorkerOptions,
    observe: Observer,
}

struct Shared {
    broker: Arc<Broker>,
    registry: Registry,
    options: WorkerOptions,
    observe: Observer,
    stop: Stop,
    health: Health,
    breakers: Breakers,
    leases: Leases,
    settler: Settler,
    watchdog: Watchdog,
    /// Held by all that run together, or by one that must run alone.
    alone: RwLock<()>,
    /// A task was parked: the next ETA may be earlier than thought.
    parked: Notify,
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
}

impl Worker {
    /// A worker for the tasks of `registry`; `observe` is told every event.
    ///
    /// # Errors
    /// A queue whose name could not be part of a key.
    pub fn new(
        broker: Arc<Broker>,
        registry: Registry,
        options: WorkerOptions,
        observe: Observer,
    ) -> Result<Self, InvalidQueue> {
        match options.queues.iter().find(|queue| !is_safe_id(queue)) {
            Some(queue) => Err(InvalidQueue(queue.clone())),
            None => Ok(Self { broker, registry, options, observe }),
        }
    }

    /// Works until told to stop, and returns what it did.
    ///
    /// # Errors
    /// Only what no waiting would cure: the broker's URL.
    pub async fn run(self, stop: Stop) -> Result<Summary, BrokerError> {
        let background = TaskTracker::new();
        let (settler, settlements) = Settler::channel();
        let leases = Leases::keep(self.broker.connection().client().clone(), self.options.lease);
        let shared = Arc::new(Shared {
            watchdog: Watchdog::start(Arc::clone(&self.observe)),
            health: Health::new(Arc::clone(&self.observe)),
            breakers: Breakers::of(&self.registry, Arc::clone(&self.observe)),
            broker: self.broker,
            registry: self.registry,
            options: self.options,
            observe: self.observe,
            stop,
            leases,
            settler,
            alone: RwLock::new(()),
            parked: Notify::new(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retried: AtomicU64::new(0),
        });
        background.spawn(settlement::write(Arc::clone(&shared), settlements));
        background.spawn(restore::run(Arc::clone(&shared)));
        let alarm = Alarm::set(&shared, &background)?;
        (shared.observe)(Event::WorkerOnline);
        consume(&shared, &alarm).await;
        shared.settler.close();
        background.close();
        background.wait().await;
        (shared.observe)(Event::WorkerOffline);
        Ok(shared.summary())
    }
}

/// Takes messages and starts them until the warm stop; returns when all have ended.
async fn consume(shared: &Arc<Shared>, alarm: &Alarm) {
    let running = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(shared.options.concurrency.max(1)));
    let prefix = lease::tag_prefix(&shared.options.hostname);
    let mut queues = shared.options.queues.clone();
    let mut number = 0;
    while let Some(mut free) = free_slots(&slots, &shared.stop).await {
        let count = free.num_permits();
        let fetch = |again| shared.broker.fetch(&queues, &prefix, number, count, again);
        let Some(fetched) = shared.insist(&shared.stop.warm, fetch).await else { break };
        number += count as u64;
        // Each queue has its turn at being first.
        queues.rotate_left(1);
        let Fetched { clock, deliveries, unreadable } = fetched;
        for queue in unreadable {
            (shared.observe)(Event::TaskRejected {
                queue,
                reason: "not a JSON message with headers and properties".into(),
            });
        }
        let nothing = deliveries.is_empty();
        for delivery in deliveries {
            let lease = shared.leases.hold(&delivery.tag);
            let slot = free.split(1);
            let execution = execution::execute(Arc::clone(shared), delivery, lease, clock);
            running.spawn(async move {
                execution.await;
                drop(slot);
            });
        }
        drop(free);
        if nothing {
            alarm.wait(&shared.stop).await;
        }
    }
    running.close();
    running.wait().await;
}

/// All slots that are free, at least one; none when it is time to stop.
async fn free_slots(slots: &Arc<Semaphore>, stop: &Stop) -> Option<OwnedSemaphorePermit> {
    let mut free = tokio::select! {
        biased;
        () = stop.warm.cancelled() => return None,
        slot = Arc::clone(slots).acquire_owned() => slot.ok()?,
    };
    let more = slots.available_permits().min(BATCH - 1);
    if let Ok(rest) = Arc::clone(slots).try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
        free.merge(rest);
    }
    Some(free)
}

impl Shared {
    /// Makes `attempt` until it succeeds, or `stop` says that nobody waits for it any more.
    /// The attempt is told whether an earlier one may have been carried out.
    async fn insist<T, Fut>(
        &self,
        stop: &CancellationToken,
        attempt: impl Fn(bool) -> Fut,
    ) -> Option<T>
    where
        Fut: Future<Output = Result<T, BrokerError>>,
    {
        let mut failures = 0;
        loop {
            match attempt(failures > 0).await {
                Ok(value) => {
                    self.health.answered();
                    return Some(value);
                }
                Err(error) => self.health.failed(&error),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(health::pause(failures, fastrand::f64())) => failures += 1,
            }
        }
    }

    fn summary(&self) -> Summary {
        Summary {
            succeeded: self.succeeded.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
        }
    }
}
