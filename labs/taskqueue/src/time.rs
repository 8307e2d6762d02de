//! Times as Celery writes and reads them: ISO 8601, with an offset or without; and as Redis counts them.

use std::time::Duration;

use chrono::{
    DateTime, FixedOffset, NaiveDate, NaiveTime, Offset, SecondsFormat, TimeDelta, Timelike, Utc,
    Weekday,
};
use serde_json::Number;

/// Python's `datetime.isoformat`: microseconds, unless there are none.
pub(crate) fn isoformat(time: DateTime<FixedOffset>) -> String {
    let format = if time.nanosecond() < 1000 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    time.to_rfc3339_opts(format, false)
}

/// What Celery accepts as `eta` and `expires` (`dateutil.parser.isoparse`); a time without an offset is
/// UTC, and a date without a time its midnight.
pub(crate) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    let (date, rest) = date(text)?;
    let mut rest = rest.chars();
    let (after_midnight, offset) = match rest.next() {
        None => (TimeDelta::zero(), Utc.fix()),
        // Whichever it is: `T`, a blank, …
        Some(separator) if !separator.is_ascii_digit() => clock(rest.as_str())?,
        Some(_) => return None,
    };
    let time = date.and_time(NaiveTime::MIN).checked_add_signed(after_midnight)?;
    time.and_local_timezone(offset).single()
}

/// A calendar's date, a week's, or a day's of its year, with dashes or without; and what follows it.
fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = digits(text, 4)?;
    let year = i32::try_from(year).ok()?;
    let (dash, rest) = rest.strip_prefix('-').map_or(("", rest), |rest| ("-", rest));
    if let Some(rest) = rest.strip_prefix('W') {
        let (week, rest) = digits(rest, 2)?;
        let day = rest.strip_prefix(dash).and_then(|rest| digits(rest, 1));
        let (day, rest) = day.unwrap_or((1, rest));
        let day = Weekday::try_from(u8::try_from(day.checked_sub(1)?).ok()?).ok()?;
        return Some((NaiveDate::from_isoywd_opt(year, week, day)?, rest));
    }
    match rest.chars().take_while(char::is_ascii_digit).count() {
        0 if dash.is_empty() => Some((NaiveDate::from_ymd_opt(year, 1, 1)?, rest)),
        3 => {
            let (day, rest) = digits(rest, 3)?;
            Some((NaiveDate::from_yo_opt(year, day)?, rest))
        }
        length if (length == 2) != dash.is_empty() => {
            let (month, rest) = digits(rest, 2)?;
            let day = rest.strip_prefix(dash).and_then(|rest| digits(rest, 2));
            let (day, rest) = day.unwrap_or((1, rest));
            Some((NaiveDate::from_ymd_opt(year, month, day)?, rest))
        }
        _ => None,
    }
}

/// `03:04:05.678`, with colons or without, or only its beginning; and its offset.
fn clock(text: &str) -> Option<(TimeDelta, FixedOffset)> {
    let (hour, mut rest) = digits(text, 2)?;
    let mut seconds = i64::from(hour) * 3600;
    let mut micros = 0;
    for unit in [60, 1] {
        let next = rest.strip_prefix(':').unwrap_or(rest);
        let Some((count, after)) = digits(next, 2).filter(|(count, _)| *count < 60) else { break };
        seconds += i64::from(count) * unit;
        rest = after;
        if unit == 1
            && let Some(fraction) = rest.strip_prefix(['.', ','])
        {
            let length = fraction.chars().take_while(char::is_ascii_digit).count();
            // A day has no more than six digits of a second in Python.
            micros = format!("{:0<6}", fraction.get(..length.min(6))?).parse().ok()?;
            rest = fraction.get(length..).filter(|_| length > 0)?;
        }
    }
    let whole_day = seconds == 86_400 && micros == 0;
    (seconds < 86_400 || whole_day).then_some(())?;
    Some((TimeDelta::seconds(seconds) + TimeDelta::microseconds(micros), offset(rest)?))
}

/// `Z`, `+02:00`, `+0200`, `+02`, or nothing.
fn offset(text: &str) -> Option<FixedOffset> {
    let sign = match text.chars().next() {
        None => return Some(Utc.fix()),
        Some('Z' | 'z') => return (text.len() == 1).then(|| Utc.fix()),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return None,
    };
    let (hours, rest) = digits(&text[1..], 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':').unwrap_or(rest), 2).unwrap_or((0, rest));
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    if rest.is_empty() { FixedOffset::east_opt(sign * seconds) } else { None }
}

/// A number of so many digits, and what follows it.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some((number.parse().ok()?, rest))
}

/// A duration as a number of seconds: a whole number where it is one, as Celery writes it.
pub(crate) fn number(duration: Duration) -> Number {
    let whole = Number::from(duration.as_secs());
    match duration.subsec_nanos() {
        0 => whole,
        _ => Number::from_f64(duration.as_secs_f64()).unwrap_or(whole),
    }
}

/// Seconds since 1970, as Redis counts.
#[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit into 53 bits")]
pub(crate) fn seconds(time: DateTime<FixedOffset>) -> f64 {
    time.timestamp_micros() as f64 / 1e6
}

/// The time that Redis counts as `seconds` since 1970, up to the last one that Python can read.
#[expect(clippy::cast_possible_truncation, reason = "what is larger than LAST was cut")]
pub(crate) fn from_seconds(seconds: f64) -> DateTime<FixedOffset> {
    /// 9999-12-31T23:59:59.
    const LAST: f64 = 253_402_300_799.0;
    let micros = (seconds.clamp(0.0, LAST) * 1e6).round() as i64;
    DateTime::from_timestamp_micros(micros).unwrap_or_default().fixed_offset()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_celery_accepts_is_the_same_instant() {
        let expected = parse("2030-01-02T03:04:05+00:00").unwrap();
        let forms = [
            "2030-01-02T03:04:05Z",
            "2030-01-02T03:04:05",
            "2030-01-02 03:04:05",
            "2030-01-02T05:04:05+0200",
            "2030-01-02T05:04:05.000+02:00",
            "2030-01-02T03:04:05.000000000Z",
            "2030-01-02x03:04:05,000",
            "20300102T030405z",
            "2030-01-02T0304:05",
            "2030-01-02T05:04:05+02",
            "2030-W01-3T03:04:05",
            "2030W013T03:04:05",
            "2030-002T03:04:05",
            "2030-01-02T00:34:05-02:30",
        ];
        for form in forms {
            assert_eq!(parse(form), Some(expected), "{form}");
        }
    }

    /// What `isoparse` says to the same.
    #[test]
    fn a_time_may_lack_its_end() {
        let cases = [
            ("2030-01-02", "2030-01-02T00:00:00+00:00"),
            ("20300102", "2030-01-02T00:00:00+00:00"),
            ("2030-01", "2030-01-01T00:00:00+00:00"),
            ("2030", "2030-01-01T00:00:00+00:00"),
            ("2030-W01", "2029-12-31T00:00:00+00:00"),
            ("2030002", "2030-01-02T00:00:00+00:00"),
            ("2030-01-02T03", "2030-01-02T03:00:00+00:00"),
            ("2030-01-02T03:04", "2030-01-02T03:04:00+00:00"),
            ("2030-01-02T24:00", "2030-01-03T00:00:00+00:00"),
            ("2030-01-02T03:04:05,5", "2030-01-02T03:04:05.500000+00:00"),
            ("2030-01-02T03:04:05.123456789", "2030-01-02T03:04:05.123456+00:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(isoformat).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "garbage",
            "1577836800",
            "2030-13-01T00:00:00",
            "2030-01-02T",
            "2030-01-02T03:04:05.",
            "2030-01-02T03:04.5",
            "2030-01-02T03:04:60",
            "2030-01-02T24:01",
            "2030-01-02T03:04:05 +02:00",
            "2030-01-02T03:04:05UTC",
            "2030-01-02T03:04:05+00:00:00",
            "2030-01-02T03:04:05+99:00",
            "2030-W60",
            "2030-W01-9",
            "2030-1-2",
            "größe",
            " 2030-01-02",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_the_same_after_its_way_through_redis_seconds() {
        let time = parse("2026-11-22T06:06:36.311013+00:00").unwrap();
        assert_eq!(from_seconds(seconds(time)), time);
        assert_eq!(isoformat(from_seconds(f64::MAX)), "9999-12-31T23:59:59+00:00");
    }

    #[test]
    fn writes_microseconds_unless_there_are_none() {
        for text in ["2026-11-22T06:06:36.311013+00:00", "2030-01-02T03:04:05+02:00"] {
            assert_eq!(isoformat(parse(text).unwrap()), text);
        }
    }
}
