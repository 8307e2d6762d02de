//! Text in quotes: how redis-cli and MONITOR write bytes, and how an inline command is split.

/// Writes bytes in double quotes with C escapes, as Redis' `sdscatrepr` does.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

/// Splits an inline command into its arguments; `None` if a quote is left open.
pub(crate) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = line;
    let mut args = Vec::new();
    loop {
        while let [byte, after @ ..] = rest
            && is_blank(*byte)
        {
            rest = after;
        }
        if rest.is_empty() {
            return Some(args);
        }
        let (arg, after) = word(rest)?;
        args.push(arg);
        rest = after;
    }
}

/// Takes one argument, which may be made of quoted and bare parts.
fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut arg = Vec::new();
    loop {
        match rest {
            [] => return Some((arg, rest)),
            [b'"', inner @ ..] => return closed(double_quoted(inner, &mut arg)?, arg),
            [b'\'', inner @ ..] => return closed(single_quoted(inner, &mut arg)?, arg),
            [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some((arg, rest)),
            [byte, after @ ..] => {
                arg.push(*byte);
                rest = after;
            }
        }
    }
}

/// A closing quote must end the argument: `"a"b` is refused.
fn closed(rest: &[u8], arg: Vec<u8>) -> Option<(Vec<u8>, &[u8])> {
    match rest.first() {
        Some(&byte) if !is_blank(byte) => None,
        _ => Some((arg, rest)),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c)
}

fn double_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                arg.push(hex(*high)? * 16 + hex(*low)?);
                after
            }
            [b'\\', escaped, after @ ..] => {
                arg.push(unescape(*escaped));
                after
            }
            [byte, after @ ..] => {
                arg.push(*byte);
                after
            }
        };
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] => {
                arg.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                arg.push(*byte);
                after
            }
        };
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_monitor_writes_them() {
        assert_eq!(quote(b"celery\x06\x163 \"q\"\n\xff"), r#""celery\x06\x163 \"q\"\n\xff""#);
    }

    #[test]
    fn an_inline_command_is_split_at_blanks_and_quotes() {
        let args = split(br#"set "a b" 'c\'d' "\x41\n""#).unwrap();
        assert_eq!(args, [&b"set"[..], b"a b", b"c'd", b"A\n"]);
    }

    #[test]
    fn an_open_quote_is_refused() {
        assert_eq!(split(b"set \"a"), None);
        assert_eq!(split(b"set \"a\"b"), None);
    }

    #[test]
    fn odd_blanks_come_to_an_end() {
        let words = |line: &[u8]| split(line).map(|args| args.len());
        assert_eq!(words(b"\x0bget\x0c\x0b"), Some(1));
        assert_eq!(words(b"\0 \x0b"), Some(1));
    }
}
