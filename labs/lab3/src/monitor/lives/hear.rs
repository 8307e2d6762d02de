//! What workers and senders say, taken in.

use taskqueue::{State, Step, TaskMeta};

use super::super::life::{End, Life, Phase, Place};
use super::Lives;

impl Lives {
    /// Takes in what a worker or a sender says of a task.
    pub(crate) fn hear(&mut self, id: &str, hostname: &str, step: &Step, now: f64) {
        let life = self.meet(id);
        match step {
            Step::Sent { task, retries } => {
                let again = life.last().is_some() && *retries > life.retries;
                life.learn(task, *retries);
                if life.last().is_none() || again {
                    life.enter(Phase::new(Place::Waiting, now), again);
                }
            }
            Step::Received { task, retries, eta } => {
                let again = life.last().is_some() && *retries > life.retries;
                life.learn(task, *retries);
                let later = eta.filter(|eta| *eta > now);
                let place = later.map_or(Place::Taken, |eta| Place::Parked(Some(eta)));
                life.enter(Phase::of(place, now, Some(hostname)), again);
            }
            Step::Started => life.enter(Phase::of(Place::Running, now, Some(hostname)), false),
            Step::Succeeded => life.enter(Phase::new(Place::Ended(End::Success), now), false),
            Step::Failed { exception } => {
                life.fail(exception, Some(Place::Ended(End::Failure)), now)
            }
            Step::Retried { exception } => {
                // The message of the next attempt may have been seen before this is heard.
                let runs = matches!(life.place(), None | Some(Place::Taken | Place::Running));
                life.fail(exception, runs.then_some(Place::Parked(None)), now);
            }
            Step::Revoked => life.enter(Phase::new(Place::Ended(End::Revoked), now), false),
            // Its end is a result of its own, where it has one.
            Step::Rejected => {}
        }
    }

    /// Takes in a result: for workers that say nothing else. `exact` where it was stored at that time.
    pub(crate) fn hear_result(&mut self, id: &str, meta: &TaskMeta, at: f64, exact: bool) {
        let end = match meta.state {
            State::Success => End::Success,
            State::Failure => End::Failure,
            State::Revoked => End::Revoked,
            State::Started => return self.hear_started(id, meta, at, exact),
            _ => return,
        };
        let life = self.meet(id);
        if life.ended().is_none() {
            let raised = if end == End::Success { String::new() } else { meta.error().to_string() };
            life.fail(&raised, Some(Place::Ended(end)), at);
        }
    }

    fn hear_started(&mut self, id: &str, meta: &TaskMeta, at: f64, exact: bool) {
        let hostname = meta.result.get("hostname").and_then(|hostname| hostname.as_str());
        let life = self.meet(id);
        if life.ended().is_none() && life.last().is_none_or(|last| last.since <= at) {
            life.enter(Phase { exact, ..Phase::of(Place::Running, at, hostname) }, false);
        }
    }

    /// What a worker had in hand before `since` and has no more, because it is gone or says so:
    /// lost, unless its message is still in `unacked`.
    pub(crate) fn bereave(&mut self, hostname: &str, since: f64, now: f64) {
        for life in self.known.values_mut() {
            let had = life.last().is_some_and(|last| {
                matches!(last.place, Place::Running | Place::Taken) && last.since < since
            });
            if had && !life.held && life.worker() == Some(hostname) {
                life.enter(Phase::new(Place::Ended(End::Lost), now), false);
            }
        }
    }
}

impl Life {
    fn fail(&mut self, raised: &str, place: Option<Place>, now: f64) {
        raised.clone_into(&mut self.raised);
        if let Some(place) = place {
            self.enter(Phase::new(place, now), false);
        }
    }
}
