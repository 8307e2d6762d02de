//! A Redis command as it can be typed into a shell, whatever stands in a key.
//!
//! Keys come from outside: a task's id, a queue's name. Plain ones stay as they are; with blanks or
//! what a shell would read they stand in single quotes; with other bytes they stand in redis-cli's
//! own quotes as well, and redis-cli is told to read those (`--quoted-input`, since 6.2).

use crate::printable::steers;

/// The words of a command, after `redis-cli`.
#[must_use]
pub fn command<W: AsRef<[u8]>>(words: &[W]) -> String {
    let bare = |word: &W| !is_readable(word.as_ref());
    let quoted = words.iter().any(bare);
    let shown = words.iter().map(|word| argument(word.as_ref(), quoted));
    let option = quoted.then(|| "--quoted-input".to_owned());
    option.into_iter().chain(shown).collect::<Vec<_>>().join(" ")
}

/// The command that gets the result of the task `id`.
#[must_use]
pub fn get_result(id: &str) -> String {
    command(&["GET", &format!("celery-task-meta-{id}")])
}

/// One word; `quoted` says that redis-cli reads quotes.
fn argument(word: &[u8], quoted: bool) -> String {
    match std::str::from_utf8(word) {
        Ok(text) if is_plain(text) => text.to_owned(),
        Ok(text) if !quoted => format!("'{text}'"),
        // The shell's quote is the one that must not stand inside.
        _ => format!("'{}'", quote(word).replace('\'', "\\x27")),
    }
}

/// Whether a shell hands it on as it stands, and no eye is deceived.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_.:@/+-=,%".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// Whether it can stand between single quotes.
fn is_readable(word: &[u8]) -> bool {
    let readable = |c: char| !c.is_control() && !steers(c) && c != '\'';
    std::str::from_utf8(word).is_ok_and(|text| text.chars().all(readable))
}

/// As redis-cli quotes: every byte that is not printable ASCII as `\xNN`.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

/// A name as it stands where it is plain, and as redis-cli quotes it elsewhere.
#[must_use]
pub fn name(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => text.to_owned(),
        _ => quote(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_whatever_stands_in_its_key() {
        let cases: [(&[u8], &str); 8] = [
            (b"celery-task-meta-1", "GET celery-task-meta-1"),
            ("größe".as_bytes(), "GET größe"),
            (b"a b", "GET 'a b'"),
            (b"a*$(reboot)\"b\"", "GET 'a*$(reboot)\"b\"'"),
            (b"ann's", r#"GET '"ann\x27s"'"#),
            (b"x\x1b]0;X\x07", r#"GET '"x\x1b]0;X\a"'"#),
            (b"\xff\x00", r#"GET '"\xff\x00"'"#),
            ("a\u{202e}b".as_bytes(), r#"GET '"a\xe2\x80\xaeb"'"#),
        ];
        for (key, expected) in cases {
            let shown = command(&[b"GET", key]);
            let shown = shown.strip_prefix("--quoted-input ").unwrap_or(&shown);
            assert_eq!(shown, expected);
        }
        assert!(command(&["GET", "a\nb"]).starts_with("--quoted-input GET "));
        assert_eq!(command(&["GET", ""]), "GET ''");
        assert_eq!(get_result("a b"), "GET 'celery-task-meta-a b'");
    }

    #[test]
    fn a_name_stands_as_redis_cli_writes_it() {
        assert_eq!(name(b"celery"), "celery");
        assert_eq!(name(b"_kombu.binding.\x06\x16"), r#""_kombu.binding.\x06\x16""#);
        assert_eq!(name("a b".as_bytes()), r#""a b""#);
    }
}
