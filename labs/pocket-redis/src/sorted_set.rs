//! A sorted set: members in the order of their scores, and of their bytes where scores are equal.
//!
//! The members with their scores lie in a [`Dict`] (lookup, scan, random draws), and once more in
//! order (ranges by score and by rank, first and last), as told in `ordered.rs`.

use std::cmp::Ordering;
use std::ops::Range;

use crate::dict::{Dict, Key};
use crate::ordered::Ordered;

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
    order: Ordered<(Place, Key)>,
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

    /// See [`Dict::unpack`].
    pub(crate) fn unpack(&mut self) {
        self.scores.unpack();
    }

    /// See [`Dict::pack`].
    pub(crate) fn pack(&mut self) {
        self.scores.pack();
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
        self.span(0..self.len())
    }

    /// The members of these ranks, in order.
    pub(crate) fn span(&self, ranks: Range<usize>) -> impl DoubleEndedIterator<Item = (&Key, f64)> {
        self.order.span(ranks).map(|(place, key)| (key, place.0))
    }

    /// The ranks of the members between two scores.
    pub(crate) fn between(&self, min: ScoreLimit, max: ScoreLimit) -> Range<usize> {
        let below =
            |limit: ScoreLimit, with: bool| {
                let limit_place = Place::from(limit.score);
                self.order.count_while(|(place, _)| {
                    if with { *place <= limit_place } else { *place < limit_place }
                })
            };
        below(min, min.exclusive)..below(max, !max.exclusive)
    }

    /// The ranks of the members that are not `below`, up to the first that is not `within`. Both
    /// are asked about names, so all scores should be the same.
    pub(crate) fn named(
        &self,
        below: impl Fn(&Key) -> bool,
        within: impl Fn(&Key) -> bool,
    ) -> Range<usize> {
        self.order.count_while(|(_, key)| below(key))
            ..self.order.count_while(|(_, key)| within(key))
    }

    /// The place of a member, counted from the lowest score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<usize> {
        let place = Place::from(self.score(member)?);
        Some(self.order.count_while(|(other, key)| (*other, &**key) < (place, member)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(score: f64, exclusive: bool) -> ScoreLimit {
        ScoreLimit { score, exclusive }
    }

    fn names(set: &SortedSet, min: ScoreLimit, max: ScoreLimit) -> String {
        set.span(set.between(min, max))
            .map(|(key, _)| String::from_utf8_lossy(key).into_owned())
            .collect()
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
