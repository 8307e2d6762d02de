//! A sorted set: members in the order of their scores, and of their bytes where scores are equal.
//!
//! The members with their scores lie in a [`Dict`] (lookup, scan, random draws), and once more in
//! a tree in order (ranges by score, first and last). Everything that a queue does is O(log n);
//! a rank is counted from the nearer end.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use crate::dict::{Dict, Key};

/// A score as a key of the tree.
#[derive(Debug, Clone, Copy)]
struct Place(f64);

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl From<f64> for Place {
    /// Minus zero sorts as zero does.
    fn from(score: f64) -> Self {
        Self(score + 0.0)
    }
}

/// One end of a range of scores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreLimit {
    pub(crate) score: f64,
    pub(crate) exclusive: bool,
}

/// See the file's head.
#[derive(Debug, Clone, Default)]
pub(crate) struct SortedSet {
    scores: Dict<f64>,
    order: BTreeSet<(Place, Key)>,
}

impl SortedSet {
    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// The members with their scores, for scans and random draws.
    pub(crate) fn scores(&self) -> &Dict<f64> {
        &self.scores
    }

    /// Puts a member at a score; gives the score it had.
    pub(crate) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.scores.insert(member, score);
        let key = self.scores.key(member).cloned().unwrap_or_else(|| Key::from(member));
        if let Some(old) = old {
            self.order.remove(&(Place::from(old), key.clone()));
        }
        self.order.insert((Place::from(score), key));
        old
    }

    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.order.remove(&(Place::from(score), Key::from(member)));
        Some(score)
    }

    /// All members in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, f64)> {
        self.order.iter().map(|(place, key)| (key, place.0))
    }

    /// The members between two scores, in order.
    pub(crate) fn between(
        &self,
        min: ScoreLimit,
        max: ScoreLimit,
    ) -> impl DoubleEndedIterator<Item = (&Key, f64)> {
        let from = if min.exclusive { after(min.score) } else { before(min.score) };
        let to = if max.exclusive { before(max.score) } else { after(max.score) };
        // An upside-down range is empty, where the tree would panic.
        let empty = matches!((&from, &to), (Some(from), Some(to)) if from >= to) || from.is_none();
        let lower = from.filter(|_| !empty).map_or(Bound::Excluded(past_all()), Bound::Included);
        let upper = match to {
            Some(to) if !empty => Bound::Excluded(to),
            _ => Bound::Unbounded,
        };
        self.order.range((lower, upper)).map(|(place, key)| (key, place.0))
    }

    /// The place of a member, counted from the lowest score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<usize> {
        let place = Place::from(self.score(member)?);
        let key = self.scores.key(member)?;
        Some(self.order.range(..(place, key.clone())).count())
    }
}

/// A point in the order before every member of this score.
fn before(score: f64) -> Option<(Place, Key)> {
    Some((Place::from(score), Key::default()))
}

/// A point behind every member of this score; `None` behind infinity, where nothing is.
fn after(score: f64) -> Option<(Place, Key)> {
    let next = score.next_up();
    (next > score).then(|| (Place::from(next), Key::default()))
}

/// A point that no member reaches: NaN sorts above infinity and is never stored.
fn past_all() -> (Place, Key) {
    (Place(f64::NAN), Key::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(score: f64, exclusive: bool) -> ScoreLimit {
        ScoreLimit { score, exclusive }
    }

    fn names(set: &SortedSet, min: ScoreLimit, max: ScoreLimit) -> String {
        set.between(min, max).map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }

    #[test]
    fn a_range_has_the_ends_that_it_names() {
        let mut set = SortedSet::default();
        let ends =
            [("a", f64::NEG_INFINITY), ("b", -0.0), ("c", 0.0), ("d", 2.5), ("e", f64::INFINITY)];
        for (member, score) in ends {
            set.insert(member.as_bytes(), score);
        }
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(names(&set, limit(low, false), limit(high, false)), "abcde");
        assert_eq!(names(&set, limit(low, true), limit(high, true)), "bcd");
        assert_eq!(names(&set, limit(0.0, false), limit(2.5, true)), "bc");
        assert_eq!(names(&set, limit(0.0, true), limit(2.5, false)), "d");
        assert_eq!(names(&set, limit(3.0, false), limit(1.0, false)), "");
        assert_eq!(names(&set, limit(high, true), limit(high, false)), "");
    }

    #[test]
    fn a_member_that_moves_stands_in_one_place() {
        let mut set = SortedSet::default();
        set.insert(b"a", 1.0);
        set.insert(b"b", 2.0);
        assert_eq!(set.insert(b"a", 3.0), Some(1.0));
        assert_eq!(set.rank(b"a"), Some(1));
        assert_eq!(set.iter().count(), 2);
        assert_eq!(set.remove(b"a"), Some(3.0));
        assert_eq!(set.iter().count(), 1);
    }
}
