//! A worker in a process of its own: this same program, started again with hidden options.
//!
//! Its tasks do nothing but note in the ledger that they began and that they are done. SIGTERM is
//! a warm stop. When its stdin ends, the program that started it is gone, and it ends at once.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use taskqueue::{
    Broker, Event, Registry, Request, RetryPolicy, Stop, Task, TaskError, Worker, WorkerOptions,
};

use crate::ledger::Pen;
use crate::trouble::Trouble;

/// `(milliseconds)`: works for so long.
pub(crate) const WORK: &str = "chaos.work";
/// `(milliseconds, countdown)`: fails at first, asks for another run after the countdown, then works.
pub(crate) const FLAKY: &str = "chaos.flaky";
/// `()`: ends the process that runs it.
pub(crate) const POISON: &str = "chaos.poison";

/// The file beside the ledger in which workers tell each step of each task, and their last words.
pub(crate) const DIARY: &str = "workers.log";

/// The hidden options of a worker process.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkerArguments {
    #[arg(long, hide = true, requires = "ledger")]
    worker_of: Option<String>,
    #[arg(long, hide = true)]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) orders: Orders,
}

/// How a worker of a row works.
#[derive(Debug, Clone, Args)]
pub(crate) struct Orders {
    #[arg(long, hide = true, default_value = "8")]
    pub(crate) slots: usize,
    #[arg(long, hide = true, default_value = "30000")]
    pub(crate) lease_ms: u64,
    #[arg(long, hide = true, default_value = "3600000")]
    pub(crate) visibility_ms: u64,
    /// Acknowledge before the run.
    #[arg(long, hide = true)]
    pub(crate) early: bool,
}

impl Default for Orders {
    fn default() -> Self {
        Self { slots: 8, lease_ms: 30_000, visibility_ms: 3_600_000, early: false }
    }
}

impl Orders {
    /// The same as arguments of the program.
    pub(crate) fn arguments(&self, url: &str, ledger: &str) -> Vec<String> {
        let Self { slots, lease_ms, visibility_ms, early } = self;
        let mut arguments: Vec<String> = ["--worker-of", url, "--ledger", ledger]
            .map(str::to_owned)
            .into_iter()
            .chain(["--slots".to_owned(), slots.to_string()])
            .chain(["--lease-ms".to_owned(), lease_ms.to_string()])
            .chain(["--visibility-ms".to_owned(), visibility_ms.to_string()])
            .collect();
        arguments.extend(early.then(|| "--early".to_owned()));
        arguments
    }
}

impl WorkerArguments {
    /// What this process was started for, if it is a worker.
    pub(crate) fn work(self) -> Option<impl Future<Output = Result<(), Trouble>>> {
        let (url, ledger) = (self.worker_of?, self.ledger?);
        Some(work(url, ledger, self.orders))
    }
}

async fn work(url: String, ledger: PathBuf, orders: Orders) -> Result<(), Trouble> {
    let pen = Arc::new(Pen::append_to(&ledger)?);
    let stop = Stop::new();
    stop_when_told(stop.clone())?;
    end_with_stdin();
    let options = WorkerOptions {
        concurrency: orders.slots,
        acks_late: !orders.early,
        lease: Duration::from_millis(orders.lease_ms),
        visibility_timeout: Duration::from_millis(orders.visibility_ms),
        ..WorkerOptions::default()
    };
    let (broker, listener) = (Arc::new(Broker::new(&url)?), Arc::clone(&pen));
    let diary = Pen::append_to(&ledger.with_file_name(DIARY))?;
    let observe = Arc::new(move |event| {
        note(&listener, &event);
        tell(&diary, &event);
    });
    Worker::new(broker, registry(&pen), options, observe)?.run(stop).await?;
    Ok(())
}

fn registry(pen: &Arc<Pen>) -> Registry {
    let task_with = |run: fn(&Pen, &Request, u64) -> Result<(), TaskError>| {
        let pen = Arc::clone(pen);
        move |request: Arc<Request>, (millis, countdown): (u64, u64)| {
            let pen = Arc::clone(&pen);
            async move {
                pen.write("start", &request.id, request.retries, "");
                run(&pen, &request, countdown)?;
                tokio::time::sleep(Duration::from_millis(millis)).await;
                pen.write("done", &request.id, request.retries, "");
                Ok(())
            }
        }
    };
    let parameters = ["millis", "countdown"];
    let policy = RetryPolicy::default().autoretry_for(["Again"]);
    Registry::new([
        Task::new(WORK, parameters, task_with(|_, _, _| Ok(()))),
        Task::new(FLAKY, parameters, task_with(fail_at_first)).retry(policy),
        Task::new(POISON, parameters, task_with(|_, _, _| std::process::abort())),
    ])
}

fn fail_at_first(pen: &Pen, request: &Request, countdown: u64) -> Result<(), TaskError> {
    if request.retries > 0 {
        return Ok(());
    }
    pen.write("failed", &request.id, request.retries, "");
    let again = TaskError::new("Again", "as it was told");
    Err(again.retry(Some(Duration::from_millis(countdown))))
}

/// What only the worker itself can know, and what is counted.
fn note(pen: &Pen, event: &Event) {
    match event {
        Event::TaskStarted { request, .. } if request.redelivered => {
            pen.write("again", &request.id, request.retries, "handed out before");
        }
        Event::WorkerOnline => pen.write("online", "-", 0, ""),
        Event::WorkerOffline => pen.write("offline", "-", 0, ""),
        Event::TaskRestored { id, silent, .. } => {
            pen.write("restored", id, 0, &format!("silent for {silent:?}"));
        }
        Event::LeaseLost { request } => {
            pen.write("restored", &request.id, request.retries, "lease lost");
        }
        Event::TaskRejected { reason, .. } => pen.write("aside", "-", 0, reason),
        Event::BrokerLost { reason } => pen.write("outage", "-", 0, reason),
        Event::BrokerBack { away } => pen.write("back", "-", 0, &format!("{away:?}")),
        _ => {}
    }
}

/// What is counted by nobody, and helps to understand a row that failed.
fn tell(diary: &Pen, event: &Event) {
    let (what, request) = match event {
        Event::TaskReceived { request } => ("received", request),
        Event::TaskParked { request, .. } => ("parked", request),
        Event::TaskStarted { request, .. } => ("started", request),
        Event::TaskSucceeded { request, .. } => ("succeeded", request),
        Event::TaskFailed { request, .. } => ("failed", request),
        Event::TaskRetried { request, .. } => ("retried", request),
        Event::TaskRevoked { request, .. } => ("revoked", request),
        Event::TaskGivenBack { request } => ("given-back", request),
        Event::TaskLost { request } => ("lost", request),
        Event::TaskUnsettled { request, .. } => ("unsettled", request),
        Event::TaskBlocks { request, .. } => ("blocks", request),
        _ => return,
    };
    diary.write(what, &request.id, request.retries, "");
}

/// Registered before anything else: a SIGTERM that comes early counts as well.
#[cfg(unix)]
fn stop_when_told(stop: Stop) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        terminate.recv().await;
        stop.warm();
    });
    Ok(())
}

#[cfg(not(unix))]
fn stop_when_told(stop: Stop) -> std::io::Result<()> {
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stop.warm();
    });
    Ok(())
}

fn end_with_stdin() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}
