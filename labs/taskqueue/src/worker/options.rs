//! How a worker is told to work, how it is told to stop, and what it says in the end.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::keys;
use crate::message::hostname;
use crate::result_backend::RESULT_EXPIRES;

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
    /// How long a result is kept (`result_expires`).
    pub result_expires: Duration,
    /// How long a message stays ours without a sign of life. We give one every quarter of it. Not in Celery.
    pub lease: Duration,
    /// The same for a message that a Celery worker holds: it gives no sign (`visibility_timeout`).
    pub visibility_timeout: Duration,
    /// How often a message may fall with its worker before it is put aside: 3, and at least 2. But
    /// for the first time only a fall counts after its run had begun, and the last time it runs
    /// alone. Its task is FAILURE then, with WorkerLostError. Not in Celery.
    pub max_deliveries: u64,
    /// Cut a task that has no limit of its own after this time (`task_time_limit`).
    pub time_limit: Option<Duration>,
    /// Tell it after this time to come to an end (`task_soft_time_limit`).
    pub soft_time_limit: Option<Duration>,
    /// How long a stop waits for Redis once no task's code runs any more: 10 s. A cold stop lasts no
    /// longer than this in all. What could not be stored by then is told by
    /// [`TaskUnsettled`](crate::Event::TaskUnsettled). Not in Celery.
    pub shutdown_timeout: Duration,
    /// Publish an event for every step of a task (`worker_send_task_events`, `-E`).
    pub task_events: bool,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            hostname: format!("celery@{}", hostname()),
            queues: vec![keys::DEFAULT_QUEUE.to_owned()],
            concurrency: std::thread::available_parallelism().map_or(1, Into::into),
            acks_late: false,
            track_started: false,
            result_expires: RESULT_EXPIRES,
            lease: Duration::from_secs(30),
            visibility_timeout: Duration::from_secs(3600),
            max_deliveries: 3,
            time_limit: None,
            soft_time_limit: None,
            shutdown_timeout: Duration::from_secs(10),
            task_events: false,
        }
    }
}

/// Tells a worker to stop: warm first, then cold, as Celery's two Ctrl-C.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    pub(super) warm: CancellationToken,
    pub(super) cold: CancellationToken,
}

impl Stop {
    /// Nobody has asked to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Take nothing more and finish what runs.
    pub fn warm(&self) {
        self.warm.cancel();
    }

    /// Stop now and give back what runs.
    pub fn cold(&self) {
        self.warm.cancel();
        self.cold.cancel();
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
    /// Tasks whose end could not be stored before the worker had to go.
    pub unsettled: u64,
}
