//! Where a row is played: a Redis of its own, a ledger, a crew, and the reckoning at the end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use taskqueue::{Broker, DeadLetter, keys};
use tokio::task::JoinHandle;

use crate::audit::{Expected, audit};
use crate::crew::Crew;
use crate::ledger::{Facts, Ledger};
use crate::load::{Load, Refused, Sent};
use crate::redis_server::RedisServer;
use crate::report::{Report, thousands};
use crate::trouble::Trouble;
use crate::worker::Orders;

/// The ledger's file.
pub(crate) const LEDGER: &str = "ledger.txt";

/// How a row is played: long by hand, short in CI.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) quick: bool,
    pub(crate) seed: u64,
    /// Acknowledge before the run, which loses tasks: to see that they are found out.
    pub(crate) early: bool,
    /// Where the row's files go.
    pub(crate) directory: PathBuf,
    /// The row's Redis, once it is there: it outlives a row that failed, to be asked.
    pub(crate) redis: Arc<OnceLock<RedisServer>>,
}

impl Bench {
    /// The first in the full table, the second in the quick one.
    pub(crate) fn scale<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A Redis that forgets everything at its end, and nobody at work yet.
    pub(crate) async fn stage(&self, orders: Orders) -> Result<Stage, Trouble> {
        Stage::on(self, RedisServer::start(&self.directory).await?, orders)
    }

    /// The same with a Redis that keeps its file.
    pub(crate) async fn durable_stage(&self, orders: Orders) -> Result<Stage, Trouble> {
        Stage::on(self, RedisServer::start_durable(&self.directory).await?, orders)
    }
}

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) ledger: Ledger,
    pub(crate) crew: Crew,
    pub(crate) chance: fastrand::Rng,
}

/// A sender at work.
pub(crate) type Sending = JoinHandle<Result<Sent, Trouble>>;

impl Stage {
    fn on(bench: &Bench, redis: RedisServer, orders: Orders) -> Result<Self, Trouble> {
        // A row has one.
        let _ = bench.redis.set(redis.clone());
        let ledger = Ledger::open(&bench.directory.join(LEDGER))?;
        let orders = Orders { early: orders.early || bench.early, ..orders };
        let crew = Crew::new(redis.url(), ledger.clone(), orders);
        Ok(Self { redis, ledger, crew, chance: fastrand::Rng::with_seed(bench.seed) })
    }

    /// Begins to send to this row's Redis.
    pub(crate) fn send(&self, load: Load) -> Result<Sending, Trouble> {
        load.send(&self.redis.url(), "task", &self.ledger)
    }

    /// When so many faults come: after how many tasks, spread over nine tenths of them by chance.
    pub(crate) fn moments(&mut self, faults: usize, tasks: usize) -> Vec<usize> {
        let part = tasks * 9 / 10 / faults.max(1);
        (0..faults).map(|fault| fault * part + self.chance.usize(0..part.max(1))).collect()
    }

    /// Waits until the work of so many tasks is done.
    pub(crate) async fn until_done(&self, tasks: usize) -> Result<(), Trouble> {
        let what = format!("{} tasks to be done", thousands(tasks));
        self.ledger.until(&what, |facts| facts.done.len() >= tasks).await
    }

    /// Waits until the queue is empty: nothing waits, and nobody holds anything.
    pub(crate) async fn until_drained(&self) -> Result<(), Trouble> {
        let mut progress = self.ledger.progress();
        // In one command: between two, a message could move from the list to a worker unseen.
        while self.redis.ask::<u64>(&["EXISTS", keys::DEFAULT_QUEUE, keys::UNACKED]).await? > 0 {
            progress.check("the queue to be empty").await?;
        }
        Ok(())
    }

    /// Sends back what was put aside because its workers fell silent; how many.
    pub(crate) async fn send_back(&self) -> Result<usize, Trouble> {
        let broker = Broker::new(&self.redis.url())?;
        let mut sent_back = 0;
        for letter in DeadLetter::newest(&broker, keys::DEFAULT_QUEUE, 10_000).await? {
            let again = letter.reason.contains("its worker fell silent");
            sent_back += usize::from(again && letter.send_back(&broker).await.unwrap_or(false));
        }
        Ok(sent_back)
    }

    /// Waits for the end, and counts: lost, twice, left behind. `limit` is how many may have started
    /// twice. Returns how many ran though they were refused.
    pub(crate) async fn reckon(
        mut self,
        sent: &Sent,
        limit: usize,
        expected: Expected,
        report: &mut Report,
    ) -> Result<usize, Trouble> {
        self.until_drained().await?;
        let unwell = self.crew.leave().await?;
        report.must(unwell == 0, format!("every worker ends well when told to: {unwell} did not"));
        let lost = self.ledger.facts(|facts| facts.lost(&sent.accepted))?;
        report.at_most(lost.len(), "lost", 0);
        report.names.extend(lost.iter().map(|id| format!("lost {id}")));
        let twice = self.ledger.facts(|facts| facts.twice())?;
        report.at_most(twice.len(), "started twice", limit);
        // Whoever put it back may have fallen before it could say so; who runs it says it again.
        let unnamed = self.ledger.facts(Facts::unnamed)?;
        let named = format!("a worker names each duplicate, and not only: {}", unnamed.join("; "));
        report.must(unnamed.is_empty(), named);
        report.names.extend(twice.iter().map(|id| format!("twice {id}")));
        if limit == 0 {
            // Where no worker falls, nothing waits until a lease runs out, and no worker says so.
            let restored: Vec<String> =
                self.ledger.facts(|facts| facts.restored.iter().cloned().collect())?;
            report.must(restored.is_empty(), format!("no lease runs out: {} did", restored.len()));
            report.names.extend(restored.iter().map(|id| format!("restored or called lost {id}")));
            report.suspects.extend(restored);
        }
        for complaint in audit(&self.redis, expected).await? {
            report.must(false, format!("Redis is clean: {complaint}"));
        }
        let ran: HashSet<String> = self.ledger.facts(Facts::ran)?;
        let ghosts: Vec<&Refused> =
            sent.refused.iter().filter(|task| ran.contains(&task.id)).collect();
        let named = |task: &&Refused| format!("run though refused {}: {}", task.id, task.error);
        report.names.extend(ghosts.iter().map(named));
        report.suspects.extend([lost, twice].concat());
        Ok(ghosts.len())
    }
}

/// A time in the form of a counted line.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}
