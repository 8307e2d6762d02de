//! What stands in Redis, taken in.

use std::collections::HashSet;

use taskqueue::{DeadLetter, Glimpse, Held, Snapshot};

use super::super::life::{End, Phase, Place};
use super::Lives;

/// A task of which nothing is heard for this long is forgotten, in seconds.
const FORGOTTEN: f64 = 900.0;

impl Lives {
    /// Takes in what stands in Redis.
    pub(crate) fn look(&mut self, seen: &Snapshot) {
        let now = seen.now;
        for message in &seen.next {
            self.see_waiting(message, now);
        }
        let mut held = HashSet::new();
        for entry in &seen.held {
            held.extend(self.see_held(entry, Place::Taken, now));
        }
        for entry in &seen.parked_next {
            held.extend(self.see_held(entry, Place::Parked(Some(entry.score)), now));
        }
        for letter in &seen.dead_newest {
            self.see_put_aside(letter, now);
        }
        let next: Vec<_> = seen.next.iter().filter_map(|message| message.id.clone()).collect();
        let mut gone = std::mem::replace(&mut self.next, next);
        gone.retain(|id| !self.next.contains(id) && !held.contains(id));
        for id in &gone {
            self.see_gone(id, now);
        }
        for (id, life) in &mut self.known {
            life.held = held.contains(id);
        }
        self.looked = true;
        self.saw_all = usize::try_from(seen.waiting()).is_ok_and(|all| all == seen.next.len());
        self.known.retain(|_, life| life.last().is_some_and(|last| now - last.since < FORGOTTEN));
    }

    fn see_waiting(&mut self, message: &Glimpse, now: f64) {
        let Some(id) = &message.id else { return };
        let (saw_all, fresh) = (self.saw_all, !self.known.contains_key(id));
        let life = self.meet(id);
        if life.is_echo(now) {
            return;
        }
        let again = !fresh && message.retries > life.retries;
        life.learn(&message.task, message.retries);
        // That it was put back is seen later than that it was published.
        let published = message.published.filter(|_| !message.redelivered);
        let since = published.unwrap_or(now);
        let exact = published.is_some() || saw_all || !fresh;
        life.enter(Phase { exact, ..Phase::new(Place::Waiting, since) }, again);
    }

    fn see_held(&mut self, entry: &Held, place: Place, now: f64) -> Option<String> {
        let message = &entry.message;
        let id = message.id.clone()?;
        // A Celery worker takes it at once and keeps it in its memory until then.
        let later = message.eta.filter(|eta| place == Place::Taken && *eta > now);
        let place = later.map_or(place, |eta| Place::Parked(Some(eta)));
        let worker = entry.hostname.as_deref().filter(|_| place == Place::Taken);
        let exact = self.looked;
        let life = self.meet(&id);
        if !life.is_echo(now) {
            let again = life.last().is_some() && message.retries > life.retries;
            life.learn(&message.task, message.retries);
            // Where kombu's tag names nobody, whoever said that he has it still has it.
            let known = life.last().and_then(|last| last.worker.clone());
            let worker = worker.map(str::to_owned).or(known.filter(|_| place == Place::Taken));
            life.enter(Phase { exact, ..Phase::of(place, now, worker.as_deref()) }, again);
        }
        Some(id)
    }

    fn see_put_aside(&mut self, letter: &DeadLetter, now: f64) {
        let Some(id) = letter.task_id() else { return };
        if let Some(life) = self.known.get_mut(&id)
            && life.ended().is_none()
        {
            letter.reason.clone_into(&mut life.raised);
            life.enter(Phase::new(Place::Ended(End::PutAside), now), false);
        }
    }

    fn see_gone(&mut self, id: &str, now: f64) {
        let Some(life) = self.known.get_mut(id) else { return };
        if life.place() == Some(Place::Waiting) {
            life.enter(Phase::new(Place::Taken, now), false);
        }
    }
}
