//! The worker: fetch → run → store and acknowledge.
//!
//! ```text
//! consumer              takes as many messages as there are free slots, never more
//!   └ execution, ending one for each message: understand it, run it, say how it ended
//!       ├ follow_up     carries out what follows: callbacks, chains, chords, errbacks
//!       ├ refusal       a message that can't be run: FAILURE for whoever waits, and it is kept
//!       └ settlement    collects endings and writes them, many in one script
//! queues, slots         where messages come from, and how many run at a time
//! breakers              hold a task back whose destination is away
//! suspect               runs a message alone with which workers have fallen
//! lease                 a thread that renews what we hold, whatever the tasks do
//! limits, watchdog      cut a task that takes too long; name one that keeps its thread
//! restore               puts back what is due (ETA) and what others left behind
//! rights                tells what Redis' ACL withholds
//! health                tells once that Redis is away, and that it is back
//! shutdown              how long a stop waits for Redis
//! control               answers `celery inspect` and does what `celery control` says
//!   └ requests, revoked, tuning   what is in hand, what must not run, what may be changed
//! announce              publishes events for Flower and its like
//! beat                  sends the tasks of a schedule when they are due, if it has one
//! ```
//!
//! While Redis is away nothing is dropped: each part tries again until it answers or the worker
//! is told to stop, and then for `shutdown_timeout` at most. The worker prints nothing; it reports
//! [`Event`]s.

mod announce;
mod beat;
mod breakers;
mod consumer;
mod control;
mod ending;
mod execution;
mod follow_up;
mod health;
mod lease;
mod limits;
mod options;
mod queues;
mod refusal;
mod requests;
mod restore;
mod revoked;
mod rights;
mod settlement;
mod shutdown;
mod slots;
mod suspect;
mod tuning;
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{Notify, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::Broker;
use crate::error::{BrokerError, InvalidQueue, InvalidWorker};
use crate::event::{Event, Observer};
use crate::lamport::LamportClock;
use crate::message::is_safe_id;
use crate::schedule::ScheduleEntry;
use crate::task::Registry;
use breakers::Breakers;
use health::Health;
use lease::Leases;
pub use options::{Stop, Summary, WorkerOptions};
use queues::Queues;
use requests::Requests;
use revoked::Revoked;
use settlement::Settler;
use shutdown::Shutdown;
use slots::Slots;
use tuning::Tuning;
use watchdog::Watchdog;

/// A process that runs tasks.
pub struct Worker {
    broker: Arc<Broker>,
    registry: Registry,
    options: WorkerOptions,
    observe: Observer,
    schedule: Vec<ScheduleEntry>,
}

/// What the parts of a worker share.
struct Shared {
    broker: Arc<Broker>,
    registry: Registry,
    options: WorkerOptions,
    observe: Observer,
    stop: Stop,
    shutdown: Shutdown,
    began: Instant,
    clock: Arc<LamportClock>,
    /// What goes on beside the tasks: it ends after the last of them.
    background: TaskTracker,
    health: Health,
    breakers: Breakers,
    leases: Leases,
    settler: Settler,
    watchdog: Watchdog,
    slots: Slots,
    queues: Queues,
    requests: Requests,
    revoked: Revoked,
    tuning: Arc<Tuning>,
    /// Held by all that run together, or by one that must run alone.
    alone: RwLock<()>,
    /// A task was parked: the next ETA may be earlier than thought.
    parked: Notify,
    /// Remote control is heard from now on.
    listening: Notify,
    /// Somebody wants a heartbeat at once.
    beat_now: Notify,
    succeeded: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    unsettled: AtomicU64,
}

impl Worker {
    /// A worker for the tasks of `registry`; `observe` is told every event.
    ///
    /// # Errors
    /// A queue whose name could not be part of a key, and a soft time limit above the hard one.
    pub fn new(
        broker: Arc<Broker>,
        registry: Registry,
        options: WorkerOptions,
        observe: Observer,
    ) -> Result<Self, InvalidWorker> {
        if let Some(queue) = options.queues.iter().find(|queue| !is_safe_id(queue)) {
            return Err(InvalidQueue(queue.clone()).into());
        }
        if let (Some(hard), Some(soft)) = (options.time_limit, options.soft_time_limit)
            && soft > hard
        {
            return Err(InvalidWorker::TimeLimits { hard, soft });
        }
        Ok(Self { broker, registry, options, observe, schedule: Vec::new() })
    }

    /// The same, with beat beside it (`celery worker -B`): it sends the tasks of this schedule
    /// (`beat_schedule`) when they are due. Any number of workers may have the same one; each task
    /// is sent once. Of two entries with the same name the later one counts.
    #[must_use]
    pub fn beat_schedule(mut self, entries: impl IntoIterator<Item = ScheduleEntry>) -> Self {
        for entry in entries {
            self.schedule.retain(|earlier| earlier.name() != entry.name());
            self.schedule.push(entry);
        }
        self
    }

    /// Works until told to stop, and returns what it did.
    ///
    /// # Errors
    /// Only what no waiting would cure: the broker's URL.
    pub async fn run(mut self, stop: Stop) -> Result<Summary, BrokerError> {
        let schedule = std::mem::take(&mut self.schedule);
        let (settler, settlements) = Settler::channel();
        let (shared, announcements) = self.set_up(stop, settler);
        for queue in &shared.options.queues {
            shared.queues.add(queue, &shared.broker, &shared.stop, &shared.background)?;
        }
        tokio::select! {
            biased;
            () = shared.work(schedule, settlements, announcements) => {}
            () = shared.shutdown.out_of_time(&shared.stop) => shared.give_up(),
        }
        (shared.observe)(Event::WorkerOffline);
        Ok(shared.summary())
    }

    fn set_up(self, stop: Stop, settler: Settler) -> (Arc<Shared>, announce::Announcements) {
        let Self { broker, registry, options, observe, .. } = self;
        let tuning = Arc::new(Tuning::of(&registry, options.task_events));
        let clock = Arc::<LamportClock>::default();
        let (observe, announcements) =
            announce::tapped(observe, &options.hostname, &clock, &tuning);
        let shared = Shared {
            watchdog: Watchdog::start(Arc::clone(&observe)),
            health: Health::new(Arc::clone(&observe)),
            breakers: Breakers::of(&registry, Arc::clone(&observe)),
            alone: RwLock::new(()),
            leases: Leases::keep(broker.connection().client().clone(), options.lease),
            slots: Slots::new(options.concurrency),
            queues: Queues::new(),
            shutdown: Shutdown::new(options.shutdown_timeout),
            requests: Requests::default(),
            revoked: Revoked::default(),
            background: TaskTracker::new(),
            began: Instant::now(),
            parked: Notify::new(),
            listening: Notify::new(),
            beat_now: Notify::new(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            unsettled: AtomicU64::new(0),
            broker,
            registry,
            options,
            observe,
            stop,
            clock,
            settler,
            tuning,
        };
        (Arc::new(shared), announcements)
    }
}

impl Shared {
    /// Takes messages and runs their tasks until the warm stop, and sees all of it to its end.
    async fn work(
        self: &Arc<Self>,
        schedule: Vec<ScheduleEntry>,
        settlements: settlement::Endings,
        announcements: announce::Announcements,
    ) {
        let ended = CancellationToken::new();
        control::mingle(self).await;
        self.beside(settlement::write(Arc::clone(self), settlements));
        self.beside(restore::run(Arc::clone(self)));
        for entry in schedule {
            self.beside(beat::keep(Arc::clone(self), entry));
        }
        self.beside(control::listen(Arc::clone(self), ended.clone()));
        self.beside(announce::publish(Arc::clone(self), announcements, ended.clone()));
        (self.observe)(Event::WorkerOnline);
        consumer::consume(self).await;
        self.settler.close();
        ended.cancel();
        self.background.close();
        self.background.wait().await;
    }

    /// Lets `part` go on beside the tasks, until its own end or the worker's.
    fn beside(&self, part: impl Future<Output = ()> + Send + 'static) {
        let over = self.shutdown.over().clone();
        self.background.spawn(async move { over.run_until_cancelled(part).await });
    }

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
            unsettled: self.unsettled.load(Ordering::Relaxed),
        }
    }
}
