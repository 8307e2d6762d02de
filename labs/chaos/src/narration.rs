//! What this program prints, and the only file that does.
#![expect(clippy::print_stdout, reason = "this is the place")]

use std::fmt::Display;
use std::time::Duration;

use crate::report::Report;
use crate::row::Row;
use crate::stage::seconds;

/// One line, or several; what steers a terminal is shown escaped: names and errors come from Redis.
pub(crate) fn say(line: impl Display) {
    println!("{}", printable(&line.to_string()));
}

fn printable(text: &str) -> String {
    let show = |character: char| match character {
        '\n' => "\n".to_owned(),
        control if control.is_control() => control.escape_default().to_string(),
        // Marks and overrides of direction show letters in another order than they stand.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            character.escape_unicode().to_string()
        }
        plain => plain.to_string(),
    };
    text.chars().map(show).collect()
}

#[test]
fn nothing_that_steers_a_terminal_is_printed() {
    assert_eq!(
        printable("a\nb\x1b]0;X\x07\u{9b}\u{202e}"),
        "a\nb\\u{1b}]0;X\\u{7}\\u{9b}\\u{202e}"
    );
}

/// A row's counted line and its verdict.
pub(crate) fn row(row: Row, report: &Report, took: Duration, names: bool) {
    let verdict = if report.holds() { "✔ holds" } else { "✘ FAILS" };
    say(format!("{verdict} {:<13}{} · {}", row.name(), report.line(), seconds(took)));
    for expected in report.wrong() {
        say(format!("      expected: {expected}"));
    }
    if names || !report.holds() {
        report.names.iter().for_each(|name| say(format!("      {}", name.replace('\n', " "))));
    }
}

/// What this machine could not play.
pub(crate) fn did_not_run(row: Row, why: &str) {
    say(format!("◌ did not run: {}: {why}", row.name()));
}

/// What kept a row from its end.
pub(crate) fn trouble(row: Row, error: &dyn std::error::Error) {
    say(format!("✘ FAILS {:<13}{error}", row.name()));
}
