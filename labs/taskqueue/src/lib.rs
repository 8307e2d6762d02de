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
//! What is promised: with late acknowledgement a task is run at least once, whoever dies, as long
//! as Redis keeps its data. What is not: that it is run only once.
//! The queue knows no terminal: it reports [`Event`]s, and others have the words.

mod breaker;
mod broker;
mod connection;
mod dead_letter;
mod error;
mod event;
mod idempotency;
mod json;
pub mod keys;
mod message;
mod producer;
mod repr;
mod result_backend;
mod retry;
mod signature;
mod task;
mod task_error;
mod time;
mod worker;

pub use breaker::Breaker;
pub use broker::Broker;
pub use dead_letter::{DeadLetter, SendBackError};
pub use error::{BrokerError, InvalidQueue, ResultError};
pub use event::{Event, Observer};
pub use idempotency::IdempotencyKey;
pub use message::{Body, Embed, Headers, MAX_SIZE, Message, MessageError, Properties, is_safe_id};
pub use result_backend::{AsyncResult, State, TaskMeta};
pub use retry::{Jitter, RetryPolicy, Verdict};
pub use signature::Signature;
pub use task::{Registry, Request, Task};
pub use task_error::TaskError;
pub use worker::{Stop, Summary, Worker, WorkerOptions};
