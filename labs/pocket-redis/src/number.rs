//! Numbers as Redis reads and writes them.
//!
//! Redis is strict with integers (`01`, `+1` and ` 1` are refused) and prints doubles with
//! seventeen significant digits, as C's `%.17g` does. Clients see both, so both are kept here,
//! apart from the commands.

/// Reads an integer as Redis' `string2ll` does: no sign but `-`, no leading zero, no blanks.
pub(crate) fn parse_int(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Reads a double as Redis' `string2d` does: infinities are numbers, NaN and overflow are not.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let number = parse_loosely(text)?;
    let text = std::str::from_utf8(text).ok()?;
    // What is too small to be told from zero is refused like what is too large.
    if number == 0.0
        && text
            .bytes()
            .take_while(|byte| !b"eE".contains(byte))
            .any(|digit| (b'1'..=b'9').contains(&digit))
    {
        return None;
    }
    let spelled_out = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    if number.is_nan() || (number.is_infinite() && !spelled_out) {
        return None;
    }
    Some(number)
}

/// Reads a double that may be too large, which is infinity, or too small, which is zero.
pub(crate) fn parse_loosely(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let number: f64 = parse_hex(text).or_else(|| text.parse().ok())?;
    Some(number).filter(|number| !number.is_nan())
}

/// Reads `0x1F`, `-0x1.8p3` and the like, as C's `strtod` does.
fn parse_hex(text: &str) -> Option<f64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let rest = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"))?;
    let (digits, exponent) = rest.split_once(['p', 'P']).unwrap_or((rest, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut number = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(part.len() * 4).ok()?)?;
    Some(sign * number * 2.0_f64.powi(shift))
}

/// Prints a double with up to `digits` significant digits, as C's `%.*g` does.
pub(crate) fn format_g(number: f64, digits: usize) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if number.is_nan() {
        return if number.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    let scientific = format!("{number:.*e}", digits - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let precision = i32::try_from(digits).unwrap_or(17);
    if exponent < -4 || exponent >= precision {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
    without_zeros(&format!("{number:.decimals$}")).to_owned()
}

/// A double in a reply or in an argument that a script hands over.
pub(crate) fn format_double(number: f64) -> String {
    // Most scores are whole numbers, and those need no search for digits.
    if number.fract() == 0.0 && number.abs() < 1e15 && !(number == 0.0 && number.is_sign_negative())
    {
        return format!("{number:.0}");
    }
    format_g(number, 17)
}

/// Cuts the zeros that say nothing, and the point when nothing follows it.
fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_strictly() {
        for refused in ["", "-", "+1", "01", "-0", " 1", "1 ", "9223372036854775808"] {
            assert_eq!(parse_int(refused.as_bytes()), None, "{refused:?}");
        }
        assert_eq!(parse_int(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_int(b"0"), Some(0));
    }

    #[test]
    fn doubles_are_printed_as_c_prints_them() {
        assert_eq!(format_double(0.1), "0.10000000000000001");
        assert_eq!(format_double(1e17), "1e+17");
        assert_eq!(format_double(-3.0), "-3");
        assert_eq!(format_double(-0.0), "-0");
        assert_eq!(format_double(1.5e-7), "1.4999999999999999e-07");
        assert_eq!(format_g(0.1, 14), "0.1");
    }

    #[test]
    fn an_overflowing_double_is_refused_but_infinity_is_not() {
        assert_eq!(parse_double(b"1e400"), None);
        assert_eq!(parse_double(b"nan"), None);
        assert_eq!(parse_double(b"-inf"), Some(f64::NEG_INFINITY));
    }
}
