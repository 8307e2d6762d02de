//! What this program prints, and the only file that does.
#![expect(clippy::print_stdout, reason = "this is the place")]

use std::fmt::Display;
use std::time::Duration;

use crate::report::Report;
use crate::row::Row;
use crate::stage::seconds;

/// One line.
pub(crate) fn say(line: impl Display) {
    println!("{line}");
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
