//! A task queue that speaks Celery's protocol 2 over Redis.

mod broker;
mod connection;
mod error;
mod event;
mod json;
pub mod keys;
mod message;
mod producer;
mod repr;
mod result_backend;
mod signature;
mod task;
mod time;
mod worker;

pub use broker::Broker;
pub use error::{BrokerError, ResultError};
pub use event::{Event, Observer};
pub use message::{Body, Embed, Headers, MAX_SIZE, Message, MessageError, Properties, is_safe_id};
pub use result_backend::{AsyncResult, State, TaskMeta};
pub use signature::Signature;
pub use task::{Registry, Request, Task, TaskError};
pub use worker::{Stop, Summary, Worker, WorkerOptions};
