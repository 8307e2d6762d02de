//! Beat, embedded in the worker (`celery worker -B`): sends the tasks of a schedule when they are due.
//!
//! Each entry has a loop of its own: ask Redis where the entry stands and what time it is; send,
//! if something is due; sleep until it is due again. To Redis: `beat.lua`, once to look and once
//! to send.
//!
//! Any number of workers may do this with the same schedule. There is no leader and no lock: the
//! script that sends also compares where the entry stands, so one of them sends and the others
//! find it done, whoever dies. Redis' clock decides what is due, and nobody else's.
//!
//! What was missed while no beat ran, or no Redis, is made up for once, however often it was
//! missed, as by Celery's beat. Unlike there an interval does not drift: what is sent late moves
//! nothing. If Redis loses its data, the entries begin anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use super::Shared;
use crate::broker::{Broker, Firing, Standing};
use crate::error::BrokerError;
use crate::event::Event;
use crate::message::Message;
use crate::schedule::ScheduleEntry;

/// The longest sleep: so late at most is a machine that was suspended, and so early does a Redis
/// without data learn of the entries.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Sends what `entry` asks for until the worker is told to stop.
pub(super) async fn keep(shared: Arc<Shared>, entry: ScheduleEntry) {
    let stop = &shared.stop.warm;
    loop {
        let id = Uuid::new_v4().to_string();
        let turn = |_| entry.turn(&shared.broker, &id);
        let Some(standing) = shared.insist(stop, turn).await else { return };
        let next = entry.schedule.next_after(standing.last());
        if standing.id() == Some(&id) {
            let (name, task) = (entry.name.clone(), entry.signature.task.clone());
            (shared.observe)(Event::BeatFired { entry: name, task, id, next });
        }
        let pause = (next - standing.now).to_std().unwrap_or_default().min(LOOK_AGAIN);
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}

impl ScheduleEntry {
    /// Looks, and sends what is due as the task `id`. After a lost answer the same id tells that
    /// it was sent.
    async fn turn(&self, broker: &Broker, id: &str) -> Result<Standing, BrokerError> {
        let standing = broker.standing(&self.name).await?;
        let due = self.schedule.due(standing.last(), standing.now);
        let Some(due) = due.filter(|_| standing.id() != Some(id)) else { return Ok(standing) };
        let signature = self.signature.routed(broker);
        let not_json = |source| signature.not_json(source);
        let message = Message::periodic(&signature, id, standing.now).map_err(not_json)?;
        let raw = message.encode().map_err(not_json)?;
        let queue = signature.options.queue();
        let firing = Firing { standing: &standing, due, queue, message: &message, raw: &raw };
        broker.fire(&self.name, firing).await
    }
}
