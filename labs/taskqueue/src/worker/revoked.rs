//! The ids of revoked tasks: whoever fetches one of them stores REVOKED instead of running it.
//!
//! As in Celery every worker keeps its own list in memory, and forgets the oldest: after three
//! hours, or when there are more than 50,000 (`REVOKES_MAX`, `REVOKE_EXPIRES`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MOST: usize = 50_000;
const REMEMBERED: Duration = Duration::from_secs(3 * 60 * 60);

#[derive(Default)]
pub(super) struct Revoked(Mutex<Ids>);

#[derive(Default)]
struct Ids {
    since: HashMap<String, Instant>,
    oldest_first: VecDeque<(String, Instant)>,
}

impl Revoked {
    pub(super) fn add(&self, id: &str, now: Instant) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.since.insert(id.to_owned(), now);
        ids.oldest_first.push_back((id.to_owned(), now));
        ids.forget(now);
    }

    pub(super) fn contains(&self, id: &str, now: Instant) -> bool {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.forget(now);
        ids.since.contains_key(id)
    }

    /// All of them, the oldest first.
    pub(super) fn all(&self, now: Instant) -> Vec<String> {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.forget(now);
        let current = |(id, at): &&(String, Instant)| ids.since.get(id) == Some(at);
        ids.oldest_first.iter().filter(current).map(|(id, _)| id.clone()).collect()
    }
}

impl Ids {
    fn forget(&mut self, now: Instant) {
        while let Some((id, at)) = self.oldest_first.front() {
            if self.oldest_first.len() <= MOST && now.duration_since(*at) < REMEMBERED {
                return;
            }
            // Revoked again later, it counts from then.
            if self.since.get(id) == Some(at) {
                self.since.remove(id);
            }
            self.oldest_first.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_remembered_for_three_hours_after_it_was_last_revoked() {
        let (revoked, began) = (Revoked::default(), Instant::now());
        revoked.add("once", began);
        revoked.add("again", began);
        let later = began + Duration::from_secs(3600);
        revoked.add("again", later);
        assert_eq!(revoked.all(later), ["once", "again"]);
        let after = began + REMEMBERED;
        assert!(!revoked.contains("once", after) && revoked.contains("again", after));
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let (revoked, now) = (Revoked::default(), Instant::now());
        for number in 0..=MOST {
            revoked.add(&number.to_string(), now);
        }
        assert!(!revoked.contains("0", now) && revoked.contains("1", now));
        assert_eq!(revoked.all(now).len(), MOST);
    }
}
