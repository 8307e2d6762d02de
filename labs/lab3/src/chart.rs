//! Two lanes on one time axis: how long the visitor waited, and how long the work took.
//!
//! Text only, at most 80 columns. The bars are drawn to scale, so that a wait of milliseconds
//! beside one of seconds is the hair's breadth that it is.

use std::time::Duration;

use crate::clock::words;

/// Columns for the bars.
const BAR: usize = 36;
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
    let scale = Duration::max(longest, Duration::from_millis(1));
    let axis: String = (0..=4).map(|quarter| tick(scale * quarter / 4, scale)).collect();
    let mut text = format!("  {:<NAME$}{}", "", axis.trim_end());
    for lane in lanes {
        text.push_str(&format!("\n  {:<NAME$}{}", lane.name, bar(lane, scale, block)));
    }
    text
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

/// Its text begins where its time is; the unit is the whole axis'.
fn tick(at: Duration, scale: Duration) -> String {
    let (unit, amount) = match scale.as_secs_f64() {
        seconds if seconds < 1.0 => ("ms", at.as_secs_f64() * 1e3),
        _ => ("s", at.as_secs_f64()),
    };
    let digits = if amount >= 10.0 { 0 } else { 1 };
    let text = if at.is_zero() { "0".to_owned() } else { format!("{amount:.digits$} {unit}") };
    format!("{text:<width$}", width = BAR / 4)
}

fn bar(lane: &Lane, scale: Duration, block: char) -> String {
    let column = |at: Duration| at.as_secs_f64() / scale.as_secs_f64() * BAR as f64;
    let (from, to) = (column(lane.from), column(lane.to));
    let length = lane.to - lane.from;
    if to - from < 0.5 {
        return format!("{}▏{}", " ".repeat(whole(from)), words(length));
    }
    let filled = whole(to).max(whole(from) + 1) - whole(from);
    let bar = std::iter::repeat_n(block, filled).collect::<String>();
    format!("{}{bar} {}", " ".repeat(whole(from)), words(length))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 36")]
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
