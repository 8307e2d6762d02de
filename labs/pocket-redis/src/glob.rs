//! Glob patterns, as KEYS, SCAN, PSUBSCRIBE and CONFIG GET understand them.
//!
//! `*` any run, `?` any byte, `[a-c]` and `[^a]` classes, `\` takes the next byte literally.
//! The matcher goes back only to the last `*`, so its work is bounded by pattern × text: a
//! pattern such as `*a*a*a*b` cannot hold the server.

/// Whether `text` as a whole matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    walk(pattern, text, false)
}

/// The same without regard to ASCII case, as CONFIG GET compares names.
pub(crate) fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    walk(pattern, text, true)
}

fn walk(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut last_star = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            last_star = Some((at, seen));
            continue;
        }
        let step = match (pattern.get(at), text.get(seen)) {
            (None, None) => return true,
            (Some(_), Some(&byte)) => one(&pattern[at..], byte, ignore_case),
            _ => None,
        };
        match (step, &mut last_star) {
            (Some(width), _) => {
                at += width;
                seen += 1;
            }
            (None, Some((after, resume))) if *resume < text.len() => {
                *resume += 1;
                (at, seen) = (*after, *resume);
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the head of the pattern; gives how much of the pattern it used.
fn one(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let fold = |b: u8| if ignore_case { b.to_ascii_lowercase() } else { b };
    let (hit, width) = match pattern {
        [b'?', ..] => (true, 1),
        [b'[', class @ ..] => {
            let (hit, width) =
                in_class(class, |low, high| (fold(low)..=fold(high)).contains(&fold(byte)));
            (hit, width + 1)
        }
        [b'\\', literal, ..] => (fold(*literal) == fold(byte), 2),
        [literal, ..] => (fold(*literal) == fold(byte), 1),
        [] => (false, 0),
    };
    hit.then_some(width)
}

/// Tries a class (what follows `[`); gives the verdict and the width with its `]`.
fn in_class(class: &[u8], within: impl Fn(u8, u8) -> bool) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut hit = false;
    loop {
        match &class[at.min(class.len())..] {
            // Redis takes a class that is never closed as if it ended with the pattern.
            [] => return (hit != negated, class.len()),
            [b']', ..] => return (hit != negated, at + 1),
            [b'\\', literal, ..] => {
                hit |= within(*literal, *literal);
                at += 2;
            }
            [from, b'-', to, ..] => {
                hit |= within(*from.min(to), *from.max(to));
                at += 3;
            }
            [literal, ..] => {
                hit |= within(*literal, *literal);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_manual() {
        let hits = [
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hbllo"),
            ("h[a-b]llo", "hbllo"),
            ("*", ""),
            ("a\\*b", "a*b"),
            ("[b-a]", "a"),
            ("[abc", "a"),
        ];
        for (pattern, text) in hits {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        for (pattern, text) in
            [("h?llo", "hllo"), ("h[^e]llo", "hello"), ("a\\*b", "axb"), ("a", "ab")]
        {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_full_of_stars_does_not_explode() {
        let pattern = "*a".repeat(1_000) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(10_000).as_bytes()));
    }
}
