//! A worker under observation: its events can be waited for, its Redis looked into.

use std::sync::Arc;
use std::time::Duration;

use redis::FromRedisValue;
use taskqueue::{
    AsyncResult, Broker, Event, Registry, ScheduleEntry, Signature, Stop, Summary, Task, TaskError,
    Worker, WorkerOptions,
};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Lab {
    pub(crate) broker: Arc<Broker>,
    redis: redis::aio::MultiplexedConnection,
    /// Lets one waiting `lab.hold` end.
    pub(crate) gate: Arc<Notify>,
}

pub(crate) struct Running {
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    pub(crate) stop: Stop,
    worker: JoinHandle<Summary>,
    /// Its own, so that it can die as a process dies: all of it at once.
    runtime: Runtime,
}

impl Lab {
    pub(crate) async fn at(url: &str) -> Self {
        let mut lab = Self::looking_at(url).await;
        lab.ask::<()>("FLUSHALL").await;
        lab
    }

    /// Sends a command written as in redis-cli; no argument has a space.
    pub(crate) async fn ask<T: FromRedisValue>(&mut self, line: &str) -> T {
        self.send(&line.split(' ').collect::<Vec<_>>()).await
    }

    pub(crate) async fn send<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.redis).await.unwrap()
    }

    /// `lab.add` adds, `lab.hold` runs until the gate opens, `lab.fail` raises, `lab.flaky` asks for one retry,
    /// `lab.panic` panics.
    fn registry(&self) -> Registry {
        let gate = Arc::clone(&self.gate);
        Registry::new([
            Task::new("lab.add", ["x", "y"], |_, (x, y): (i64, i64)| async move { Ok(x + y) }),
            Task::new("lab.hold", [], move |_, ()| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.notified().await;
                    Ok("held")
                }
            }),
            Task::new("lab.fail", ["message"], |_, (message,): (String,)| async move {
                Err::<(), _>(TaskError::new("ValueError", message))
            }),
            Task::new("lab.flaky", [], |request, ()| async move {
                let again = TaskError::new("ValueError", "again");
                let soon = Some(Duration::from_millis(20));
                if request.retries == 0 { Err(again.retry(soon)) } else { Ok(request.retries) }
            }),
            Task::new("lab.panic", [], |_, ()| async {
                if true { panic!("out of cheese") } else { Ok(()) }
            }),
        ])
    }

    /// The same without emptying the Redis first.
    pub(crate) async fn looking_at(url: &str) -> Self {
        // The redis crate's own limits, half a second for an answer, are too short on a busy machine.
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let client = redis::Client::open(url).unwrap();
        let redis = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        Self { broker: Arc::new(Broker::new(url).unwrap()), redis, gate: Arc::default() }
    }

    /// When the holder of the only message in `unacked` was last heard of.
    pub(crate) async fn sign_of_life(&mut self) -> f64 {
        self.ask::<(String, f64)>("ZRANGE unacked_index 0 0 WITHSCORES").await.1
    }

    /// LLEN, HLEN or ZCARD of a key.
    pub(crate) async fn count(&self, command: &str, key: &str) -> i64 {
        redis::cmd(command).arg(key).query_async(&mut self.redis.clone()).await.unwrap()
    }

    pub(crate) fn start(&self, options: WorkerOptions) -> Running {
        self.start_with(options, self.registry())
    }

    /// The same with other tasks than the lab's own.
    pub(crate) fn start_with(&self, options: WorkerOptions, registry: Registry) -> Running {
        self.start_worker(options, registry, Vec::new())
    }

    /// The same with beat beside it.
    pub(crate) fn start_beat(
        &self,
        options: WorkerOptions,
        schedule: Vec<ScheduleEntry>,
    ) -> Running {
        self.start_worker(options, self.registry(), schedule)
    }

    fn start_worker(
        &self,
        options: WorkerOptions,
        registry: Registry,
        schedule: Vec<ScheduleEntry>,
    ) -> Running {
        let (sender, events) = mpsc::unbounded_channel();
        let observe = Arc::new(move |event| drop(sender.send(event)));
        let worker = Worker::new(Arc::clone(&self.broker), registry, options, observe).unwrap();
        let worker = worker.beat_schedule(schedule);
        let stop = Stop::new();
        let told = stop.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let worker = runtime.spawn(async move { worker.run(told).await.unwrap() });
        Running { events, stop, worker, runtime }
    }

    pub(crate) async fn send_task(&self, signature: Signature) -> AsyncResult {
        signature.delay(&self.broker).await.unwrap()
    }
}

impl Running {
    /// Waits until an event answers `wanted`.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event =
                    self.events.recv().await.expect("the worker ended before the event came");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("the event never came")
    }

    pub(crate) async fn until_started(&mut self) -> bool {
        self.until(|event| match event {
            Event::TaskStarted { acknowledged, .. } => Some(*acknowledged),
            _ => None,
        })
        .await
    }

    pub(crate) async fn until_rejected(&mut self) -> String {
        self.until(|event| match event {
            Event::TaskRejected { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn finish(self) -> Summary {
        self.stop.warm();
        self.ended().await
    }

    pub(crate) async fn ended(self) -> Summary {
        let summary =
            timeout(PATIENCE, self.worker).await.expect("the worker does not stop").unwrap();
        self.runtime.shutdown_background();
        summary
    }

    /// Dies without a word, as by SIGKILL: nothing is settled, no lease is renewed.
    pub(crate) async fn die(self) {
        self.runtime.shutdown_background();
        assert!(self.worker.await.unwrap_err().is_cancelled());
    }
}

pub(crate) fn options() -> WorkerOptions {
    WorkerOptions { hostname: "celery@test".into(), concurrency: 4, ..WorkerOptions::default() }
}

pub(crate) fn late() -> WorkerOptions {
    WorkerOptions { acks_late: true, ..options() }
}

pub(crate) fn add(x: i64, y: i64) -> Signature {
    Signature::new("lab.add").arg(x).arg(y)
}
