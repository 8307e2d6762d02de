//! What the redirect tells the page behind it: which task, and the numbers that only the form knows.
//!
//! It travels in the address, so that nobody has to remember it: the page can be loaded again
//! whenever somebody likes, from a form that was started since. Whoever writes other numbers into the
//! address reads other numbers; one that makes no sense is left out.

use std::time::{Duration, SystemTime};

use super::rejection::Rejection;
use super::urlencoded;

/// More is no wait but an accident, or a joke.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Milliseconds since 1970; it is reached in the year 5138.
const LAST_MOMENT: u64 = 100_000_000_000_000;

/// What the visitor gets with the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Where a task does the work: its id.
    pub(crate) task: Option<String>,
    /// When it was handed to the queue.
    pub(crate) sent: Option<SystemTime>,
    /// From the arrival of the request to its answer.
    pub(crate) waited: Option<Duration>,
    /// Where the work was done inside the request: how long it took.
    pub(crate) worked: Option<Duration>,
}

impl Receipt {
    /// As it stands in an address, with its `?`.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(task) = &self.task {
            query.append_pair("task", task);
        }
        let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
        for (name, duration) in [
            ("sent", self.sent.and_then(since_1970)),
            ("waited", self.waited),
            ("worked", self.worked),
        ] {
            if let Some(duration) = duration {
                query.append_pair(name, &millis(duration));
            }
        }
        format!("?{}", query.finish())
    }

    /// Reads it from an address. A task's id is looked up in Redis later, so it must look like one.
    pub(crate) fn read(query: &str) -> Result<Self, Rejection> {
        let pairs = urlencoded::pairs(query.as_bytes()).ok_or(Rejection::Malformed)?;
        let field = |name| urlencoded::last(&pairs, name);
        if field("task").is_some_and(|id| !is_id(id)) {
            return Err(Rejection::NotFound);
        }
        let number = |name| field(name).and_then(|digits| digits.parse::<u64>().ok());
        let duration = |name| field(name).and_then(duration).filter(|d| *d <= LONGEST);
        let moment = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        Ok(Self {
            task: field("task").map(str::to_owned),
            sent: number("sent").filter(|ms| *ms <= LAST_MOMENT).map(moment),
            waited: duration("waited"),
            worked: duration("worked"),
        })
    }
}

/// `6`, or `6.25` where there are microseconds.
fn millis(duration: Duration) -> String {
    let digits = format!("{}.{:03}", duration.as_millis(), duration.subsec_micros() % 1000);
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Reads what `millis` writes.
fn duration(digits: &str) -> Option<Duration> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(all_digits(whole) && all_digits(fraction) && (1..=3).contains(&fraction.len())) {
        return None;
    }
    let micros = format!("{fraction:0<3}").parse().ok()?;
    Some(Duration::from_millis(whole.parse().ok()?) + Duration::from_micros(micros))
}

/// What may become part of a key in Redis.
pub(super) fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    (1..=255).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_an_address_is_read_from_it() {
        let receipt = Receipt {
            task: Some("a-1".to_owned()),
            sent: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_000_123)),
            waited: Some(Duration::from_micros(6_250)),
            worked: Some(Duration::ZERO),
        };
        let query = receipt.query();
        assert_eq!(query, "?task=a-1&sent=1764000000123&waited=6.25&worked=0");
        assert_eq!(Receipt::read(&query[1..]), Ok(receipt));
        for micros in [0, 7, 340, 999, 1_000, 12_000, 20_012_345] {
            let waited = Some(Duration::from_micros(micros));
            let receipt = Receipt { waited, ..Receipt::default() };
            assert_eq!(Receipt::read(&receipt.query()[1..]), Ok(receipt), "{micros} µs");
        }
        assert_eq!(Receipt::read(""), Ok(Receipt::default()));
    }

    proptest::proptest! {
        #[test]
        fn every_receipt_is_read_as_it_was_written(
            task in proptest::option::of("[A-Za-z0-9_.:-]{1,255}"),
            sent in proptest::option::of(0..=LAST_MOMENT),
            waited in proptest::option::of(0..=2_592_000_000_000_u64),
        ) {
            let receipt = Receipt {
                task,
                sent: sent.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms)),
                waited: waited.map(Duration::from_micros),
                worked: waited.map(Duration::from_micros),
            };
            proptest::prop_assert_eq!(Receipt::read(&receipt.query()[1..]), Ok(receipt));
        }

        #[test]
        fn no_query_is_too_odd_to_be_read(query: String) {
            let _ = Receipt::read(&query);
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_left_out() {
        for query in [
            "waited=-1",
            "waited=+1",
            "waited=x",
            "waited=",
            "waited=.",
            "waited=1.",
            "waited=1.2345",
            "waited=1.-2",
            "waited=99999999999",
            "waited=18446744073709551615.9",
            "sent=18446744073709551615",
        ] {
            assert_eq!(Receipt::read(query), Ok(Receipt::default()), "{query}");
        }
    }
}
