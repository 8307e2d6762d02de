//! One item of C's `printf`, such as `%-08.3f`, as `string.format` hands it to C.

/// A parsed item: its flags, its width and its precision. Two digits each, so all are small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) left: bool,
    pub(super) plus: bool,
    pub(super) blank: bool,
    pub(super) alternate: bool,
    pub(super) zeros: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
}

impl Item {
    /// Reads what stands between `%` and the letter; gives how long it is, or Lua's complaint.
    pub(super) fn parse(text: &[u8]) -> Result<(Self, usize), &'static str> {
        let mut item = Self::default();
        let flags = text.iter().take_while(|byte| b"-+ #0".contains(byte)).count();
        if flags > 5 {
            return Err("invalid format (repeated flags)");
        }
        for flag in &text[..flags] {
            match flag {
                b'-' => item.left = true,
                b'+' => item.plus = true,
                b' ' => item.blank = true,
                b'#' => item.alternate = true,
                _ => item.zeros = true,
            }
        }
        let (width, mut at) = digits(text, flags);
        item.width = width.unwrap_or(0);
        if text.get(at) == Some(&b'.') {
            let (precision, end) = digits(text, at + 1);
            item.precision = Some(precision.unwrap_or(0));
            at = end;
        }
        if text.get(at).is_some_and(u8::is_ascii_digit) {
            return Err("invalid format (width or precision too long)");
        }
        Ok((item, at))
    }

    /// `%s`: like C, up to the first zero byte.
    pub(super) fn text(&self, text: &[u8]) -> Vec<u8> {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        let end = self.precision.map_or(end, |precision| precision.min(end));
        self.pad(text[..end].to_vec(), false)
    }

    /// `%d`
    pub(super) fn signed(&self, number: i64) -> Vec<u8> {
        let digits = self.at_least(number.unsigned_abs().to_string());
        let sign = self.sign(number < 0);
        self.pad([sign, digits.as_bytes()].concat(), self.precision.is_none())
    }

    /// `%u`, `%o`, `%x`, `%X`
    pub(super) fn unsigned(&self, number: u64, letter: u8) -> Vec<u8> {
        let digits = match letter {
            b'o' => format!("{number:o}"),
            b'x' => format!("{number:x}"),
            b'X' => format!("{number:X}"),
            _ => number.to_string(),
        };
        let mut digits = self.at_least(digits);
        if self.alternate && letter == b'o' && !digits.starts_with('0') {
            digits.insert(0, '0');
        }
        let prefix: &[u8] = match letter {
            b'x' if self.alternate && number != 0 => b"0x",
            b'X' if self.alternate && number != 0 => b"0X",
            _ => b"",
        };
        self.pad([prefix, digits.as_bytes()].concat(), self.precision.is_none())
    }

    /// `%e`, `%f`, `%g` and their capitals
    pub(super) fn float(&self, number: f64, letter: u8) -> Vec<u8> {
        let sign = self.sign(number.is_sign_negative());
        let number = number.abs();
        let precision = self.precision.unwrap_or(6);
        let mut text = match letter.to_ascii_lowercase() {
            _ if number.is_nan() => "nan".to_owned(),
            _ if number.is_infinite() => "inf".to_owned(),
            b'e' => self.scientific(number, precision),
            b'f' => self.pointed(format!("{number:.precision$}")),
            _ => self.general(number, precision.max(1)),
        };
        if letter.is_ascii_uppercase() {
            text.make_ascii_uppercase();
        }
        self.pad([sign, text.as_bytes()].concat(), number.is_finite())
    }

    fn scientific(&self, number: f64, precision: usize) -> String {
        let text = format!("{number:.precision$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = self.pointed(mantissa.to_owned());
        match exponent.strip_prefix('-') {
            Some(exponent) => format!("{mantissa}e-{exponent:0>2}"),
            None => format!("{mantissa}e+{exponent:0>2}"),
        }
    }

    fn general(&self, number: f64, digits: usize) -> String {
        let scientific = format!("{number:.*e}", digits - 1);
        let exponent = scientific.split_once('e').and_then(|(_, text)| text.parse().ok());
        let exponent: i64 = exponent.unwrap_or(0);
        let most = i64::try_from(digits).unwrap_or(i64::MAX);
        if exponent < -4 || exponent >= most {
            let text = self.scientific(number, digits - 1);
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
            return format!("{}e{exponent}", self.without_zeros(mantissa));
        }
        let decimals = usize::try_from(most - 1 - exponent).unwrap_or(0);
        let text = self.pointed(format!("{number:.decimals$}"));
        self.without_zeros(&text).to_owned()
    }

    /// `#` keeps the point, and in `%g` the zeros.
    fn pointed(&self, mut text: String) -> String {
        if self.alternate && !text.contains('.') {
            text.push('.');
        }
        text
    }

    fn without_zeros<'a>(&self, text: &'a str) -> &'a str {
        if self.alternate || !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.')
    }

    fn at_least(&self, digits: String) -> String {
        match self.precision {
            Some(0) if digits == "0" => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        }
    }

    fn sign(&self, negative: bool) -> &'static [u8] {
        match (negative, self.plus, self.blank) {
            (true, ..) => b"-",
            (_, true, _) => b"+",
            (.., true) => b" ",
            _ => b"",
        }
    }

    /// Fills up to the width: with blanks, or with zeros behind the sign where they may stand.
    pub(super) fn pad(&self, mut text: Vec<u8>, zeros: bool) -> Vec<u8> {
        let missing = self.width.saturating_sub(text.len());
        if self.left {
            text.resize(text.len() + missing, b' ');
        } else if self.zeros && zeros {
            let hex = text.len() >= 2 && matches!(&text[..2], b"0x" | b"0X");
            let signed = text.first().is_some_and(|byte| b"+- ".contains(byte));
            let at = if hex { 2 } else { usize::from(signed) };
            text.splice(at..at, std::iter::repeat_n(b'0', missing));
        } else {
            text.splice(0..0, std::iter::repeat_n(b' ', missing));
        }
        text
    }
}

/// Up to two digits: their value, and where they end.
fn digits(text: &[u8], at: usize) -> (Option<usize>, usize) {
    let rest = text.get(at..).unwrap_or_default();
    let count = rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&rest[..count]).ok().and_then(|text| text.parse().ok());
    (value, at + count)
}
