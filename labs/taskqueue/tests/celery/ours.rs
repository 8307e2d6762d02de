//! Our end: a worker with the tasks of `tasks.py`, and a client that waits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use taskqueue::{
    AsyncResult, Broker, Event, Registry, ResultError, ScheduleEntry, Signature, Stop, Summary,
    Task, TaskError, Worker, WorkerOptions,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::support::lab::PATIENCE;

/// The same as in `tasks.py`; who tells on itself says "ours".
fn registry() -> Registry {
    Registry::new([
        Task::new("tasks.add", ["x", "y"], |_, (x, y): (i64, i64)| async move { Ok(x + y) }),
        Task::new("tasks.echo", ["value"], |_, (value,): (Value,)| async move { Ok(value) }),
        Task::new("tasks.total", ["numbers"], |_, (numbers,): (Vec<i64>,)| async move {
            Ok(numbers.iter().sum::<i64>())
        }),
        Task::new("tasks.who", [], |_, ()| async { Ok("ours") }),
        Task::new("tasks.now", [], |_, ()| async {
            Ok(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
        }),
        Task::new("tasks.sleep", ["seconds"], |_, (seconds,): (f64,)| async move {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            Ok("ours")
        })
        .acks_late(true),
        Task::new("tasks.fail", ["message"], |_, (message,): (String,)| async move {
            Err::<(), _>(TaskError::new("ValueError", message))
        }),
        Task::new("tasks.fail_with_custom", [], |_, ()| async {
            let arguments = vec!["brie".into(), 3.into()];
            Err::<(), _>(TaskError::raised("trouble", "OutOfCheese", arguments))
        }),
        Task::new("tasks.fail_as_rust_does", [], |_, ()| async {
            let class =
                TaskError::in_module("feedback.tasks", "MailServerAway", "connection refused");
            Err::<(), _>(class)
        }),
        Task::new("tasks.flaky", ["failures", "countdown"], |request, arguments| async move {
            let (failures, countdown): (u32, f64) = arguments;
            if request.retries < failures {
                let countdown = Duration::from_secs_f64(countdown);
                return Err(TaskError::new("ValueError", "not yet").retry(Some(countdown)));
            }
            Ok(json!({"by": "ours", "retries": request.retries}))
        }),
    ])
    .with(typed())
}

/// Tasks that want what JSON has no word for.
fn typed() -> [Task; 3] {
    [
        Task::new(
            "tasks.texts",
            ["values"],
            |_, (values,): (Vec<String>,)| async move { Ok(values) },
        ),
        Task::new("tasks.octets", ["bytes"], |_, (bytes,): (Vec<u8>,)| async move { Ok(bytes) }),
        Task::new("tasks.half", ["number"], |_, (number,): (f64,)| async move { Ok(number / 2.0) }),
    ]
}

/// A worker of ours that runs.
pub(crate) struct OurWorker {
    runtime: Runtime,
    working: JoinHandle<Summary>,
    stop: Stop,
    events: Receiver<Event>,
}

impl OurWorker {
    pub(crate) fn start(url: &str, options: WorkerOptions) -> Self {
        Self::start_beat(url, options, None)
    }

    /// The same with beat beside it.
    pub(crate) fn start_beat(
        url: &str,
        options: WorkerOptions,
        schedule: impl IntoIterator<Item = ScheduleEntry>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (sender, events) = channel();
        let observe = Arc::new(move |event| drop(sender.send(event)));
        let broker = Arc::new(Broker::new(url).unwrap());
        let worker = Worker::new(broker, registry(), options, observe).unwrap();
        let worker = worker.beat_schedule(schedule);
        let stop = Stop::new();
        let told = stop.clone();
        let working = runtime.spawn(async move { worker.run(told).await.unwrap() });
        Self { runtime, working, stop, events }
    }

    /// Waits until an event answers `wanted`.
    pub(crate) fn until<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("the event never came");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    pub(crate) fn until_started(&self) {
        self.until(|event| matches!(event, Event::TaskStarted { .. }).then_some(()));
    }

    /// Finishes what runs and stops.
    pub(crate) fn finish(self) -> Summary {
        self.stop.warm();
        self.runtime.block_on(self.working).unwrap()
    }

    /// Gives back what runs, and stops.
    pub(crate) fn stop_at_once(self) {
        self.stop.cold();
        self.runtime.block_on(self.working).unwrap();
    }

    /// Dies without a word, as by SIGKILL: nothing is settled, no lease is renewed.
    pub(crate) fn die(self) {
        self.runtime.shutdown_background();
    }
}

pub(crate) fn options() -> WorkerOptions {
    WorkerOptions {
        hostname: "celery@ours".into(),
        concurrency: 4,
        track_started: true,
        ..WorkerOptions::default()
    }
}

/// A client of ours that waits for each answer.
pub(crate) struct OurClient {
    runtime: Runtime,
    broker: Arc<Broker>,
}

impl OurClient {
    pub(crate) fn of(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, broker: Arc::new(Broker::new(url).unwrap()) }
    }

    pub(crate) fn send(&self, signature: &Signature) -> AsyncResult {
        self.runtime.block_on(signature.delay(&self.broker)).unwrap()
    }

    /// A name that nobody else uses.
    pub(crate) fn name(&self) -> String {
        format!("gate:{}", Signature::new("").message().unwrap().headers.id)
    }

    pub(crate) fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Sends it, and waits for what it returns.
    pub(crate) fn call(&self, signature: &Signature) -> Result<Value, ResultError> {
        let result = self.send(signature);
        self.wait_for(result.get(PATIENCE))
    }
}
