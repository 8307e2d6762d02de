//! Letters in a file, in mbox format: what tests and the crash scenarios count afterwards.
//!
//! One letter is one record and one write to a file opened for appending, so that two processes do
//! not mix theirs, and a killed one leaves a whole record or none. A record starts with `From ` at
//! the start of a line; such a line inside a letter gets a `>`, so a message cannot forge a record.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::SendError;
use super::letter::{Letter, SENDER};

/// The letter as one record. The date in its first line is a constant: the letter has its own.
pub(super) fn record(letter: &Letter) -> Result<String, SendError> {
    let mut record = format!("From {SENDER} Thu Jan  1 00:00:00 1970\n");
    for line in letter.text()?.lines() {
        // `mboxrd`: lines that are quoted already get one more, so that quoting can be undone.
        if line.trim_start_matches('>').starts_with("From ") {
            record.push('>');
        }
        record.push_str(line);
        record.push('\n');
    }
    record.push('\n');
    Ok(record)
}

/// Appends it; files block, so it happens on a thread that may.
pub(super) async fn append(path: PathBuf, record: String) -> Result<(), SendError> {
    let shown = path.display().to_string();
    let written = tokio::task::spawn_blocking(move || write(&path, &record)).await;
    let written = written.map_err(io::Error::other).and_then(|result| result);
    written.map_err(|source| SendError::File { path: shown, source })
}

fn write(path: &Path, record: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(record.as_bytes())
}
