//! The results that stand in Redis: how many, and the newest.
//!
//! They are counted by walking through the keys, some pages a look, again and again. What is stored
//! while the viewer listens is heard; of what was there before, a part is read once.

use std::collections::VecDeque;

use taskqueue::{ResultPage, TaskMeta};

/// How many are shown.
const SHOWN: usize = 6;
/// How many of those that were there before are read.
const READ: usize = 200;
/// How many of them at a time.
const AT_ONCE: usize = 50;

/// A result that was stored, and when: seconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) meta: TaskMeta,
    pub(crate) at: f64,
}

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Where the walk goes on.
    pub(crate) cursor: u64,
    walked: usize,
    counted: Option<usize>,
    newest: Vec<Stored>,
    unread: VecDeque<String>,
    met: usize,
}

impl Results {
    /// Takes in a page of the walk.
    pub(crate) fn walk(&mut self, page: ResultPage) {
        self.walked += page.keys;
        let left = READ.saturating_sub(self.met);
        let unread = page.ids.into_iter().take(left);
        if self.counted.is_none() {
            let before = self.unread.len();
            self.unread.extend(unread);
            self.met += self.unread.len() - before;
        }
        self.cursor = page.next;
        if page.next == 0 {
            self.counted = Some(std::mem::take(&mut self.walked));
        }
    }

    /// How many there are, and whether all of them were counted.
    pub(crate) fn count(&self) -> (usize, bool) {
        self.counted.map_or((self.walked, false), |counted| (counted, true))
    }

    /// The next ones to read.
    pub(crate) fn next_unread(&mut self) -> Vec<String> {
        let some = self.unread.len().min(AT_ONCE);
        self.unread.drain(..some).collect()
    }

    /// Takes in a result that was read or heard.
    pub(crate) fn store(&mut self, stored: Stored) {
        self.newest.retain(|known| known.id != stored.id);
        self.newest.push(stored);
        self.newest.sort_by(|a, b| b.at.total_cmp(&a.at));
        self.newest.truncate(SHOWN);
    }

    /// The newest, the very newest first.
    pub(crate) fn newest(&self) -> &[Stored] {
        &self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(next: u64, ids: impl Iterator<Item = u32>) -> ResultPage {
        let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
        ResultPage { next, keys: ids.len(), ids }
    }

    #[test]
    fn the_count_is_of_a_whole_walk_and_says_while_it_is_not() {
        let mut results = Results::default();
        results.walk(page(7, 0..1000));
        assert_eq!(results.count(), (1000, false));
        results.walk(page(0, 1000..1500));
        assert_eq!(results.count(), (1500, true));
        results.walk(page(9, 0..10));
        assert_eq!(results.count(), (1500, true));
    }

    #[test]
    fn of_many_results_a_part_is_read_and_only_once() {
        let mut results = Results::default();
        results.walk(page(7, 0..1000));
        results.walk(page(0, 1000..1500));
        results.walk(page(0, 0..1500));
        let mut read = 0;
        loop {
            let some = results.next_unread().len();
            read += some;
            assert!(some <= AT_ONCE);
            if some == 0 {
                break;
            }
        }
        assert_eq!(read, READ);
    }

    #[test]
    fn the_newest_come_first_and_each_task_once() {
        let mut results = Results::default();
        let meta = TaskMeta::decode(br#"{"status": "SUCCESS"}"#).unwrap();
        for (id, at) in [("a", 1.0), ("b", 3.0), ("c", 2.0), ("a", 4.0)] {
            results.store(Stored { id: id.into(), meta: meta.clone(), at });
        }
        let ids: Vec<_> = results.newest().iter().map(|stored| stored.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }
}
