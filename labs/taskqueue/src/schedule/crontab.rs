//! A crontab: five sets of numbers, and the next minute that is in all of them.
//!
//! Parsed as Celery 5.7 parses it (`celery.schedules.crontab_parser`), and judged by what it said:
//! `tests/golden/beat/schedules.json`.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The longest that each month can be.
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// One of the five.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
const DAY_OF_MONTH: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH_OF_YEAR: Field = Field { name: "month", first: 1, last: 12, names: &MONTHS };
const DAY_OF_WEEK: Field = Field { name: "day of week", first: 0, last: 6, names: &WEEKDAYS };

/// Numbers up to 63, a bit each.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Numbers(u64);

impl Numbers {
    fn contains(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    /// The least of them that is not below `from`.
    fn at_least(self, from: u32) -> Option<u32> {
        (from..64).find(|number| self.contains(*number))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crontab {
    text: String,
    minute: Numbers,
    hour: Numbers,
    day_of_month: Numbers,
    month_of_year: Numbers,
    day_of_week: Numbers,
}

/// A text is no crontab.
#[derive(Debug, thiserror::Error)]
#[error(
    "crontab {text:?}: {reason}\n  next: write minute, hour, day of month, month and day of week, such as \"0 9 * * mon-fri\""
)]
pub struct InvalidCrontab {
    text: String,
    reason: String,
}

impl Crontab {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidCrontab> {
        parse(text).map_err(|reason| InvalidCrontab { text: text.to_owned(), reason })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let minute = instant.naive_utc().with_second(0)?.with_nanosecond(0)?;
        let first = minute.checked_add_signed(TimeDelta::minutes(1))?;
        let today = self.contains(first.date()).then(|| self.time_from(first.time())).flatten();
        if let Some(time) = today {
            return Some(first.date().and_time(time).and_utc());
        }
        let mut date = first.date().succ_opt()?;
        while !self.contains(date) {
            date = self.later(date)?;
        }
        Some(date.and_time(self.time_from(NaiveTime::MIN)?).and_utc())
    }

    fn contains(&self, date: NaiveDate) -> bool {
        self.month_of_year.contains(date.month())
            && self.day_of_month.contains(date.day())
            && self.day_of_week.contains(date.weekday().num_days_from_sunday())
    }

    /// The next day that is worth looking at.
    fn later(&self, date: NaiveDate) -> Option<NaiveDate> {
        if self.month_of_year.contains(date.month()) {
            date.succ_opt()
        } else {
            date.with_day(1)?.checked_add_months(Months::new(1))
        }
    }

    /// The first time of a day that is not before `from`.
    fn time_from(&self, from: NaiveTime) -> Option<NaiveTime> {
        let in_this_hour = self.hour.contains(from.hour()).then_some(from.hour());
        if let Some((hour, minute)) = in_this_hour.zip(self.minute.at_least(from.minute())) {
            return NaiveTime::from_hms_opt(hour, minute, 0);
        }
        let hour = self.hour.at_least(from.hour() + 1)?;
        NaiveTime::from_hms_opt(hour, self.minute.at_least(0)?, 0)
    }
}

fn parse(text: &str) -> Result<Crontab, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day_of_month, month_of_year, day_of_week] = fields[..] else {
        return Err(format!("it has {} fields, not 5", fields.len()));
    };
    let crontab = Crontab {
        text: fields.join(" "),
        minute: MINUTE.numbers(minute)?,
        hour: HOUR.numbers(hour)?,
        day_of_month: DAY_OF_MONTH.numbers(day_of_month)?,
        month_of_year: MONTH_OF_YEAR.numbers(month_of_year)?,
        day_of_week: DAY_OF_WEEK.numbers(day_of_week)?,
    };
    let first_day = crontab.day_of_month.at_least(0).unwrap_or_default();
    let occurs =
        |(month, days): (u32, u32)| crontab.month_of_year.contains(month) && first_day <= days;
    match (1..).zip(DAYS).any(occurs) {
        true => Ok(crontab),
        false => Err("none of its days occurs in any of its months".to_owned()),
    }
}

impl Field {
    fn numbers(&self, text: &str) -> Result<Numbers, String> {
        let mut numbers = 0;
        for part in text.split(',') {
            for number in self.part(part)? {
                numbers |= 1 << number;
            }
        }
        Ok(Numbers(numbers))
    }

    /// `5`, `mon`, `1-5`, `*`, `*/15`, `8-17/2`.
    fn part(&self, part: &str) -> Result<Vec<u32>, String> {
        let (range, step) = part.split_once('/').map_or((part, None), |(r, s)| (r, Some(s)));
        let numbers = match range.split_once('-') {
            _ if range == "*" => (self.first..=self.last).collect(),
            Some((from, to)) => self.range(self.number(from)?, self.number(to)?),
            None if step.is_none() => vec![self.number(range)?],
            None => return Err(format!("{} {part:?} has a step, but no range", self.name)),
        };
        let step = match step {
            None => 1,
            Some(step) => digits(step)
                .filter(|step| *step > 0)
                .ok_or_else(|| format!("{step:?} is no step"))?,
        };
        Ok(numbers.into_iter().step_by(step as usize).collect())
    }

    /// A range that ends before it begins goes on at the other end: `22-2`, `sat-mon`.
    fn range(&self, from: u32, to: u32) -> Vec<u32> {
        if from <= to {
            (from..=to).collect()
        } else {
            (from..=self.last).chain(self.first..=to).collect()
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let number = digits(text).or_else(|| self.named(text));
        number.filter(|number| (self.first..=self.last).contains(number)).ok_or_else(|| {
            let Self { name, first, last, .. } = self;
            format!("{name} {text:?} is not in {first}-{last}")
        })
    }

    /// By a name or its beginning, three letters at least.
    fn named(&self, text: &str) -> Option<u32> {
        let text = text.to_ascii_lowercase();
        let meant = |name: &&str| text.len() >= 3 && name.starts_with(&text);
        (self.first..).zip(self.names).find_map(|(number, name)| meant(name).then_some(number))
    }
}

fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn recorded(part: &str) -> Vec<Value> {
        let text = include_str!("../../tests/golden/beat/schedules.json");
        let recorded: Value = serde_json::from_str(text).unwrap();
        recorded[part].as_array().unwrap().clone()
    }

    fn crontab(text: &Value) -> Crontab {
        Crontab::parse(text.as_str().unwrap()).unwrap()
    }

    #[test]
    fn the_next_time_is_the_one_that_celery_finds() {
        for row in recorded("next") {
            let instant = row[1].as_str().unwrap().parse().unwrap();
            let next = row[2].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
            assert_eq!(crontab(&row[0]).next_after(instant), Some(next), "{row}");
        }
    }

    #[test]
    fn a_field_means_the_numbers_that_celery_takes() {
        for row in recorded("fields") {
            let crontab = crontab(&row[0]);
            let fields = [
                crontab.minute,
                crontab.hour,
                crontab.day_of_month,
                crontab.month_of_year,
                crontab.day_of_week,
            ];
            for (field, expected) in fields.into_iter().zip(&row.as_array().unwrap()[1..]) {
                let numbers: Vec<u32> = (0..64).filter(|number| field.contains(*number)).collect();
                assert_eq!(serde_json::to_value(numbers).unwrap(), *expected, "{row}");
            }
        }
    }

    #[test]
    fn what_celery_refuses_is_refused() {
        for text in recorded("refused") {
            let error = Crontab::parse(text.as_str().unwrap()).expect_err(text.as_str().unwrap());
            assert!(error.to_string().contains("\n  next: "), "{error}");
        }
    }

    #[test]
    fn what_celery_takes_by_accident_is_refused() {
        for text in ["1-5-9 * * * *", "mon * * * *", "* * * * monkey", "+5 * * * *"] {
            Crontab::parse(text).expect_err(text);
        }
    }
}
