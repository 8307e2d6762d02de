//! The channels of results, heard on one connection, however many wait.
//!
//! Whoever waits names a channel; a task of its own keeps the connection, and lives as long as
//! anybody waits. To Redis: `SUBSCRIBE` for the first who waits on a channel, `UNSUBSCRIBE` after
//! the last. News is only that something may have changed: whoever hears it reads the key. It also
//! comes when a channel has just been subscribed to, at first and after each lost connection, so
//! that nothing falls between.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, RedisError, RedisResult};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Before a broken channel is opened again.
const RECONNECT: Duration = Duration::from_millis(500);
/// How many channels one command names at most.
const BATCH: usize = 1024;

/// Who waits for what; shared by all who wait and by the task that listens.
pub(crate) struct Subscriptions {
    client: Client,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    channels: HashMap<String, Channel>,
    /// The names of channels that were joined or left; none while nobody listens.
    changes: Option<mpsc::UnboundedSender<String>>,
}

struct Channel {
    waiting: usize,
    news: watch::Sender<()>,
}

/// One who waits on a channel, until it is dropped.
pub(crate) struct Waiter {
    subscriptions: Arc<Subscriptions>,
    channel: String,
    news: watch::Receiver<()>,
}

impl Subscriptions {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { client, waiting: Mutex::default() })
    }

    /// Waits on `channel` from now on.
    pub(crate) fn join(self: &Arc<Self>, channel: String) -> Waiter {
        let mut waiting = self.lock();
        let new = || Channel { waiting: 0, news: watch::Sender::new(()) };
        let joined = waiting.channels.entry(channel.clone()).or_insert_with(new);
        joined.waiting += 1;
        let news = joined.news.subscribe();
        if joined.waiting == 1 {
            self.tell_listener(&mut waiting, &channel);
        } else {
            // It may be subscribed to already, and then nobody says so again.
            joined.news.send_replace(());
        }
        Waiter { subscriptions: Arc::clone(self), channel, news }
    }

    /// Starts a listener where there is none, or no longer: it ends with the runtime that it was started in.
    fn tell_listener(self: &Arc<Self>, waiting: &mut Waiting, channel: &str) {
        let told = waiting
            .changes
            .as_ref()
            .is_some_and(|changes| changes.send(channel.to_owned()).is_ok());
        if !told {
            let (changes, changed) = mpsc::unbounded_channel();
            waiting.changes = Some(changes);
            tokio::spawn(listen(Arc::clone(self), changed));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> Vec<String> {
        self.lock().channels.keys().cloned().collect()
    }

    /// Whether nobody waits any more; then the listener ends, and the next one who joins starts another.
    fn is_over(&self) -> bool {
        let mut waiting = self.lock();
        let over = waiting.channels.is_empty();
        if over {
            waiting.changes = None;
        }
        over
    }

    fn tell(&self, channels: &[String]) {
        let waiting = self.lock();
        for channel in channels.iter().filter_map(|channel| waiting.channels.get(channel)) {
            channel.news.send_replace(());
        }
    }

    async fn connect(&self) -> RedisResult<(PubSubSink, PubSubStream)> {
        let connecting = timeout(CONNECT_TIMEOUT, self.client.get_async_pubsub());
        Ok(connecting.await.map_err(|_| silent())??.split())
    }
}

impl Waiter {
    /// Returns when there is news, or when `longest` has passed.
    pub(crate) async fn news(&mut self, longest: Duration) {
        if timeout(longest, self.news.changed()).await.is_err() {
            let mut waiting = self.subscriptions.lock();
            if waiting.changes.as_ref().is_none_or(mpsc::UnboundedSender::is_closed) {
                self.subscriptions.tell_listener(&mut waiting, &self.channel);
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.subscriptions.lock();
        let Some(left) = waiting.channels.get_mut(&self.channel) else { return };
        left.waiting -= 1;
        if left.waiting == 0 {
            waiting.channels.remove(&self.channel);
            // Where nobody listens there is nothing to leave.
            waiting.changes.as_ref().map(|changes| changes.send(std::mem::take(&mut self.channel)));
        }
    }
}

/// Listens for all, on a new connection whenever the last one is lost, until nobody waits.
async fn listen(subscriptions: Arc<Subscriptions>, mut changed: mpsc::UnboundedReceiver<String>) {
    while !subscriptions.is_over() {
        // Why it failed is no news: whoever waits reads the key, and meets the same trouble.
        if hear(&subscriptions, &mut changed).await.is_err() {
            sleep(RECONNECT).await;
        }
    }
}

/// Ok when nobody waits any more.
async fn hear(
    subscriptions: &Subscriptions,
    changed: &mut mpsc::UnboundedReceiver<String>,
) -> RedisResult<()> {
    let (mut sink, mut messages) = subscriptions.connect().await?;
    let mut heard = HashSet::new();
    let mut changes = subscriptions.wanted();
    loop {
        follow(subscriptions, &mut sink, &mut heard, &changes).await?;
        changes.clear();
        if subscriptions.is_over() {
            return Ok(());
        }
        tokio::select! {
            _ = changed.recv_many(&mut changes, BATCH) => {}
            message = messages.next() => {
                let message = message.ok_or_else(silent)?;
                subscriptions.tell(&[message.get_channel_name().to_owned()]);
            }
        }
    }
}

/// Subscribes to the channels among `changes` that are waited on, and leaves the others.
async fn follow(
    subscriptions: &Subscriptions,
    sink: &mut PubSubSink,
    heard: &mut HashSet<String>,
    changes: &[String],
) -> RedisResult<()> {
    let (mut joined, mut left) = (HashSet::new(), HashSet::new());
    {
        let waiting = subscriptions.lock();
        for channel in changes {
            match (waiting.channels.contains_key(channel), heard.contains(channel)) {
                (true, false) => joined.insert(channel.clone()),
                (false, true) => left.insert(channel.clone()),
                _ => false,
            };
        }
    }
    let (joined, left): (Vec<_>, Vec<_>) =
        (joined.into_iter().collect(), left.into_iter().collect());
    for channels in joined.chunks(BATCH) {
        let subscribing = timeout(ANSWER_TIMEOUT, sink.subscribe(channels));
        subscribing.await.map_err(|_| silent())??;
        heard.extend(channels.iter().cloned());
        subscriptions.tell(channels);
    }
    for channels in left.chunks(BATCH) {
        let leaving = timeout(ANSWER_TIMEOUT, sink.unsubscribe(channels));
        leaving.await.map_err(|_| silent())??;
        heard.retain(|channel| !channels.contains(channel));
    }
    Ok(())
}

fn silent() -> RedisError {
    (redis::ErrorKind::Io, "no answer in time").into()
}
