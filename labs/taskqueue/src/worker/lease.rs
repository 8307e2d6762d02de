//! The leases of what this worker holds, and the thread that renews them.
//!
//! A thread of its own, with a connection of its own: a task that keeps every thread of the
//! runtime busy must not make its worker look dead. Every quarter of a lease it gives Redis one
//! sign of life for all tags (`renew.lua`). While Redis does not answer it tries again; a lease
//! that ran out meanwhile is another worker's to take.

use std::collections::HashSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Client, RedisResult, Script};
use uuid::Uuid;

use crate::keys;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

type Tags = Arc<Mutex<HashSet<String>>>;

pub(super) struct Leases {
    tags: Tags,
    /// The thread ends when this is dropped.
    _alive: mpsc::Sender<()>,
}

impl Leases {
    pub(super) fn keep(client: Client, lease: Duration) -> Self {
        let tags = Tags::default();
        let (alive, ended) = mpsc::channel();
        let held = Arc::clone(&tags);
        std::thread::spawn(move || renew_until(&ended, &client, lease, &held));
        Self { tags, _alive: alive }
    }

    /// Renews `tag` from now on, until the lease that is returned is dropped.
    pub(super) fn hold(&self, tag: &str) -> Lease {
        lock(&self.tags).insert(tag.to_owned());
        Lease { tags: Arc::clone(&self.tags), tag: tag.to_owned() }
    }
}

/// Keeps one message ours. However its task ends, a panic of ours included, it is let go.
pub(super) struct Lease {
    tags: Tags,
    pub(super) tag: String,
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.tags).remove(&self.tag);
    }
}

fn lock(tags: &Tags) -> MutexGuard<'_, HashSet<String>> {
    tags.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tags name their holder, `lease:celery@host:1f3a9c20:`, and then count. The part in the middle is
/// new in every process, so that no tag is used twice.
pub(super) fn tag_prefix(hostname: &str) -> String {
    let process = Uuid::new_v4().simple().to_string();
    format!("{}{}:", keys::tags_of(hostname), &process[..12])
}

fn renew_until(ended: &mpsc::Receiver<()>, client: &Client, lease: Duration, tags: &Tags) {
    let script = Script::new(include_str!("../broker/renew.lua"));
    let (normal, soon) = (lease / 4, lease / 16);
    let mut connection = None;
    let mut pause = normal;
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let held: Vec<String> = lock(tags).iter().cloned().collect();
        let renewed = held.is_empty() || renew(&mut connection, client, &script, &held).is_ok();
        if !renewed {
            connection = None;
        }
        pause = if renewed { normal } else { soon };
    }
}

fn renew(
    connection: &mut Option<redis::Connection>,
    client: &Client,
    script: &Script,
    tags: &[String],
) -> RedisResult<()> {
    let redis = match connection {
        Some(redis) => redis,
        None => connection.insert(client.get_connection_with_timeout(CONNECT_TIMEOUT)?),
    };
    redis.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    redis.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    script.key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA).arg(tags).invoke(redis)
}
