//! Times as Celery writes and reads them: ISO 8601, with an offset or without; and as Redis counts them.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDateTime, SecondsFormat, Timelike};
use serde_json::Number;

/// Python's `datetime.isoformat`: microseconds, unless there are none.
pub(crate) fn isoformat(time: DateTime<FixedOffset>) -> String {
    let format = if time.nanosecond() < 1000 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    time.to_rfc3339_opts(format, false)
}

/// What Celery accepts as `eta` and `expires`; a time without an offset is UTC.
pub(crate) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    let text = text.replacen(' ', "T", 1);
    let text = text.strip_suffix('Z').map_or(text.clone(), |naive| format!("{naive}+00:00"));
    DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z").ok().or_else(|| {
        let naive = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        Some(naive.and_utc().fixed_offset())
    })
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
        ];
        for form in forms {
            assert_eq!(parse(form), Some(expected), "{form}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "garbage", "1577836800", "2030-13-01T00:00:00", "2030-01-02"] {
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
