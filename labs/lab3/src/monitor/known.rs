//! All that a viewer knows, and how it comes to know it: a look at Redis, something heard, time.

use std::collections::VecDeque;
use std::time::UNIX_EPOCH;

use taskqueue::{Heard, Sign, Snapshot, Step, TaskMeta};

use super::life::Life;
use super::lives::Lives;
use super::oldest::{Age, Notes};
use super::pace::Pace;
use super::results::{Results, Stored};
use super::workers::Workers;

/// A result is believed to be news when no event has come with it for so long, in seconds.
const PATIENCE: f64 = 0.3;
/// A worker that says that nothing runs there is believed about tasks that began so long ago, in seconds.
const BEAT: f64 = 3.0;

/// What a viewer knows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) seen: Snapshot,
    pub(crate) lives: Lives,
    pub(crate) workers: Workers,
    pub(crate) pace: Pace,
    pub(crate) results: Results,
    pub(crate) oldest: Option<Age>,
    notes: Notes,
    unconfirmed: VecDeque<Stored>,
}

impl Known {
    /// The messages that the next look should ask about.
    pub(crate) fn asked(&self) -> [&[u8]; 2] {
        self.notes.first_two()
    }

    /// Takes in what stands in Redis.
    pub(crate) fn look(&mut self, seen: Snapshot) {
        self.lives.look(&seen);
        for held in &seen.held {
            if let Some(hostname) = &held.hostname {
                self.workers.lease(hostname, held.score);
            }
        }
        self.oldest = self.notes.look(&seen, &self.lives);
        self.pace.oldest(self.oldest.map_or(0.0, |age| age.seconds), seen.now);
        self.seen = seen;
    }

    /// Takes in what was published; the worker that has to be asked for its tasks' events.
    pub(crate) fn hear(&mut self, heard: Heard, now: f64) -> Option<String> {
        match heard {
            Heard::Task { id, hostname, step } => {
                if !matches!(step, Step::Sent { .. }) {
                    self.workers.mention(&hostname, now);
                }
                self.counting(&id, now, |lives| lives.hear(&id, &hostname, &step, now));
            }
            Heard::Result { id, meta } => {
                let stored = Stored { id, meta, at: now };
                if stored.meta.state.is_ready() {
                    self.results.store(stored.clone());
                }
                self.unconfirmed.push_back(stored);
            }
            Heard::Worker { hostname, sign, every, active, processed, software } => {
                let ask = self.workers.hear(&hostname, sign, every, (&software, processed), now);
                if sign != Sign::Offline && active == 0 {
                    let before = if sign == Sign::Online { now } else { now - BEAT };
                    self.lives.bereave(&hostname, before, now);
                }
                return ask.then_some(hostname);
            }
        }
        None
    }

    /// Takes in a result that was there before.
    pub(crate) fn read(&mut self, id: String, meta: TaskMeta, now: f64) {
        if meta.state.is_ready() {
            let at = meta.done_at().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let at = at.unwrap_or_default().as_secs_f64();
            self.results.store(Stored { id, meta, at });
        } else {
            self.lives.hear_result(&id, &meta, now, false);
        }
    }

    /// Draws the conclusions of time.
    pub(crate) fn tick(&mut self, now: f64) {
        let due = |stored: &Stored| stored.at + PATIENCE <= now;
        while self.unconfirmed.front().is_some_and(due)
            && let Some(Stored { id, meta, at }) = self.unconfirmed.pop_front()
        {
            self.counting(&id, now, |lives| lives.hear_result(&id, &meta, at, true));
        }
        for hostname in self.workers.gone(now) {
            self.lives.bereave(&hostname, now, now);
        }
        self.workers.forget(now);
    }

    /// Counts a task whose end this is.
    fn counting(&mut self, id: &str, now: f64, news: impl FnOnce(&mut Lives)) {
        let ended = |lives: &Lives| lives.get(id).and_then(Life::ended);
        let before = ended(&self.lives);
        news(&mut self.lives);
        if let (None, Some(end)) = (before, ended(&self.lives)) {
            self.pace.ended(end, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::{End, Place};
    use super::*;

    fn step(id: &str, step: Step) -> Heard {
        Heard::Task { id: id.into(), hostname: "one@vm".into(), step }
    }

    fn result(id: &str, document: &str) -> Heard {
        Heard::Result { id: id.into(), meta: TaskMeta::decode(document.as_bytes()).unwrap() }
    }

    fn beat(sign: Sign, active: u64) -> Heard {
        let (hostname, software) = ("one@vm".to_owned(), "py-celery 5.7.0".to_owned());
        Heard::Worker { hostname, sign, every: 2.0, active, processed: 0, software }
    }

    #[test]
    fn a_result_and_its_event_are_one_end_in_either_order() {
        let success = || result("a", r#"{"status": "SUCCESS"}"#);
        for result_first in [true, false] {
            let mut known = Known::default();
            known.hear(step("a", Step::Started), 100.0);
            if result_first {
                known.hear(success(), 101.0);
            }
            known.hear(step("a", Step::Succeeded), 101.1);
            known.hear(success(), 101.2);
            known.tick(102.0);
            let places: Vec<_> =
                known.lives.get("a").unwrap().phases.iter().map(|phase| phase.place).collect();
            assert_eq!(places, [Place::Running, Place::Ended(End::Success)]);
            assert_eq!(known.pace.seconds().map(|second| second.succeeded).sum::<u32>(), 1);
        }
    }

    #[test]
    fn a_worker_that_sends_no_events_is_known_by_its_results() {
        let mut known = Known::default();
        let started = r#"{"status": "STARTED", "result": {"pid": 7, "hostname": "quiet@vm"}}"#;
        known.hear(result("a", started), 1.0);
        known.tick(2.0);
        assert_eq!(known.lives.get("a").unwrap().worker(), Some("quiet@vm"));
        known.hear(result("a", r#"{"status": "FAILURE", "result": null}"#), 3.0);
        known.tick(4.0);
        assert_eq!(known.lives.get("a").unwrap().ended(), Some(End::Failure));
    }

    #[test]
    fn a_worker_that_came_back_and_runs_nothing_has_lost_what_it_had() {
        let mut known = Known::default();
        known.hear(step("a", Step::Started), 1.0);
        known.hear(beat(Sign::Heartbeat, 0), 2.0);
        assert_eq!(known.lives.get("a").unwrap().ended(), None, "it has just begun");
        known.hear(beat(Sign::Heartbeat, 1), 4.0);
        assert_eq!(known.lives.get("a").unwrap().ended(), None);
        assert_eq!(known.hear(beat(Sign::Online, 0), 5.0).as_deref(), Some("one@vm"));
        assert_eq!(known.lives.get("a").unwrap().ended(), Some(End::Lost));
    }
}
