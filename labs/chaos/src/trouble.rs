//! What can keep a row from being played at all. That it is played and does not hold is no error but its verdict.

use std::io;
use std::time::Duration;

/// A row could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nothing to break.
    #[error("there is no redis-server on the PATH\n  next: install one: scripts/install-redis.sh")]
    NoRedis,
    /// It was started and does not answer.
    #[error("redis-server does not answer: {0}\n  next: start it by hand to see why")]
    Silent(String),
    /// Nothing happened for so long that something must be wrong with the queue.
    #[error(
        "stuck: for {} s nothing happened while waiting for {what}\n  \
         next: read the ledger, a line for each thing that a worker did",
        .waited.as_secs()
    )]
    Stuck { what: String, waited: Duration },
    /// The row needs something of the system.
    #[cfg(not(unix))]
    #[error("{0}\n  next: run it on Linux or macOS")]
    System(String),
    /// A process or a file.
    #[error("{0}\n  next: see that the temporary directory can be written, and run it again")]
    Io(#[from] io::Error),
    /// The program's own questions to Redis.
    #[error("Redis did not answer a question of this program: {0}\n  next: run it again")]
    Redis(#[from] redis::RedisError),
    /// The queue's own word.
    #[error(transparent)]
    Queue(#[from] taskqueue::BrokerError),
    /// What a worker process was started with.
    #[error(transparent)]
    Worker(#[from] taskqueue::InvalidWorker),
    /// A part of this program panicked.
    #[error("a part of this program came to a bad end: {0}\n  next: report it as a bug")]
    Join(#[from] tokio::task::JoinError),
}
