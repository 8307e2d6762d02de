//! Who is who: a number for every visitor.
//!
//! A visitor is a form: its token comes with the page and back with what was typed, once or again
//! after a mistake. Whoever asks for another form is the next visitor. Pages that nobody has anything
//! to say about, icons and reloads count for nothing: a number is given with the first mention.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

const REMEMBERED: usize = 256;

/// The visitors of late, by their forms' tokens.
#[derive(Default)]
pub(super) struct Visitors(Mutex<VecDeque<(String, u64)>>);

impl Visitors {
    /// The number of whoever has the form with this token, from 1; after 256 others a new one.
    pub(super) fn number(&self, token: &str) -> u64 {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, number)) = recent.iter().find(|(known, _)| known == token) {
            return *number;
        }
        let number = recent.front().map_or(0, |(_, newest)| *newest) + 1;
        recent.truncate(REMEMBERED - 1);
        recent.push_front((token.to_owned(), number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_keeps_the_number_and_another_one_gets_the_next() {
        let visitors = Visitors::default();
        let numbers = ["a", "b", "a", "c", "b"].map(|token| visitors.number(token));
        assert_eq!(numbers, [1, 2, 1, 3, 2]);
    }

    #[test]
    fn the_memory_is_bounded_and_no_number_is_given_twice() {
        let visitors = Visitors::default();
        for number in 1..=1000 {
            assert_eq!(visitors.number(&format!("t-{number}")), number);
        }
        assert_eq!((visitors.number("t-1000"), visitors.number("t-1")), (1000, 1001));
        assert_eq!(visitors.0.lock().unwrap().len(), REMEMBERED);
    }
}
