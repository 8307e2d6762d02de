//! Spans of time and counts, as a projector shows them.

/// `0 s`, `12 s`, `2 min 5 s`, `45 min`, `3 h`: whole numbers and few, because they change while
/// they are read.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a negative or endless span is shown as the nearest that can be"
)]
pub(crate) fn span(seconds: f64) -> String {
    match seconds as u64 {
        s @ ..100 => format!("{s} s"),
        s @ ..600 => format!("{} min {} s", s / 60, s % 60),
        s @ ..7_200 => format!("{} min", s / 60),
        s @ ..360_000 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

/// `100,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_and_short() {
        let spans = [-1.0, 0.4, 12.9, 99.0, 125.0, 2_733.0, 12_000.0, 1e9].map(span);
        let expected = ["0 s", "0 s", "12 s", "99 s", "2 min 5 s", "45 min", "3 h", "11574 days"];
        assert_eq!(spans, expected);
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 100_000, 1_234_567].map(count),
            ["0", "999", "1,000", "100,000", "1,234,567"]
        );
    }
}
