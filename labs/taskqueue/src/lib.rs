//! A task queue that speaks Celery's protocol 2 over Redis.
//!
//! A client sends a [`Signature`]: the name of a task and its arguments. The message waits in a
//! Redis list. A [`Worker`] takes it, runs the [`Task`] of that name and stores the result, for
//! which an [`AsyncResult`] waits. Client and worker may each be replaced by their Python
//! counterpart: what stands in Redis is what Celery would have written.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use taskqueue::{Broker, Registry, Signature, Stop, Task, Worker, WorkerOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Arc::new(Broker::new("redis://127.0.0.1:6379/0")?);
//!
//! // A task: a name, the names of its parameters, and the code.
//! let add = Task::new("tasks.add", ["x", "y"], |_request, (x, y): (i64, i64)| async move { Ok(x + y) });
//!
//! // A worker that runs it, and tells what happens.
//! let told = Arc::new(|event| drop(event));
//! let worker = Worker::new(Arc::clone(&broker), Registry::new([add]), WorkerOptions::default(), told)?;
//! let stop = Stop::new();
//! let working = tokio::spawn(worker.run(stop.clone()));
//!
//! // A client that asks for it, and waits.
//! let result = Signature::new("tasks.add").arg(2).arg(3).delay(&broker).await?;
//! assert_eq!(result.get(Duration::from_secs(10)).await?, 5);
//!
//! stop.warm();
//! working.await??;
//! # Ok(())
//! # }
//! ```
//!
//! `celery inspect`, `celery control` and Flower find the worker as they find Celery's own.
//!
//! Whoever knows Celery finds here:
//!
//! | In Celery | Here |
//! |---|---|
//! | `app = Celery(broker="redis://…", backend="redis://…")` | [`Broker::new`] |
//! | `@app.task(acks_late=True, time_limit=60)` | [`Task::new`], [`Task::acks_late`], [`Task::time_limit`] |
//! | `autoretry_for`, `max_retries`, `retry_backoff` | [`RetryPolicy`] |
//! | `raise self.retry(countdown=10)` | [`TaskError::retry`] |
//! | `self.request.id`, `self.request.retries` | [`Request`] |
//! | `add.delay(2, 3)` | [`Signature::delay`] |
//! | `add.apply_async((2, 3), countdown=10, queue="low")` | [`Signature::countdown`], [`Signature::queue`] |
//! | `add.si(2, 3)`, `link=`, `link_error=`, `chain(…)` | [`Signature::immutable`], [`Signature::link`], [`Signature::link_error`], [`chain`] |
//! | `result.get(timeout=10)`, `result.state` | [`AsyncResult::get`], [`AsyncResult::state`] |
//! | `celery worker -c 4 -Q celery,low` | [`Worker`], [`WorkerOptions`] |
//!
//! What is promised: with late acknowledgement a task is run at least once, whoever dies, as long
//! as Redis keeps its data. What is not: that it is run only once.
//! The queue knows no terminal: it reports [`Event`]s, and others have the words.

mod announcement;
mod breaker;
mod broker;
mod broker_url;
mod canvas;
mod connection;
mod dead_letter;
mod error;
mod event;
mod event_receiver;
mod idempotency;
mod json;
pub mod keys;
mod lamport;
mod message;
mod producer;
mod rate_limit;
mod repr;
mod result_backend;
mod retry;
mod route;
mod schedule;
mod server;
mod signature;
mod snapshot;
mod tagged;
mod task;
mod task_error;
mod time;
mod transient;
mod worker;

pub use breaker::Breaker;
pub use broker::{Broker, Purpose};
pub use broker_url::{BrokerUrl, InvalidBrokerUrl};
pub use dead_letter::{DEAD_LETTERS_EXPIRE, DeadLetter, MAX_DEAD_LETTERS, SendBackError};
pub use error::{BrokerError, InvalidQueue, InvalidWorker, ResultError};
pub use event::{Event, Observer, Revocation};
pub use event_receiver::{EventReceiver, Heard, Sign, Step};
pub use idempotency::IdempotencyKey;
pub use message::{Body, Embed, Headers, MAX_SIZE, Message, MessageError, Properties, is_safe_id};
pub use rate_limit::{InvalidRateLimit, RateLimit};
pub use result_backend::{AsyncResult, ResultPage, State, TaskMeta};
pub use retry::{Jitter, RetryPolicy, Verdict};
pub use schedule::{InvalidCrontab, Schedule, ScheduleEntry};
pub use server::{Lack, Server, is_too_old};
pub use signature::{Signature, chain};
pub use snapshot::{Glimpse, Held, Snapshot};
pub use task::{Registry, Request, Task};
pub use task_error::TaskError;
pub use worker::{Stop, Summary, Worker, WorkerOptions};
