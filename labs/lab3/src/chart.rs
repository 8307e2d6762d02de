//! Two lanes on one time axis: how long the visitor waited, and how long the work took.
//!
//! Text only, at most 80 columns. The bars are drawn to scale, so that a wait of milliseconds
//! beside one of seconds is the hair's breadth that it is.

use std::time::Duration;

use crate::clock::words;

/// Columns for the bars up to the last tick.
const BAR: u32 = 36;
/// Ticks at most, besides 0.
const TICKS: u32 = 5;
/// Columns from tick to tick at most, so that a bar and its length fit the 80.
const GAP: u32 = 12;
/// How far a bar may pass the last tick, in ticks: work of 20 s always takes a little longer.
const OVERHANG: f64 = 0.2;
/// Columns for the names.
const NAME: usize = 28;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// What it shows, at most 28 characters.
    pub name: String,
    /// Where it begins on the axis.
    pub from: Duration,
    /// Where it ends.
    pub to: Duration,
}

impl Lane {
    /// A bar from the beginning of time.
    #[must_use]
    pub fn new(name: impl Into<String>, length: Duration) -> Self {
        Self { name: name.into(), from: Duration::ZERO, to: length }
    }
}

/// The lanes under an axis; `block` is the character that fills a bar.
#[must_use]
pub fn chart(lanes: &[Lane], block: char) -> String {
    let longest = lanes.iter().map(|lane| lane.to).max().unwrap_or_default();
    let axis = Axis::up_to(longest);
    let mut text = format!("  {:<NAME$}{}", "", axis.ticks());
    for lane in lanes {
        text.push_str(&format!("\n  {:<NAME$}{}", lane.name, axis.bar(lane, block)));
    }
    text
}

/// An axis of round ticks: 1, 2 or 5 and zeros.
struct Axis {
    /// From tick to tick, in seconds.
    step: f64,
    /// How many there are, besides 0.
    ticks: u32,
}

impl Axis {
    /// The finest that has room for `longest`.
    fn up_to(longest: Duration) -> Self {
        let longest = longest.as_secs_f64().max(1e-3);
        let mut unit = 1e-4;
        loop {
            for step in [1.0, 2.0, 5.0].map(|round| round * unit) {
                let full = (1..=TICKS).find(|&n| longest / step <= f64::from(n) + OVERHANG);
                if let Some(ticks) = full {
                    return Self { step, ticks };
                }
            }
            unit *= 10.0;
        }
    }

    /// Columns from tick to tick.
    fn gap(&self) -> u32 {
        (BAR / self.ticks).min(GAP)
    }

    /// Each text begins where its time is; the unit is the whole axis'.
    fn ticks(&self) -> String {
        let last = self.step * f64::from(self.ticks);
        let (unit, factor) = if last < 0.999 { ("ms", 1e3) } else { ("s", 1.0) };
        let text = |amount: f64| match amount {
            zero if zero < 1e-9 => "0".to_owned(),
            small if small < 9.95 => format!("{small:.1} {unit}"),
            large => format!("{large:.0} {unit}"),
        };
        let width = self.gap() as usize;
        let tick = |n| format!("{:<width$}", text(f64::from(n) * self.step * factor));
        (0..=self.ticks).map(tick).collect::<String>().trim_end().to_owned()
    }

    fn bar(&self, lane: &Lane, block: char) -> String {
        let column = |at: Duration| at.as_secs_f64() / self.step * f64::from(self.gap());
        let (from, to) = (column(lane.from), column(lane.to));
        let length = lane.to - lane.from;
        if to - from < 0.5 {
            return format!("{}▏{}", " ".repeat(whole(from)), words(length));
        }
        let filled = whole(to).max(whole(from) + 1) - whole(from);
        let bar = std::iter::repeat_n(block, filled).collect::<String>();
        format!("{}{bar} {}", " ".repeat(whole(from)), words(length))
    }
}

/// Rows of a histogram.
const HEIGHT: usize = 5;
/// Columns of a histogram at most.
pub const COLUMNS: usize = 64;

/// How many came in each tick, at most [`COLUMNS`] of them, over a time axis; the highest is as high as the chart.
#[must_use]
pub fn histogram(counts: &[usize], tick: Duration, block: char) -> String {
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut text = String::new();
    for row in (0..HEIGHT).rev() {
        let label = if row == HEIGHT - 1 { highest.to_string() } else { String::new() };
        // Whatever is not nothing is seen in the lowest row.
        let cell = |count: &usize| if *count * HEIGHT > row * highest { block } else { ' ' };
        let columns: String = counts.iter().map(cell).collect();
        text.push_str(&format!("  {label:>6} {}\n", columns.trim_end()));
    }
    let axis = format!("{} s", (tick * u32::try_from(counts.len()).unwrap_or(0)).as_secs());
    text.push_str(&format!("  {:>6} {:<width$}{axis}", "", "0", width = counts.len()));
    text
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 39")]
fn whole(columns: f64) -> usize {
    columns.round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_to_scale_and_within_eighty_columns() {
        let lanes = [
            Lane::new("step 2  visitor waits", Duration::from_secs(20)),
            Lane::new("step 7  visitor waits", Duration::from_millis(4)),
            Lane {
                name: "        work".into(),
                from: Duration::from_secs(10),
                to: Duration::from_secs(20),
            },
        ];
        let drawn = chart(&lanes, '#');
        let expected = [
            "                              0        5.0 s    10 s     15 s     20 s",
            "  step 2  visitor waits       #################################### 20.0 s",
            "  step 7  visitor waits       ▏4.0 ms",
            "          work                                  ################## 10.0 s",
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
        assert!(drawn.lines().all(|line| line.chars().count() <= 80));
    }

    /// The axis over one bar.
    fn axis(longest_ms: u64) -> String {
        let drawn = chart(&[Lane::new("", Duration::from_millis(longest_ms))], '#');
        let axis = drawn.lines().next().unwrap().to_owned();
        axis.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round_however_long_the_longest_bar_is() {
        for longest in [18_000, 20_000, 20_004, 20_700, 20_999] {
            assert_eq!(axis(longest), "0 5.0 s 10 s 15 s 20 s", "{longest} ms");
        }
        for longest in [21_001, 23_000, 25_900] {
            assert_eq!(axis(longest), "0 5.0 s 10 s 15 s 20 s 25 s", "{longest} ms");
        }
        assert_eq!(axis(0), "0 0.2 ms 0.4 ms 0.6 ms 0.8 ms 1.0 ms");
        assert_eq!(axis(7), "0 2.0 ms 4.0 ms 6.0 ms 8.0 ms");
        assert_eq!(axis(990), "0 0.2 s 0.4 s 0.6 s 0.8 s 1.0 s");
        assert_eq!(axis(41_000), "0 10 s 20 s 30 s 40 s");
        assert_eq!(axis(700_000), "0 200 s 400 s 600 s 800 s");
    }

    #[test]
    fn every_length_fits_eighty_columns_and_ends_near_the_axis() {
        for tenth in 1..20_000 {
            let name = "a name of twenty-eight chars";
            let longest = Duration::from_millis(tenth * 97);
            let drawn = chart(&[Lane::new(name, longest)], '#');
            assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{drawn}");
            assert!(drawn.matches('#').count() >= 16, "{drawn}");
        }
    }

    #[test]
    fn a_histogram_shows_even_the_smallest_column() {
        let drawn = histogram(&[100, 1, 0, 50], Duration::from_secs(2), '#');
        let expected = [
            "     100 #",
            "         #",
            "         #  #",
            "         #  #",
            "         ## #",
            "         0   8 s",
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
        let long = histogram(&[3; COLUMNS], Duration::from_secs(2), '#');
        assert!(long.lines().all(|line| line.chars().count() <= 80), "{long}");
    }

    #[test]
    fn nothing_to_draw_is_no_reason_to_fail() {
        assert!(chart(&[Lane::new("none", Duration::ZERO)], '#').contains("▏0 s"));
    }
}
