//! The ledger of a scenario: what was accepted against what the mail server took.

use std::collections::HashMap;
use std::fmt;

/// Counts of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ledger {
    accepted: usize,
    delivered: usize,
    pub(super) lost: usize,
    pub(super) twice: usize,
}

impl Ledger {
    /// `ids` were given to the queue; `letters` are the Message-IDs that the server took.
    pub(super) fn of(ids: &[String], letters: &[String]) -> Self {
        let mut copies: HashMap<&str, usize> = HashMap::new();
        for letter in letters {
            *copies.entry(letter.as_str()).or_default() += 1;
        }
        let count = |id: &String| {
            copies.get(format!("<{id}@lab3.example.com>").as_str()).copied().unwrap_or(0)
        };
        Self {
            accepted: ids.len(),
            delivered: ids.iter().filter(|id| count(id) > 0).count(),
            lost: ids.iter().filter(|id| count(id) == 0).count(),
            twice: ids.iter().filter(|id| count(id) > 1).count(),
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, delivered, lost, twice } = self;
        write!(out, "accepted {accepted} · delivered {delivered} · lost {lost} · twice {twice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_tells_what_is_lost_and_what_came_twice() {
        let ids = ["a", "b", "c"].map(str::to_owned);
        let letters = ["a", "b", "b"].map(|id| format!("<{id}@lab3.example.com>"));
        let ledger = Ledger::of(&ids, &letters).to_string();
        assert_eq!(ledger, "accepted 3 · delivered 2 · lost 1 · twice 1");
    }
}
