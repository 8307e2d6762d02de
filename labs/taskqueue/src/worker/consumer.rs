//! Takes as many messages as there are free slots, never more, and starts each on its way.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{Shared, execution, lease, refusal};
use crate::broker::Fetched;

/// Takes messages and starts them until the warm stop; returns when all have ended.
pub(super) async fn consume(shared: &Arc<Shared>) {
    let running = TaskTracker::new();
    let prefix = lease::tag_prefix(&shared.options.hostname);
    let (mut number, mut turn) = (0, 0);
    while let Some(mut free) = shared.slots.take(&shared.stop).await {
        let mut queues = shared.queues.names();
        // Each queue has its turn at being first.
        let first = turn % queues.len().max(1);
        queues.rotate_left(first);
        turn += 1;
        let count = free.num_permits();
        let fetch = |again| shared.broker.fetch(&queues, &prefix, number, count, again);
        let Some(fetched) = shared.insist(&shared.stop.warm, fetch).await else { break };
        number += count as u64;
        let Fetched { clock, deliveries, unreadable } = fetched;
        for (queue, raw) in unreadable {
            let telling = refusal::tell_unreadable(Arc::clone(shared), queue, raw, clock);
            let over = shared.shutdown.over().clone();
            running.spawn(async move {
                over.run_until_cancelled(telling).await;
            });
        }
        let nothing = deliveries.is_empty();
        for delivery in deliveries {
            let lease = shared.leases.hold(&delivery.tag);
            let slot = free.split(1);
            let execution = execution::execute(Arc::clone(shared), delivery, lease, clock);
            let over = shared.shutdown.over().clone();
            running.spawn(async move {
                over.run_until_cancelled(execution).await;
                drop(slot);
            });
        }
        drop(free);
        if nothing {
            shared.queues.wait(&shared.stop).await;
        }
    }
    running.close();
    running.wait().await;
}
