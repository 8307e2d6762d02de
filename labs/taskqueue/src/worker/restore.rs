//! Puts messages back into their queues: tasks whose ETA has come, and what a dead worker left.
//!
//! Every worker of ours does this for all. It looks for due tasks when the next one is due, at
//! least every second, and for dead workers every quarter of a lease, page by page until there is
//! no more. A message of a Celery worker is taken for abandoned only after its own, longer
//! visibility timeout, because that worker gives no signs of life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::refusal::{Refusal, refuse};
use crate::broker::{Delivery, Overdue, OverduePage};
use crate::connection::Clock;
use crate::error::BrokerError;
use crate::event::Event;
use crate::keys;
use crate::message::Message;

const PAGE: usize = 100;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(shared: Arc<Shared>) {
    let mut swept: Option<Instant> = None;
    while !shared.stop.warm.is_cancelled() {
        let pause = match put_back_due(&shared).await {
            Ok(next) => next.min(LOOK_AGAIN),
            Err(_) => LOOK_AGAIN,
        };
        if swept.is_none_or(|at| at.elapsed() >= shared.options.lease / 4) {
            // A failure is no news: whoever fetches meets the same outage and tells of it.
            let _ = put_back_abandoned(&shared).await;
            swept = Some(Instant::now());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.parked.notified() => {}
            () = shared.stop.warm.cancelled() => {}
        }
    }
}

/// Moves what is due to its queue; how long until the next one is.
async fn put_back_due(shared: &Shared) -> Result<Duration, BrokerError> {
    loop {
        let page = shared.broker.overdue(keys::UNACKED_ETA, Duration::ZERO, 0, PAGE).await?;
        for due in &page.found {
            put_back(shared, due, &page, None).await?;
        }
        if page.found.len() < PAGE {
            return Ok(page.next.unwrap_or(LOOK_AGAIN));
        }
    }
}

async fn put_back_abandoned(shared: &Shared) -> Result<(), BrokerError> {
    let lease = shared.options.lease;
    let mut skipped = 0;
    loop {
        let page = shared.broker.overdue(keys::UNACKED_INDEX, lease, skipped, PAGE).await?;
        for overdue in &page.found {
            if overdue.tag.starts_with(keys::LEASE) {
                put_back(shared, overdue, &page, Some(lease)).await?;
            } else if page.now - overdue.score >= shared.options.visibility_timeout.as_secs_f64() {
                put_back(shared, overdue, &page, Some(shared.options.visibility_timeout)).await?;
            } else {
                skipped += 1;
            }
        }
        if page.found.len() < PAGE {
            return Ok(());
        }
    }
}

/// `silent_for`: how old the last sign of life must be; none for a task that only waited for its ETA.
async fn put_back(
    shared: &Shared,
    overdue: &Overdue,
    page: &OverduePage,
    silent_for: Option<Duration>,
) -> Result<(), BrokerError> {
    let Some((raw, queue)) = overdue.message() else {
        return put_aside(shared, overdue, page).await;
    };
    let delivery = Delivery { tag: overdue.tag.clone(), queue: queue.clone(), raw };
    let clock = Clock::new(page.now, Instant::now());
    let mut message = match Message::decode(&delivery.raw) {
        Ok(message) => message,
        Err(error) => {
            refuse(shared, &delivery, Refusal::from(&error), clock).await;
            return Ok(());
        }
    };
    let list = keys::list(&queue, message.properties.priority);
    let Some(silent_for) = silent_for else {
        shared.broker.give_back(&overdue.tag, &list, &delivery.raw, None).await?;
        return Ok(());
    };
    if !message.redelivered() {
        // From now on it notes itself when it begins.
        message.count_delivery();
    }
    message.mark_redelivered();
    let marked = message.encode().unwrap_or_default();
    let latest = page.now - silent_for.as_secs_f64();
    if shared.broker.give_back(&overdue.tag, &list, marked.as_bytes(), Some(latest)).await? {
        let silent = Duration::from_secs_f64((page.now - overdue.score).max(0.0));
        (shared.observe)(Event::TaskRestored { id: message.headers.id, queue, silent });
    }
    Ok(())
}

/// An entry that holds no message is kept as it is.
async fn put_aside(
    shared: &Shared,
    overdue: &Overdue,
    page: &OverduePage,
) -> Result<(), BrokerError> {
    let reason = "the entry in unacked is not [message, exchange, queue]";
    let (tag, entry, queue) = (&overdue.tag, &overdue.entry, keys::DEFAULT_QUEUE);
    if shared.broker.bury(tag, queue, entry, reason, page.now).await? {
        let (queue, reason) = (queue.to_owned(), reason.to_owned());
        (shared.observe)(Event::TaskRejected { id: None, queue, reason });
    }
    Ok(())
}
