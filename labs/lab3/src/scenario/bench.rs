//! The bench that the scenarios play on: a narrator, a broker, and a worker in this process.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use taskqueue::{
    AsyncResult, Broker, BrokerUrl, Registry, Signature, Stop, Summary, Task, Worker, WorkerOptions,
};
use tokio::task::JoinHandle;

use super::Otherwise;
use super::attempts::Attempts;
use crate::narration::{Narrator, Told, Word};
use crate::settings::Exit;

/// What all scenarios have in common.
pub struct Bench {
    /// Who tells it.
    pub narrator: Narrator,
    /// Where the queue is.
    pub url: BrokerUrl,
    /// How many callers `backoff` calculates with.
    pub herd: usize,
    /// The chance in that calculation.
    pub seed: u64,
}

/// A worker at work, and what it was seen doing.
pub(super) struct Hired {
    pub(super) attempts: Attempts,
    stop: Stop,
    working: JoinHandle<Result<Summary, taskqueue::BrokerError>>,
}

impl Bench {
    /// A duration of the lab, in seconds, on the wall.
    pub(super) fn real(&self, seconds: f64) -> Duration {
        self.narrator.clock.real(Duration::from_secs_f64(seconds))
    }

    /// A client's side of the queue.
    pub(super) fn queue(&self) -> Result<Arc<Broker>, Exit> {
        Ok(Arc::new(Broker::at(self.url.clone())?))
    }

    /// Sends a mail's task under this id.
    pub(super) async fn send(
        &self,
        queue: &Arc<Broker>,
        task: &Signature,
        id: &str,
    ) -> Result<AsyncResult, Exit> {
        Ok(task.clone().task_id(id).delay(queue).await?)
    }

    /// A worker with one slot that runs `tasks`; `told` is asked to tell what it does.
    pub(super) async fn hire(
        &self,
        queue: &Arc<Broker>,
        told: Told,
        tasks: impl IntoIterator<Item = Task>,
    ) -> Result<Hired, Exit> {
        let attempts = Attempts::from_now(self.narrator.clock);
        let (seen, tell) = (attempts.clone(), told.observer());
        let observe = Arc::new(move |event| {
            seen.event(&event);
            tell(event);
        });
        let options = WorkerOptions { concurrency: 1, ..WorkerOptions::default() };
        let worker = Worker::new(Arc::clone(queue), Registry::new(tasks), options, observe)?;
        let stop = Stop::new();
        let working = tokio::spawn(worker.run(stop.clone()));
        told.ready().await;
        Ok(Hired { attempts, stop, working })
    }

    /// The verdict, if it is the one that was promised.
    pub(super) fn verdict(
        &self,
        scenario: &'static str,
        expected: impl Display,
        measured: impl Display,
    ) -> Result<(), Exit> {
        let (expected, measured) = (expected.to_string(), measured.to_string());
        if expected != measured {
            return Err(Otherwise { scenario, expected, measured }.into());
        }
        self.narrator.tell(Word::Good("verdict"), format!("{scenario}: {measured}"));
        Ok(())
    }
}

impl Hired {
    /// Lets it finish, and draws what it did.
    pub(super) async fn leave(self, bench: &Bench) -> Result<Attempts, Exit> {
        self.stop.warm();
        self.working.await??;
        bench.narrator.chart(&self.attempts.lanes());
        Ok(self.attempts)
    }
}
