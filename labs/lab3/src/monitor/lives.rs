//! The lives of the tasks that a viewer has met: from what stands in Redis, and from what workers say.
//!
//! Events tell more and come at once, but only while workers send them; Redis is asked in any case.
//! What both leave open stays open: a message that is gone was *taken*, by whom is not known.
//! Bounded: beyond 512 tasks, those that have ended longest ago are forgotten.

mod hear;
mod look;

use std::collections::HashMap;

use super::life::Life;

const MOST: usize = 512;

/// All of them, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    known: HashMap<String, Life>,
    /// Those that stood in a list at the last look, the next one first.
    pub(crate) next: Vec<String>,
    /// Whether that look saw the whole queue; then what is new at the next one came in between.
    saw_all: bool,
    /// Whether there was such a look at all.
    looked: bool,
}

impl Lives {
    pub(crate) fn get(&self, id: &str) -> Option<&Life> {
        self.known.get(id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Life)> {
        self.known.iter().map(|(id, life)| (id.as_str(), life))
    }

    /// The life of `id`, a new one where it was not known.
    fn meet(&mut self, id: &str) -> &mut Life {
        if self.known.len() >= MOST && !self.known.contains_key(id) {
            let age =
                |life: &Life| (life.ended().is_none(), life.last().map_or(0.0, |last| last.since));
            let first = self.known.iter().min_by(|(_, a), (_, b)| {
                let ((a, since), (b, other)) = (age(a), age(b));
                a.cmp(&b).then(since.total_cmp(&other))
            });
            if let Some(first) = first.map(|(id, _)| id.clone()) {
                self.known.remove(&first);
            }
        }
        self.known.entry(id.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::{End, Place};
    use super::*;
    use taskqueue::{Glimpse, Held, Snapshot, Step, TaskMeta};

    fn message(id: &str) -> Glimpse {
        Glimpse { id: Some(id.into()), task: "tasks.mail".into(), ..Glimpse::default() }
    }

    fn held(id: &str, hostname: Option<&str>) -> Held {
        let hostname = hostname.map(str::to_owned);
        Held { tag: "tag".into(), hostname, score: 0.0, message: message(id) }
    }

    fn seen(now: f64, next: &[Glimpse], held: &[Held]) -> Snapshot {
        let lists = vec![("celery".to_owned(), next.len() as u64)];
        Snapshot { now, lists, next: next.to_vec(), held: held.to_vec(), ..Snapshot::default() }
    }

    fn places(lives: &Lives, id: &str) -> Vec<Place> {
        lives.get(id).unwrap().phases.iter().map(|phase| phase.place).collect()
    }

    #[test]
    fn a_celery_worker_that_says_nothing_is_seen_by_what_it_takes_and_stores() {
        let mut lives = Lives::default();
        lives.look(&seen(1.0, &[message("a")], &[]));
        lives.look(&seen(2.0, &[], &[held("a", None)]));
        lives.look(&seen(3.0, &[], &[]));
        let meta = TaskMeta::decode(br#"{"status": "SUCCESS", "result": 5}"#).unwrap();
        lives.hear_result("a", &meta, 3.5, true);
        assert_eq!(places(&lives, "a"), [Place::Waiting, Place::Taken, Place::Ended(End::Success)]);
    }

    #[test]
    fn what_celery_keeps_in_its_memory_until_its_eta_is_parked() {
        let mut lives = Lives::default();
        let later =
            Held { message: Glimpse { eta: Some(60.0), ..message("a") }, ..held("a", None) };
        lives.look(&seen(1.0, &[], std::slice::from_ref(&later)));
        lives.hear(
            "a",
            "ev@vm",
            &Step::Received { task: String::new(), retries: 0, eta: Some(60.0) },
            1.1,
        );
        lives.look(&seen(2.0, &[], std::slice::from_ref(&later)));
        assert_eq!(places(&lives, "a"), [Place::Parked(Some(60.0))]);
        lives.look(&seen(61.0, &[], &[later]));
        lives.hear("a", "ev@vm", &Step::Started, 61.0);
        assert_eq!(places(&lives, "a"), [Place::Parked(Some(60.0)), Place::Running]);
    }

    #[test]
    fn the_age_of_a_message_that_was_there_before_the_viewer_is_a_lower_bound() {
        let mut lives = Lives::default();
        lives.look(&seen(1.0, &[message("old")], &[]));
        lives.look(&seen(2.0, &[message("old"), message("new")], &[]));
        let published = Glimpse { published: Some(2.7), ..message("ours") };
        lives.look(&seen(3.0, &[message("old"), message("new"), published], &[]));
        let since = |id: &str| {
            let last = lives.get(id).unwrap().last().unwrap().clone();
            (last.since, last.exact)
        };
        assert_eq!(
            [since("old"), since("new"), since("ours")],
            [(1.0, false), (2.0, true), (2.7, true)]
        );
    }

    #[test]
    fn a_killed_worker_s_message_comes_back_and_another_one_has_it() {
        let mut lives = Lives::default();
        lives.hear("a", "one@vm", &Step::Started, 1.0);
        lives.look(&seen(2.0, &[], &[held("a", Some("one@vm"))]));
        lives.bereave("one@vm", 11.0, 11.0);
        lives.look(&seen(12.0, &[], &[held("a", Some("two@vm"))]));
        lives.hear("a", "two@vm", &Step::Started, 12.1);
        let life = lives.get("a").unwrap();
        assert_eq!((life.worker(), life.restored, life.phases.len()), (Some("two@vm"), 1, 2));
    }

    #[test]
    fn what_a_killed_worker_had_acknowledged_early_is_lost() {
        let mut lives = Lives::default();
        lives.hear("a", "one@vm", &Step::Started, 1.0);
        lives.look(&seen(2.0, &[], &[]));
        lives.bereave("one@vm", 11.0, 11.0);
        assert_eq!(lives.get("a").unwrap().ended(), Some(End::Lost));
    }

    #[test]
    fn a_retry_is_told_by_its_message_and_by_its_event_in_either_order() {
        let raised = Step::Retried { exception: "OSError('421')".into() };
        let next = Glimpse { retries: 1, ..message("a") };
        let expected = [Place::Running, Place::Waiting];
        for heard_first in [true, false] {
            let mut lives = Lives::default();
            lives.hear("a", "one@vm", &Step::Started, 1.0);
            if heard_first {
                lives.hear("a", "one@vm", &raised, 2.0);
                assert_eq!(places(&lives, "a"), [Place::Running, Place::Parked(None)]);
            }
            lives.look(&seen(2.1, std::slice::from_ref(&next), &[]));
            lives.hear("a", "one@vm", &raised, 2.2);
            let mut places = places(&lives, "a");
            places.retain(|place| *place != Place::Parked(None));
            assert_eq!((places.as_slice(), lives.get("a").unwrap().restored), (&expected[..], 0));
        }
    }

    #[test]
    fn a_late_look_does_not_bring_back_what_has_ended() {
        let mut lives = Lives::default();
        lives.hear("a", "one@vm", &Step::Started, 1.0);
        lives.hear("a", "one@vm", &Step::Succeeded, 2.0);
        lives.look(&seen(2.1, &[message("a")], &[held("a", None)]));
        assert_eq!(lives.get("a").unwrap().ended(), Some(End::Success));
    }

    #[test]
    fn however_many_tasks_there_are_a_bounded_number_is_remembered() {
        let mut lives = Lives::default();
        lives.hear("runs", "one@vm", &Step::Started, 0.0);
        for number in 0..10_000 {
            lives.hear(&number.to_string(), "one@vm", &Step::Succeeded, f64::from(number));
        }
        assert_eq!(lives.all().count(), MOST);
        assert!(lives.get("runs").is_some() && lives.get("9999").is_some());
    }
}
