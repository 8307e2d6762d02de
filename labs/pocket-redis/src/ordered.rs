//! A sorted collection that knows the rank of each element.
//!
//! The elements lie in sorted chunks of bounded size. To find one, the chunk is searched for and
//! then the place in it; its rank is that place and the lengths of the chunks before. For a million
//! elements these are some thousand lengths, side by side in memory, which is faster than a tree
//! of counters and much shorter.

use std::ops::Range;

/// A chunk that has grown to this size is split.
const MAX_CHUNK: usize = 512;
/// One that has shrunk below this size is joined to its neighbour.
const MIN_CHUNK: usize = MAX_CHUNK / 4;

/// See the file's head. No chunk is empty.
#[derive(Debug, Clone)]
pub(crate) struct Ordered<T> {
    chunks: Vec<Vec<T>>,
    length: usize,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), length: 0 }
    }
}

impl<T: Ord> Ordered<T> {
    /// Puts an element to its place; it must not be there yet.
    pub(crate) fn insert(&mut self, element: T) {
        self.length += 1;
        if self.chunks.is_empty() {
            self.chunks.push(vec![element]);
            return;
        }
        let at = self.chunk_of(&element);
        let chunk = &mut self.chunks[at];
        let place = chunk.partition_point(|other| *other < element);
        chunk.insert(place, element);
        if chunk.len() >= MAX_CHUNK {
            let upper = chunk.split_off(MAX_CHUNK / 2);
            self.chunks.insert(at + 1, upper);
        }
    }

    /// Removes an element, if it is there.
    pub(crate) fn remove(&mut self, element: &T) {
        if self.chunks.is_empty() {
            return;
        }
        let at = self.chunk_of(element);
        if let Ok(place) = self.chunks[at].binary_search(element) {
            self.chunks[at].remove(place);
            self.length -= 1;
            self.join(at);
        }
    }

    /// The chunk that holds an element, or would hold it.
    fn chunk_of(&self, element: &T) -> usize {
        let begins_before = |chunk: &Vec<T>| chunk.first().is_some_and(|first| first <= element);
        self.chunks.partition_point(begins_before).saturating_sub(1)
    }

    fn join(&mut self, at: usize) {
        if self.chunks[at].is_empty() {
            self.chunks.remove(at);
            return;
        }
        let (this, next) = (self.chunks[at].len(), self.chunks.get(at + 1).map(Vec::len));
        if this < MIN_CHUNK && next.is_some_and(|next| this + next < MAX_CHUNK) {
            let next = self.chunks.remove(at + 1);
            self.chunks[at].extend(next);
        }
    }

    /// How many elements stand before the first that is not `before`; these must come first.
    pub(crate) fn count_while(&self, before: impl Fn(&T) -> bool) -> usize {
        let chunks = self.chunks.partition_point(|chunk| chunk.first().is_some_and(&before));
        let Some(last) = chunks.checked_sub(1) else {
            return 0;
        };
        let whole: usize = self.chunks[..last].iter().map(Vec::len).sum();
        whole + self.chunks[last].partition_point(before)
    }

    /// The elements of these ranks, in order.
    pub(crate) fn span(&self, ranks: Range<usize>) -> impl DoubleEndedIterator<Item = &T> {
        let end = ranks.end.min(self.length);
        let start = ranks.start.min(end);
        let (first, skip) = self.locate(start);
        let (last, stop) = self.locate(end);
        let inside = self.chunks.get(first..=last.min(self.chunks.len().wrapping_sub(1)));
        let inside = inside.unwrap_or_default().iter().enumerate();
        inside.flat_map(move |(place, chunk)| {
            let from = if place == 0 { skip } else { 0 };
            let to = if first + place == last { stop } else { chunk.len() };
            &chunk[from..to]
        })
    }

    /// The chunk and the place in it where a rank is.
    fn locate(&self, mut rank: usize) -> (usize, usize) {
        for (at, chunk) in self.chunks.iter().enumerate() {
            if rank < chunk.len() {
                return (at, rank);
            }
            rank -= chunk.len();
        }
        (self.chunks.len(), 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Numbers below `bound`, always the same ones.
    fn numbers(count: usize, bound: u64) -> impl Iterator<Item = u64> {
        let mut seed: u64 = 7;
        std::iter::repeat_with(move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % bound
        })
        .take(count)
    }

    #[test]
    fn it_is_in_order_whatever_comes_and_goes() {
        let (mut ordered, mut model) = (Ordered::default(), BTreeSet::new());
        for (step, number) in numbers(30_000, 5_000).enumerate() {
            if model.insert(number) {
                ordered.insert(number);
            } else if step % 3 > 0 || step > 20_000 {
                model.remove(&number);
                ordered.remove(&number);
            }
        }
        assert!(ordered.span(0..usize::MAX).eq(&model));
        assert!(ordered.span(100..900).rev().eq(model.iter().skip(100).take(800).rev()));
        for limit in numbers(300, 6_000) {
            assert_eq!(ordered.count_while(|n| *n < limit), model.range(..limit).count());
        }
        for number in model {
            ordered.remove(&number);
        }
        assert_eq!((ordered.length, ordered.chunks.len()), (0, 0));
        assert_eq!(ordered.span(0..5).count(), 0);
    }

    #[test]
    fn a_rank_among_many_takes_few_steps() {
        let mut ordered = Ordered::default();
        for number in 0..200_000_u64 {
            ordered.insert(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        // A rank costs a look at each chunk's length, and these are few.
        assert!(ordered.chunks.len() < 1_600, "{} chunks", ordered.chunks.len());
        assert!(ordered.chunks.iter().all(|chunk| chunk.len() < MAX_CHUNK));
    }
}
