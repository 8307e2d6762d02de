//! What a row came to: one counted line, and what did not hold.

use std::fmt::Display;
use std::time::Duration;

/// The line of a row, as it grows.
#[derive(Debug, Default)]
pub(crate) struct Report {
    facts: Vec<String>,
    wrong: Vec<String>,
    /// Duplicates by name.
    pub(crate) names: Vec<String>,
    /// The tasks of which more should be told if the row fails.
    pub(crate) suspects: Vec<String>,
}

impl Report {
    /// Something that was counted.
    pub(crate) fn fact(&mut self, fact: impl Into<String>) {
        self.facts.push(fact.into());
    }

    /// A count that must not be exceeded; a limit of nothing goes without saying.
    pub(crate) fn at_most(&mut self, count: usize, what: &str, limit: usize) {
        let (count_told, limit_told) = (thousands(count), thousands(limit));
        self.fact(match limit {
            0 => format!("{count_told} {what}"),
            _ => format!("{count_told} {what} (limit {limit_told})"),
        });
        self.must(count <= limit, format!("at most {limit_told} {what}"));
    }

    /// A time, and the one that must not be exceeded, where it is judged.
    pub(crate) fn within(&mut self, time: Duration, what: &str, limit: Option<Duration>) {
        let told = format!("{what} {:.1} s", time.as_secs_f64());
        let Some(limit) = limit else { return self.fact(told) };
        self.fact(format!("{told} (limit {:.1} s)", limit.as_secs_f64()));
        self.must(time <= limit, format!("{what} at most {limit:?}"));
    }

    /// Something that goes without saying, unless it does not hold.
    pub(crate) fn must(&mut self, holds: bool, what: impl Display) {
        if !holds {
            self.wrong.push(what.to_string());
        }
    }

    /// Whether the row did what it says.
    pub(crate) fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What did not hold, in words.
    pub(crate) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    pub(crate) fn line(&self) -> String {
        self.facts.join(" · ")
    }
}

/// `10,000`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut told = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_told_in_groups_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_row_holds_while_no_limit_is_exceeded() {
        let mut report = Report::default();
        report.fact("10,000 tasks");
        report.at_most(0, "lost", 0);
        report.at_most(31, "started twice", 40);
        assert_eq!(report.line(), "10,000 tasks · 0 lost · 31 started twice (limit 40)");
        assert!(report.holds());
        report.at_most(41, "started twice", 40);
        assert_eq!(report.wrong(), ["at most 40 started twice"]);
    }
}
