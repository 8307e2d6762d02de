//! Sums for INCRBYFLOAT.
//!
//! Redis adds in C's `long double` and prints seventeen decimals without the zeros at the end, so
//! 10.5 + 0.1 is 10.6. A double would say 10.59999999999999964. Decimal fractions of up to
//! seventeen places are therefore added exactly, as whole multiples of 10⁻¹⁷; what does not fit is
//! added as a double. Redis' own rounding shows beyond some nineteen digits: there 5000 + 5.6 is
//! 5005.60000000000000009, and here 5005.6.

use std::fmt;

use crate::number::parse_double;

const PLACES: usize = 17;
const ONE: i128 = 100_000_000_000_000_000;

/// A number for INCRBYFLOAT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Decimal {
    /// In units of 10⁻¹⁷.
    Exact(i128),
    /// Too large or too fine for that.
    Rounded(f64),
}

impl Decimal {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let rounded = parse_double(text)?;
        Some(exact(text).map_or(Self::Rounded(rounded), Self::Exact))
    }

    /// The sum; `None` if it is no finite number.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        if let (Self::Exact(a), Self::Exact(b)) = (self, other) {
            return a.checked_add(b).map(Self::Exact);
        }
        let sum = self.as_double() + other.as_double();
        sum.is_finite().then_some(Self::Rounded(sum))
    }

    #[expect(clippy::cast_precision_loss, reason = "the other summand is a double already")]
    fn as_double(self) -> f64 {
        match self {
            Self::Exact(units) => units as f64 / ONE as f64,
            Self::Rounded(number) => number,
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Exact(units) => {
                let sign = if *units < 0 { "-" } else { "" };
                let (whole, part) = (units.abs() / ONE, units.abs() % ONE);
                format!("{sign}{whole}.{part:0PLACES$}")
            }
            Self::Rounded(number) => format!("{number:.PLACES$}"),
        };
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Reads digits, with a point and an exponent or without, if they fit.
fn exact(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let (number, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.len() > 19 {
        return None;
    }
    let shift =
        i64::try_from(PLACES - part.len().min(PLACES)).ok()? + exponent.parse::<i64>().ok()?;
    let fits = part.len() <= PLACES && (0..=36).contains(&shift);
    let shift = usize::try_from(shift).ok().filter(|_| fits)?;
    let units: i128 = format!("{digits}{:0<shift$}", "").parse().ok()?;
    Some(if text.starts_with('-') { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let (a, b) = (Decimal::parse(a.as_bytes()), Decimal::parse(b.as_bytes()));
        a.unwrap().plus(b.unwrap()).unwrap().to_string()
    }

    #[test]
    fn tenths_add_up_as_on_paper() {
        assert_eq!(sum("10.5", "0.1"), "10.6");
        assert_eq!(sum("0.1", "0.2"), "0.3");
        assert_eq!(sum("5", "-5"), "0");
        assert_eq!(sum("-1.5", "0.25"), "-1.25");
        assert_eq!(sum("5.0e3", "200"), "5200");
    }

    #[test]
    fn infinity_is_no_sum() {
        let infinite = Decimal::parse(b"inf").unwrap();
        assert_eq!(infinite.plus(Decimal::Exact(1)), None);
    }
}
