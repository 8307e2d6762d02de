//! A sender: so many tasks, by several callers at once, never far ahead of the workers.
//!
//! What the queue accepted has to be run; what it refused must never be. A refused task is sent
//! again under another id, so that both can be told apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use taskqueue::{Broker, Signature};
use tokio::task::{JoinHandle, JoinSet};

use crate::ledger::Ledger;
use crate::trouble::Trouble;
use crate::worker::{FLAKY, WORK};

const CALLERS: usize = 16;
/// After a refusal, as a polite client does.
const PAUSE: Duration = Duration::from_millis(50);
/// After how long it asks to be run again.
const COUNTDOWN_MS: u64 = 50;

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) tasks: usize,
    /// How long each works, in milliseconds.
    pub(crate) work_ms: u64,
    /// How many may wait or be at work at the same time.
    pub(crate) ahead: usize,
    /// Every so many tasks, one fails at its first attempt.
    pub(crate) flaky_every: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) accepted: Vec<String>,
    pub(crate) refused: Vec<Refused>,
}

/// A task that was not taken.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) id: String,
    /// How long its caller waited for the refusal.
    pub(crate) after: Duration,
    pub(crate) error: String,
}

impl Sent {
    /// Sends one task.
    pub(crate) async fn send(&mut self, broker: &Arc<Broker>, task: Signature, id: &str) -> bool {
        let began = Instant::now();
        match task.task_id(id).delay(broker).await {
            Ok(_) => self.accepted.push(id.to_owned()),
            Err(error) => {
                let (id, after, error) = (id.to_owned(), began.elapsed(), error.to_string());
                self.refused.push(Refused { id, after, error });
                return false;
            }
        }
        true
    }

    /// The longest that a caller waited for a refusal.
    pub(crate) fn longest_refusal(&self) -> Duration {
        self.refused.iter().map(|refused| refused.after).max().unwrap_or_default()
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.accepted.append(&mut other.accepted);
        self.refused.append(&mut other.refused);
    }
}

/// A task that works for so long, and never fails.
pub(crate) fn work(work_ms: u64) -> Signature {
    Signature::new(WORK).arg(work_ms).arg(0)
}

impl Load {
    /// Short tasks, a twentieth of them ahead of the workers, a tenth of them flaky.
    pub(crate) fn of(tasks: usize) -> Self {
        Self { tasks, work_ms: 2, ahead: tasks / 20, flaky_every: 10 }
    }

    /// The task with this number.
    pub(crate) fn task(self, number: usize) -> Signature {
        let name = if number.is_multiple_of(self.flaky_every) { FLAKY } else { WORK };
        Signature::new(name).arg(self.work_ms).arg(COUNTDOWN_MS)
    }

    /// Begins to send, under ids that begin with `name`.
    pub(crate) fn send(
        self,
        url: &str,
        name: &str,
        ledger: &Ledger,
    ) -> Result<JoinHandle<Result<Sent, Trouble>>, Trouble> {
        let broker = Arc::new(Broker::new(url)?);
        let (next, accepted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let caller = Caller {
                load: self,
                name: name.to_owned(),
                broker: Arc::clone(&broker),
                ledger: ledger.clone(),
                next: Arc::clone(&next),
                accepted: Arc::clone(&accepted),
            };
            callers.spawn(caller.send());
        }
        Ok(tokio::spawn(async move {
            let mut sent = Sent::default();
            while let Some(part) = callers.join_next().await {
                sent.append(part??);
            }
            Ok(sent)
        }))
    }
}

struct Caller {
    load: Load,
    name: String,
    broker: Arc<Broker>,
    ledger: Ledger,
    next: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Caller {
    async fn send(self) -> Result<Sent, Trouble> {
        let mut sent = Sent::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.load.tasks {
                return Ok(sent);
            }
            self.wait_for_the_workers().await?;
            let mut again = 0;
            let id = format!("{}-{number}", self.name);
            let mut own = id.clone();
            while !sent.send(&self.broker, self.load.task(number), &own).await {
                tokio::time::sleep(PAUSE).await;
                again += 1;
                own = format!("{id}.{again}");
            }
            self.accepted.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn wait_for_the_workers(&self) -> Result<(), Trouble> {
        let mut progress = self.ledger.progress();
        let behind = |done| self.accepted.load(Ordering::Relaxed).saturating_sub(done);
        while behind(self.ledger.facts(|facts| facts.done.len())?) > self.load.ahead {
            progress.check("the workers to catch up").await?;
        }
        Ok(())
    }
}
