//! What Python can't read, although it is JSON: kombu's `loads` raises at it.
//!
//! A worker of Celery's reads what has stood in `unacked` for an hour, and ends at such an entry.

use serde_json::Value;

use super::{length_of_string, read};
use crate::tagged::tagged;

/// Python's limit for the digits of a whole number is 4,300.
const MAX_DIGITS: usize = 4000;
/// Python's limit is about a thousand levels; nobody needs a hundred.
const MAX_DEPTH: usize = 100;

/// Whether Python, too, can read what serde_json can.
pub(crate) fn is_pythons(json: &str) -> bool {
    has_short_numbers_and_few_levels(json) && has_known_tags(json)
}

fn has_short_numbers_and_few_levels(json: &str) -> bool {
    let (mut digits, mut depth) = (0_usize, 0_usize);
    let mut at = 0;
    while let Some(byte) = json.as_bytes().get(at) {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if digits > MAX_DIGITS || depth > MAX_DEPTH {
            return false;
        }
        at += if *byte == b'"' { length_of_string(&json[at..]) } else { 1 };
    }
    true
}

/// An underscore may be written as an escape.
fn has_known_tags(json: &str) -> bool {
    if !json.contains("__type__") && !json.contains("\\u005") {
        return true;
    }
    serde_json::from_str(&read(json).text).is_ok_and(|value: Value| is_known(&value))
}

fn is_known(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_known),
        Value::Object(fields) => {
            let is_tagged = fields.len() == 2
                && fields.contains_key("__type__")
                && fields.contains_key("__value__");
            (!is_tagged || tagged(value).is_some()) && fields.values().all(is_known)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_digits_or_levels_than_python_takes_are_found_outside_of_texts() {
        let (digits, levels) = ("1".repeat(MAX_DIGITS), "[".repeat(MAX_DEPTH));
        let closed = "]".repeat(MAX_DEPTH);
        assert!(
            is_pythons(&format!("[{digits}, {digits}]")) && is_pythons(&(levels.clone() + &closed))
        );
        assert!(is_pythons(&format!(r#"["\"{digits}1", "{levels}["]"#)));
        assert!(
            !is_pythons(&format!("[{digits}1]")) && !is_pythons(&format!("[{levels}{closed}]"))
        );
    }

    #[test]
    fn a_tag_that_kombu_does_not_know_is_found_at_any_depth_and_however_it_is_written() {
        for text in [
            r#"{"__type__": "date", "__value__": "2026-01-02"}"#,
            r#"{"__type__": "no such", "__value__": 1, "more": 1}"#,
            r#"["__type__", {"__type__": 1}]"#,
        ] {
            assert!(is_pythons(text), "{text}");
        }
        for text in [
            r#"{"headers": [{"__type__": "no such", "__value__": 1}]}"#,
            r#"{"\u005f_type__": "uuid", "__value__": {"hex": "short"}}"#,
            r#"{"__type__": ["date"], "__value__": "\ud83d"}"#,
        ] {
            assert!(!is_pythons(text), "{text}");
        }
    }
}
