//! A queue as it stands at one moment, for whoever watches it.
//!
//! One script reads all of it, a bounded part of each key: what it costs does not depend on how
//! much waits. It changes nothing, takes nothing, and shows no argument of a task.
//! Messages come from anyone who can reach Redis: one that can't be read still counts, and has no id.

use std::collections::HashMap;

use crate::broker::{Broker, Entries, Overdue};
use crate::dead_letter::DeadLetter;
use crate::error::BrokerError;
use crate::message::Message;
use crate::{keys, time};

/// How much of each list or set is looked at.
const MOST: usize = 20;
/// Bytes of the longest message that is looked into.
const LONGEST: usize = 64 * 1024;

/// What stood in Redis at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Redis' time, in seconds since 1970.
    pub now: f64,
    /// The queue's lists and how long each is, the most urgent first.
    pub lists: Vec<(String, u64)>,
    /// The next messages to be taken, at most 20, the very next first.
    pub next: Vec<Glimpse>,
    /// The message that was sent last, as it stands in the list.
    pub newest: Vec<u8>,
    /// For each message that was asked about: whether it was seen to wait, among the 2,000 at either end.
    pub asked_wait: [bool; 2],
    /// How many messages workers hold, the parked ones included.
    pub unacked: u64,
    /// Some of those that are not parked, the longest without a sign of life first.
    pub held: Vec<Held>,
    /// How many wait in Redis for their ETA.
    pub parked: u64,
    /// The next of them to be due, at most 20; `score` is the ETA.
    pub parked_next: Vec<Held>,
    /// How many were put aside.
    pub dead: u64,
    /// The newest of them, at most 20.
    pub dead_newest: Vec<DeadLetter>,
}

/// What a message says of itself without being opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glimpse {
    /// The task's id; none where the message can't be read.
    pub id: Option<String>,
    /// The task's name.
    pub task: String,
    /// How often it was tried before.
    pub retries: u32,
    /// Not before this time, in seconds since 1970.
    pub eta: Option<f64>,
    /// Whether it was handed out before and came back.
    pub redelivered: bool,
    /// When it was written to its list, in Redis' time: known of our own senders' for two seconds.
    pub published: Option<f64>,
}

/// A message that a worker holds, or that is parked.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What it is held under.
    pub tag: String,
    /// The worker, where it is one of ours: kombu's tags name nobody.
    pub hostname: Option<String>,
    /// The last sign of life, or the ETA of a parked one: Redis' time, in seconds since 1970.
    pub score: f64,
    /// What it says.
    pub message: Glimpse,
}

impl Snapshot {
    /// Messages in all the lists.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.lists.iter().map(|(_, length)| length).sum()
    }
}

impl Broker {
    /// Looks at `queue`, and whether the two messages `asked`, each once its newest, still wait; an
    /// empty one is not asked about.
    ///
    /// # Errors
    /// The broker can't be asked, or one of the queue's keys has another type.
    pub async fn snapshot(&self, queue: &str, asked: [&[u8]; 2]) -> Result<Snapshot, BrokerError> {
        let lists = keys::PRIORITY_STEPS.map(|step| keys::list(queue, step));
        let look = self.look(queue, &lists, (MOST, LONGEST), asked).await?;
        let sent = look.published;
        let glimpse = |raw: &[u8]| Glimpse::of(raw, &sent);
        let held = |entries: Entries| entries.into_iter().map(|entry| Held::of(entry, &sent));
        Ok(Snapshot {
            now: look.now,
            lists: lists.into_iter().zip(look.lengths).collect(),
            next: look.next.iter().map(|raw| glimpse(raw)).collect(),
            newest: look.newest,
            asked_wait: look.asked_wait,
            unacked: look.unacked,
            held: held(look.held).collect(),
            parked: look.parked,
            parked_next: held(look.parked_next).collect(),
            dead: look.dead,
            dead_newest: look
                .letters
                .into_iter()
                .map(|entry| DeadLetter::read(queue, entry))
                .collect(),
        })
    }
}

impl Glimpse {
    fn of(raw: &[u8], published: &HashMap<String, f64>) -> Self {
        let Ok(message) = Message::decode(raw) else { return Self::default() };
        Self {
            published: published.get(&message.properties.delivery_tag()).copied(),
            redelivered: message.redelivered(),
            eta: message.eta().ok().flatten().map(time::seconds),
            retries: message.headers.retries,
            task: message.headers.task,
            id: Some(message.headers.id),
        }
    }
}

impl Held {
    fn of((tag, score, entry): (String, f64, Vec<u8>), published: &HashMap<String, f64>) -> Self {
        let overdue = Overdue { tag, score, entry };
        let message = overdue.message().map(|(raw, _)| Glimpse::of(&raw, published));
        Self {
            hostname: keys::holder(&overdue.tag).map(str::to_owned),
            message: message.unwrap_or_default(),
            tag: overdue.tag,
            score,
        }
    }
}
