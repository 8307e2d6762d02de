//! How long the oldest message has waited: a message does not say when it was sent.
//!
//! What is known: of our own senders' messages the time, if the viewer looked within two seconds;
//! of the others, when they were first seen. A queue is only seen at its end, but whoever stands
//! behind another one was sent no earlier. So from time to time the viewer notes the newest message:
//! as long as that one is seen to wait, the oldest waits at least as long. It is looked for near the
//! list's ends; one that can't be found there is forgotten for a later one. No age is guessed upwards.

use std::collections::VecDeque;

use taskqueue::Snapshot;

use super::life::Place;
use super::lives::Lives;

/// Seconds between two notes.
const EVERY: f64 = 5.0;
/// An hour of them.
const MOST: usize = 720;
/// Bytes of the longest message that is noted.
const LONGEST: usize = 4096;

/// How long the oldest message has waited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Age {
    pub(crate) seconds: f64,
    /// Whether it is so, or at least so.
    pub(crate) exact: bool,
}

/// Messages that were the newest once, and when; the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Notes(VecDeque<(f64, Vec<u8>)>);

impl Notes {
    /// Those to ask about.
    pub(crate) fn first_two(&self) -> [&[u8]; 2] {
        [0, 1].map(|index| self.0.get(index).map_or(&b""[..], |(_, message)| message))
    }

    /// Takes in a look that asked about the first two, and tells how old the oldest message is.
    pub(crate) fn look(&mut self, seen: &Snapshot, lives: &Lives) -> Option<Age> {
        let all = usize::try_from(seen.waiting()).is_ok_and(|all| all <= seen.next.len());
        let noted = if all {
            self.0.clear();
            None
        } else {
            self.keep(seen).map(|at| (at, false))
        };
        let waits = seen.next.iter().filter_map(|message| {
            let last = lives.get(message.id.as_deref()?)?.last()?;
            (last.place == Place::Waiting).then_some((last.since, last.exact))
        });
        let first = waits.clone().next();
        let (since, exact) = waits.chain(noted).min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        // Between the one that is seen and the others, older ones may stand.
        Some(Age {
            seconds: (seen.now - since).max(0.0),
            exact: exact && (all || first == Some((since, exact))),
        })
    }

    /// Since when at least the oldest waits, by the notes alone.
    fn keep(&mut self, seen: &Snapshot) -> Option<f64> {
        let [first, second] = seen.asked_wait;
        let unseen = if first {
            0
        } else if second {
            1
        } else {
            2
        };
        self.0.drain(..unseen.min(self.0.len()));
        let seen_to_wait = self.0.front().filter(|_| first || second).map(|(at, _)| *at);
        let due = self
            .0
            .back()
            .is_none_or(|(at, message)| seen.now - at >= EVERY && *message != seen.newest);
        if due && !seen.newest.is_empty() && seen.newest.len() <= LONGEST && self.0.len() < MOST {
            self.0.push_back((seen.now, seen.newest.clone()));
        }
        seen_to_wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taskqueue::Glimpse;

    fn look(
        notes: &mut Notes,
        lives: &mut Lives,
        now: f64,
        (next, waiting): (&[&str], u64),
        (newest, asked_wait): (&str, [bool; 2]),
    ) -> Option<Age> {
        let next = next.iter().map(|id| Glimpse { id: Some((*id).into()), ..Glimpse::default() });
        let seen = Snapshot {
            now,
            lists: vec![("celery".into(), waiting)],
            next: next.collect(),
            newest: newest.into(),
            asked_wait,
            ..Snapshot::default()
        };
        lives.look(&seen);
        notes.look(&seen, lives)
    }

    const NONE: [bool; 2] = [false, false];

    fn at_least(seconds: f64) -> Option<Age> {
        Some(Age { seconds, exact: false })
    }

    #[test]
    fn an_empty_queue_has_no_age_and_what_comes_while_it_is_watched_has_a_true_one() {
        let (mut notes, mut lives) = (Notes::default(), Lives::default());
        assert_eq!(look(&mut notes, &mut lives, 1.0, (&[], 0), ("", NONE)), None);
        assert_eq!(
            look(&mut notes, &mut lives, 2.0, (&["a"], 1), ("a", NONE)),
            Some(Age { seconds: 0.0, exact: true })
        );
        assert_eq!(
            look(&mut notes, &mut lives, 9.0, (&["a", "b"], 2), ("b", NONE)),
            Some(Age { seconds: 7.0, exact: true })
        );
    }

    #[test]
    fn what_was_there_before_the_viewer_waits_at_least_since_then() {
        let (mut notes, mut lives) = (Notes::default(), Lives::default());
        look(&mut notes, &mut lives, 1.0, (&["a"], 1), ("a", NONE));
        assert_eq!(look(&mut notes, &mut lives, 4.0, (&["a"], 1), ("a", NONE)), at_least(3.0));
    }

    #[test]
    fn in_a_long_queue_a_noted_message_bounds_the_age_of_those_before_it() {
        let (mut notes, mut lives) = (Notes::default(), Lives::default());
        look(&mut notes, &mut lives, 1.0, (&["a"], 100_000), ("y", NONE));
        look(&mut notes, &mut lives, 11.0, (&["a"], 100_000), ("z", [true, false]));
        assert_eq!(notes.first_two(), [b"y", b"z"]);
        // Never seen before, and yet no younger than y.
        let unseen = look(&mut notes, &mut lives, 31.0, (&["k"], 50_000), ("z", [true, true]));
        assert_eq!(unseen, at_least(30.0));
        // y is not seen any more, z is.
        let later = look(&mut notes, &mut lives, 32.0, (&["l"], 49_000), ("z", [false, true]));
        assert_eq!((later, notes.first_two()[0]), (at_least(21.0), &b"z"[..]));
        // Neither: nothing is known of m but that it is seen now.
        let taken = look(&mut notes, &mut lives, 33.0, (&["m"], 40_000), ("zz", NONE));
        assert_eq!(taken, at_least(0.0));
    }
}
