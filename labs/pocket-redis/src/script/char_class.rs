//! What one item of a Lua pattern accepts: a byte, `.`, a class such as `%a`, a set such as `[a-z]`.

/// A byte of the pattern; zero behind its end.
pub(super) fn at(pattern: &[u8], at: usize) -> u8 {
    pattern.get(at).copied().unwrap_or(0)
}

/// Where the item that begins at `p` ends; else Lua's words about what is wrong with it.
pub(super) fn end(pattern: &[u8], p: usize) -> Result<usize, &'static str> {
    let pat = |place| at(pattern, place);
    match (pat(p), pat(p + 1)) {
        (b'%', 0) => Err("malformed pattern (ends with '%')"),
        (b'%', _) => Ok(p + 2),
        (b'[', first) => {
            let mut place = p + 1 + usize::from(first == b'^');
            loop {
                match pat(place) {
                    0 => return Err("malformed pattern (missing ']')"),
                    b'%' if pat(place + 1) != 0 => place += 2,
                    _ => place += 1,
                }
                if pat(place) == b']' {
                    return Ok(place + 1);
                }
            }
        }
        _ => Ok(p + 1),
    }
}

/// Whether the item between `p` and `end` accepts a byte.
pub(super) fn accepts(pattern: &[u8], byte: u8, p: usize, end: usize) -> bool {
    match at(pattern, p) {
        b'.' => true,
        b'%' => is_class(byte, at(pattern, p + 1)),
        b'[' => in_set(pattern, byte, p, end - 1),
        literal => literal == byte,
    }
}

/// Whether a byte is in the set that begins at `p` and whose bracket closes at `close`.
pub(super) fn in_set(pattern: &[u8], byte: u8, p: usize, close: usize) -> bool {
    let pat = |place| at(pattern, place);
    let negated = pat(p + 1) == b'^';
    let mut place = p + usize::from(negated) + 1;
    while place < close {
        let hit = match (pat(place), pat(place + 1)) {
            (b'%', class) => {
                place += 1;
                is_class(byte, class)
            }
            (from, b'-') if place + 2 < close => {
                place += 2;
                (from..=pat(place)).contains(&byte)
            }
            (literal, _) => literal == byte,
        };
        if hit {
            return !negated;
        }
        place += 1;
    }
    negated
}

fn is_class(byte: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b'\t'..=b'\r' | b' '),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is != class.is_ascii_uppercase()
}
