//! What happened, as values: the queue reports, others tell.
//!
//! The names are Celery's event names (`task-received`, `task-started`, …) where it has one.
//! The list is exhaustive on purpose: whoever turns events into text must have a sentence for each.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::Value;

use crate::task::Request;
use crate::task_error::TaskError;

/// Something that a worker or a sender did or saw.
#[derive(Debug, Clone)]
pub enum Event {
    /// `task-sent`: a message was written to its list. Told by the [`Broker`](crate::Broker) of the
    /// sender, and by a worker of what follows a task.
    TaskSent {
        /// The task's id.
        id: String,
        /// The list.
        list: String,
        /// The message as it stands there.
        raw: String,
    },
    /// `worker-online`: it begins to take messages.
    WorkerOnline,
    /// Another worker of this name is at work: remote control and viewers take the two for one
    /// (Celery: `DuplicateNodenameWarning`).
    NameTaken {
        /// The name.
        hostname: String,
    },
    /// Redis' ACL does not let the worker do something that it will have to do.
    RightMissing {
        /// What, such as "store results".
        what: &'static str,
        /// Redis' own words, and what to do next.
        reason: String,
    },
    /// `worker-offline`: it has stopped.
    WorkerOffline,
    /// `task-received`: a message was taken from the queue and understood.
    TaskReceived {
        /// The call.
        request: Arc<Request>,
    },
    /// The task waits in Redis until its ETA.
    TaskParked {
        /// The call.
        request: Arc<Request>,
        /// Not before this time.
        eta: DateTime<FixedOffset>,
    },
    /// `task-started`: its code runs.
    TaskStarted {
        /// The call.
        request: Arc<Request>,
        /// Whether the message is already acknowledged: if the worker dies now, the task is lost.
        acknowledged: bool,
    },
    /// `task-succeeded`.
    TaskSucceeded {
        /// The call.
        request: Arc<Request>,
        /// What it returned.
        result: Value,
        /// How long its code ran.
        runtime: Duration,
    },
    /// `task-failed`.
    TaskFailed {
        /// The call.
        request: Arc<Request>,
        /// What it raised.
        error: TaskError,
        /// How long its code ran.
        runtime: Duration,
    },
    /// `task-retried`: it failed and was sent again.
    TaskRetried {
        /// The call.
        request: Arc<Request>,
        /// What it raised.
        error: TaskError,
        /// It is not started before this time has passed.
        countdown: Duration,
    },
    /// A task's destination is away: failures in a row, or a failed probe, have opened its breaker.
    BreakerOpened {
        /// The task's name.
        task: String,
        /// It is not started before this time has passed.
        pause: Duration,
    },
    /// A task's destination is back: a run has succeeded.
    BreakerClosed {
        /// The task's name.
        task: String,
        /// How long the breaker was open.
        after: Duration,
    },
    /// The task's code has kept its thread for so long that nothing else can run there.
    TaskBlocks {
        /// The call.
        request: Arc<Request>,
        /// For how long.
        lasted: Duration,
    },
    /// `task-revoked`: it is not run, or not to its end.
    TaskRevoked {
        /// The call.
        request: Arc<Request>,
        /// Why.
        reason: Revocation,
    },
    /// `task-rejected`: a message was put aside in `<queue>.dead`.
    TaskRejected {
        /// The task's id, where it can be read.
        id: Option<String>,
        /// The queue that it came from.
        queue: String,
        /// Why it can't be run.
        reason: String,
    },
    /// A task of a worker that gave no sign of life went back to its queue.
    TaskRestored {
        /// The task's id.
        id: String,
        /// Its queue.
        queue: String,
        /// How long the worker was silent.
        silent: Duration,
    },
    /// The worker had to stop and gave an unfinished task back.
    TaskGivenBack {
        /// The call.
        request: Arc<Request>,
    },
    /// The worker had to stop, and the task was acknowledged before it ran: nobody will finish it.
    TaskLost {
        /// The call.
        request: Arc<Request>,
    },
    /// The worker had to go, and Redis did not take what became of the task.
    TaskUnsettled {
        /// The call.
        request: Arc<Request>,
        /// Acknowledged before it ran: nobody will finish it. Otherwise another worker runs it,
        /// perhaps for the second time, when its lease has run out.
        acknowledged: bool,
    },
    /// The task ran, but its lease had passed to another worker meanwhile: it may have run twice.
    LeaseLost {
        /// The call.
        request: Arc<Request>,
    },
    /// An entry of the schedule was due, and this worker's beat sent its task.
    BeatFired {
        /// The entry's name.
        entry: String,
        /// The task's name.
        task: String,
        /// The task's id.
        id: String,
        /// When it is due again.
        next: DateTime<Utc>,
    },
    /// Somebody gave an order by remote control, such as `celery control pool_grow`. Questions
    /// (`celery inspect`) are no events.
    RemoteControl {
        /// The order and its arguments.
        order: String,
        /// What was answered.
        answer: String,
    },
    /// Redis does not answer; the worker goes on trying.
    BrokerLost {
        /// What was seen.
        reason: String,
    },
    /// Redis answers again.
    BrokerBack {
        /// How long it was away.
        away: Duration,
    },
}

/// Why a task is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Its `expires` had passed before it could start.
    Expired,
    /// Somebody revoked it before it started.
    Revoked,
    /// Somebody revoked it while it ran, and it was ended.
    Terminated {
        /// The signal that was asked for; a Celery worker sends it to the task's process.
        signum: i32,
    },
}

impl Revocation {
    /// Celery's word, as it stands in the result.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Terminated { .. } => "terminated",
        }
    }
}

/// Is told every event, on whatever thread it happens; must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;
