//! Every Redis key that the queue touches: its type, who writes it, who reads it.
//!
//! | Key | Type | Written by | Read by |
//! |---|---|---|---|
//! | `<queue>`, `<queue>\x06\x163`, `…6`, `…9` | list | producer `LPUSH`, restore `RPUSH` | worker `RPOP` |
//! | `<queue>.dead` | list, the newest 10,000, for 7 days | worker: a message it can't run, with the reason | people |
//! | `unacked` | hash: tag → `[message, exchange, queue]` | worker at fetch | restore, ours and Celery's |
//! | `unacked_index` | sorted set: tag by time of the last sign of life | worker at fetch and renewal | restore, ours and Celery's |
//! | `unacked_eta` | sorted set: tag by ETA | worker: a task that may not start yet | any worker of ours |
//! | `unacked_published` | sorted set: delivery tag by time, for two seconds | producer | producer, when it sends again |
//! | `unacked_retried` | sorted set: delivery tag by time, for an hour | worker: what it sent after early acknowledgement, a retry or what follows a task | worker, when it sends again |
//! | `unacked_sent_once` | sorted set: task id by time, for a day, at most 100,000 | producer: what must not be sent twice | producer |
//! | `_kombu.binding.<queue>` | set | producer, worker | Celery: which queues an exchange feeds |
//! | `<id>.reply.celery.pidbox` | list, a minute at most | worker: answers of remote control | who asked |
//! | `/<db>.celeryev/<kind>` | channel | worker: its events | Flower, `celery events` |
//! | `/<db>.celery.pidbox` | channel | who gives orders by remote control | worker |
//! | `celery-task-meta-<id>` | string, a day | worker | whoever waits for the result; also a channel |
//! | `celerybeat-schedule` | hash: entry → its last time, and the id of the task that was sent then | worker with a schedule | the same; any number of them |
//! | `celery-taskset-meta-<gid>` | string, a day | sender of a group: the structure of its results | whoever waits for it |
//! | `celery-taskset-meta-<gid>.j` | sorted set: a chord's parts by their place in its header | workers: each member's end | the worker that sends the body |
//! | `….s`, `….t` | strings: how many parts there will be, and what is to be added to that | whoever sends the header | workers |
//! | `….d` | set: `<task id>:<place>` of the parts that were counted | workers | workers |
//! | `….c` | string: who sends the body, then `done` | the worker that sends the body | workers |
//! | `idempotency:<name>` | string, for as long as its task says | a task, once its deed is done | the same task, when it runs again |
//!
//! A [`Snapshot`](crate::Snapshot) reads a part of the lists and of what begins with `unacked`, and writes nothing.
//!
//! Names and separators are kombu's (`kombu.transport.redis`), but for `<queue>.dead`,
//! `unacked_eta`, `unacked_published`, `unacked_retried`, `unacked_sent_once`, `celerybeat-schedule` and `idempotency:`,
//! which are ours and which Celery never looks at.

/// The queue that Celery uses when none is named (`task_default_queue`).
pub const DEFAULT_QUEUE: &str = "celery";
/// Hash of the messages that a worker holds.
pub const UNACKED: &str = "unacked";
/// Sorted set of the same tags, by the time of their worker's last sign of life.
pub const UNACKED_INDEX: &str = "unacked_index";
/// Sorted set of the tags that wait for their ETA.
pub const UNACKED_ETA: &str = "unacked_eta";
/// Sorted set of what was published in the last two seconds.
pub const PUBLISHED: &str = "unacked_published";
/// Sorted set of the tasks that were sent [once](crate::Signature::once) in the last day, by their ids.
pub const SENT_ONCE: &str = "unacked_sent_once";
/// Sorted set of what was sent in the last hour at the end of tasks that were acknowledged early.
pub const RETRIED: &str = "unacked_retried";
/// Hash of a schedule's entries. Celery's beat has the same in a file of this name.
pub const BEAT_SCHEDULE: &str = "celerybeat-schedule";
/// How a tag of ours in `unacked` begins; kombu's tags are plain UUIDs.
pub const LEASE: &str = "lease:";
/// How the tags of the workers called `hostname` begin.
#[must_use]
pub fn tags_of(hostname: &str) -> String {
    format!("{LEASE}{hostname}:")
}

/// The worker that a tag of ours names: `lease:<hostname>:<process>:<number>`.
#[must_use]
pub fn holder(tag: &str) -> Option<&str> {
    let (hostname_and_process, _number) = tag.strip_prefix(LEASE)?.rsplit_once(':')?;
    Some(hostname_and_process.rsplit_once(':')?.0)
}

/// Between the parts of a kombu name: two control characters.
pub const SEPARATOR: &str = "\u{6}\u{16}";
/// kombu's `priority_steps`: one list for each, the first is served first.
pub const PRIORITY_STEPS: [u8; 4] = [0, 3, 6, 9];

/// kombu's exchange for worker events (`event_exchange`).
pub const EVENT_EXCHANGE: &str = "celeryev";
/// kombu's exchange for remote control (`control_exchange`).
pub const CONTROL_EXCHANGE: &str = "celery.pidbox";

/// The list of `queue` for messages of this `priority` (0, the most urgent, to 9 and above).
#[must_use]
pub fn list(queue: &str, priority: u8) -> String {
    let step = PRIORITY_STEPS.iter().rev().find(|step| **step <= priority).unwrap_or(&0);
    match step {
        0 => queue.to_owned(),
        step => format!("{queue}{SEPARATOR}{step}"),
    }
}

/// The list of what was put aside from `queue`.
#[must_use]
pub fn dead(queue: &str) -> String {
    format!("{queue}.dead")
}

/// The set in which kombu notes that the exchange named like the queue feeds it.
#[must_use]
pub fn binding(queue: &str) -> String {
    format!("_kombu.binding.{queue}")
}

/// The same, for bindings that Celery's sweep of old ones must leave alone.
#[must_use]
pub fn binding_permanent(queue: &str) -> String {
    format!("_kombu.binding_permanent.{queue}")
}

/// The member of those sets: routing key, pattern, queue.
#[must_use]
pub fn binding_member(queue: &str) -> String {
    member(queue, queue)
}

/// A member of a binding set: whoever sends with `routing_key` reaches `queue`.
#[must_use]
pub fn member(routing_key: &str, queue: &str) -> String {
    format!("{routing_key}{SEPARATOR}{SEPARATOR}{queue}")
}

/// The list on which somebody waits for answers of remote control.
#[must_use]
pub fn reply_queue(exchange: &str, routing_key: &str) -> String {
    format!("{routing_key}.{exchange}")
}

/// The channel of a fanout exchange in database `db`: channels know no databases.
#[must_use]
pub fn channel(db: u32, exchange: &str, routing_key: &str) -> String {
    match routing_key {
        "" => format!("/{db}.{exchange}"),
        key => format!("/{db}.{exchange}/{key}"),
    }
}

/// A task's result, and the channel on which it is announced.
#[must_use]
pub fn task_meta(id: &str) -> String {
    format!("celery-task-meta-{id}")
}

/// The structure of a group's results; its channel, too.
#[must_use]
pub fn group_meta(id: &str) -> String {
    format!("celery-taskset-meta-{id}")
}

/// What a chord counts with: its parts, which of them came, what is added, its size, and who sends the body.
#[must_use]
pub fn chord(id: &str) -> Chord {
    let key = |suffix| format!("celery-taskset-meta-{id}.{suffix}");
    Chord { parts: key("j"), counted: key("d"), added: key("t"), size: key("s"), claim: key("c") }
}

/// The keys of a chord.
#[derive(Debug, Clone)]
pub struct Chord {
    /// `.j`
    pub parts: String,
    /// `.d`
    pub counted: String,
    /// `.t`
    pub added: String,
    /// `.s`
    pub size: String,
    /// `.c`
    pub claim: String,
}

/// The task whose result stands under `key`.
#[must_use]
pub fn task_of(key: &str) -> Option<&str> {
    key.strip_prefix("celery-task-meta-")
}

/// The note that a task's deed is done.
#[must_use]
pub fn idempotency(name: &str) -> String {
    format!("idempotency:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_ours_names_its_holder_and_kombu_s_names_nobody() {
        let hostname = "celery@host:8000";
        let tag = format!("{}1f3a9c20:7", tags_of(hostname));
        assert_eq!(holder(&tag), Some(hostname));
        assert_eq!(holder("0e0e8f9e-2b2f-4e1d-9d2e-7b1f5d1c1a11"), None);
        assert_eq!(holder("lease:"), None);
    }

    #[test]
    fn a_priority_chooses_the_list_of_the_step_below_it() {
        let lists = [0, 2, 3, 5, 6, 9, 10].map(|priority| list("celery", priority));
        let three = "celery\u{6}\u{16}3";
        let [six, nine] = ["celery\u{6}\u{16}6", "celery\u{6}\u{16}9"];
        assert_eq!(lists, ["celery", "celery", three, three, six, nine, nine]);
    }
}
