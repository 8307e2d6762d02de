//! Sums for INCRBYFLOAT.
//!
//! Redis adds in C's `long double` and prints seventeen decimals without the zeros at the end, so
//! 10.5 + 0.1 is 10.6. A double would say 10.59999999999999964. Decimal fractions of up to
//! seventeen places are therefore added exactly, as whole multiples of 10⁻¹⁷; what does not fit is
//! added as a double. The two differ from Redis only where a `long double` itself is rounded,
//! beyond some nineteen digits.

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

/// Reads plain digits with at most seventeen decimals and nineteen digits before the point.
fn exact(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = [whole, part].iter().all(|run| run.bytes().all(|byte| byte.is_ascii_digit()));
    if !plain || whole.len() > 19 || part.len() > PLACES {
        return None;
    }
    let units: i128 = format!("{whole}{part:0<PLACES$}").parse().ok()?;
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
