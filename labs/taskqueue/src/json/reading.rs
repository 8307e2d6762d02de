//! JSON text as Python's `json.loads` takes it, made into what serde_json takes.
//!
//! Python reads two things that JSON doesn't have: half a surrogate pair, which no text of ours can
//! hold and which becomes U+FFFD, and `NaN`, `Infinity` and `-Infinity`, which become null and are
//! reported, so that nobody takes them for one.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// JSON that serde_json can read.
#[derive(Debug, PartialEq)]
pub(crate) struct Read<'a> {
    pub(crate) text: Cow<'a, str>,
    /// The first number that JSON does not have; null stands in its place.
    pub(crate) no_number: Option<&'static str>,
}

const NO_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Like `serde_json::from_slice`, of what Python may have written.
pub(crate) fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(&read(&String::from_utf8_lossy(bytes)).text)
}

/// Reads what Python may have written. What is no JSON at all stays none.
pub(crate) fn read(text: &str) -> Read<'_> {
    let surrogates = text.contains("\\ud") || text.contains("\\uD");
    if !surrogates && !text.contains("NaN") && !text.contains("Infinity") {
        return Read { text: Cow::Borrowed(text), no_number: None };
    }
    let mut strict = String::with_capacity(text.len());
    let mut no_number = None;
    let mut rest = text;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        let (before, from) = rest.split_at(at);
        strict.push_str(before);
        rest = if from.starts_with('"') {
            string(from, &mut strict)
        } else if let Some(word) = NO_NUMBERS.into_iter().find(|word| from.starts_with(word)) {
            strict.push_str("null");
            no_number = no_number.or(Some(word));
            &from[word.len()..]
        } else {
            strict.push_str(&from[..1]);
            &from[1..]
        };
    }
    strict.push_str(rest);
    Read { text: Cow::Owned(strict), no_number }
}

/// Copies the string at the beginning of `from`; what comes after it.
fn string<'a>(from: &'a str, strict: &mut String) -> &'a str {
    strict.push('"');
    let mut rest = &from[1..];
    while let Some(at) = rest.find(['"', '\\']) {
        let (before, from) = rest.split_at(at);
        strict.push_str(before);
        if let Some(after) = from.strip_prefix('"') {
            strict.push('"');
            return after;
        }
        let taken = escape(from, strict);
        rest = &from[taken..];
    }
    strict.push_str(rest);
    ""
}

/// Copies the escape at the beginning of `from`; its length.
fn escape(from: &str, strict: &mut String) -> usize {
    let pair = matches!(unit(from), Some(0xd800..0xdc00))
        && matches!(from.get(6..).and_then(unit), Some(0xdc00..0xe000));
    let length = match unit(from) {
        Some(0xd800..0xe000) if !pair => {
            strict.push_str("\\ufffd");
            return 6;
        }
        Some(_) if pair => 12,
        Some(_) => 6,
        // The character after the backslash, whichever it is.
        None => 1 + from[1..].chars().next().map_or(0, char::len_utf8),
    };
    strict.push_str(&from[..length]);
    length
}

/// The code unit of `\uXXXX`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u16::from_str_radix(digits, 16).ok()
}

/// The first whole number that does not fit into 64 bits, which Python has and serde_json would round.
pub(crate) fn long_integer(json: &str) -> Option<&str> {
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let from = &rest[at..];
        if from.starts_with('"') {
            rest = &from[length_of_string(from)..];
            continue;
        }
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let number = &from[..end];
        let whole = !number.contains(['.', 'e', 'E']);
        if whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = &from[end..];
    }
    None
}

/// How long the string at the beginning of `from` is, with its quotes.
pub(super) fn length_of_string(from: &str) -> usize {
    let bytes = from.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            // The next one is escaped, whatever it is; of a longer character its first byte.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn value(text: &str) -> Value {
        from_slice(text.as_bytes()).unwrap()
    }

    #[test]
    fn half_a_surrogate_pair_is_the_replacement_character_and_a_whole_one_stays() {
        assert_eq!(value(r#""broken \ud83d""#), json!("broken \u{fffd}"));
        assert_eq!(
            value(r#""\udc00\ud83d\ude00\uD83D\uD83D""#),
            json!("\u{fffd}😀\u{fffd}\u{fffd}")
        );
        // A backslash, and then what only looks like an escape.
        assert_eq!(value(r#"{"\\ud83d": "\\\ud83d\"NaN"}"#), json!({"\\ud83d": "\\\u{fffd}\"NaN"}));
    }

    #[test]
    fn a_number_that_json_does_not_have_is_null_and_reported() {
        let text = r#"["NaN", -1, NaN, -Infinity, {"Infinity": Infinity}]"#;
        assert_eq!(value(text), json!(["NaN", -1, null, null, {"Infinity": null}]));
        assert_eq!(read(text).no_number, Some("NaN"));
        assert_eq!(read(r#"["NaN"]"#).no_number, None);
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for text in [r#""\ud83d"#, r#""\ud8"#, r#""\"#, "nan", "[NaN", r#""\u{e9}\ud83d\xe9""#, "-"]
        {
            assert!(from_slice::<Value>(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_whole_number_beyond_64_bits_is_found_and_no_other() {
        let fits = r#"[18446744073709551615, -9223372036854775808, 1e300, 123456789012345678901.5, "99999999999999999999\"", 0]"#;
        assert_eq!(long_integer(fits), None);
        assert_eq!(long_integer("[1, 18446744073709551616]"), Some("18446744073709551616"));
        assert_eq!(long_integer(r#"{"\\": -9223372036854775809}"#), Some("-9223372036854775809"));
    }
}
