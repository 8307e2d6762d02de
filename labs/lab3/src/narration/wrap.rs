//! Sentences within the screen's width.

use super::WIDTH;

/// Breaks lines at spaces so that none is wider than [`WIDTH`]: the first begins at column `first`,
/// the others are indented. What stands between backticks is to be copied and stays whole, however
/// long, and so does a word.
pub(super) fn wrapped(text: &str, first: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = first;
    for (number, line) in text.lines().enumerate() {
        let mut fresh = number == 0;
        for (index, word) in words(line).into_iter().enumerate() {
            let length = word.chars().count();
            let breaks = (number > 0 && index == 0) || column + 1 + length > WIDTH;
            if breaks && !fresh {
                wrapped.push('\n');
                wrapped.push_str(&" ".repeat(indent));
                column = indent;
            } else if !fresh {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(&word);
            column += length;
            fresh = false;
        }
    }
    wrapped
}

fn words(line: &str) -> Vec<String> {
    let paired = line.matches('`').count().is_multiple_of(2);
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        match words.last_mut() {
            Some(open) if paired && !open.matches('`').count().is_multiple_of(2) => {
                open.push(' ');
                open.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::TIME_AND_WORD;
    use super::*;

    #[test]
    fn long_sentences_are_broken_at_spaces_within_eighty_columns() {
        let sentence = "word ".repeat(40);
        let text = wrapped(&sentence, TIME_AND_WORD, 10);
        let widths: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
        assert!(
            widths[0] + TIME_AND_WORD <= WIDTH && widths[1..].iter().all(|width| *width <= WIDTH)
        );
        assert_eq!(text.split_whitespace().count(), 40);
    }

    #[test]
    fn a_command_that_is_to_be_copied_stays_on_one_line() {
        let sentence = format!("{} with `redis-cli -p 7000 LLEN celery`, then", "word ".repeat(10));
        let text = wrapped(&sentence, TIME_AND_WORD, 10);
        assert!(text.contains("\n          `redis-cli -p 7000 LLEN celery`, then"), "{text}");
        let odd = "a ` in what somebody wrote ".repeat(5);
        assert!(wrapped(&odd, 0, 0).lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn lines_that_were_apart_stay_apart() {
        assert_eq!(wrapped("one\n  next: two", TIME_AND_WORD, 10), "one\n          next: two");
        assert_eq!(wrapped("short", TIME_AND_WORD, 10), "short");
    }
}
