//! What a worker process tells the program that started it: a line a report, on its stdout.

use std::fmt;
use std::str::FromStr;

/// Something that a worker process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// It takes messages.
    Ready,
    /// A message went back to the queue because its worker fell silent.
    Restored(String),
    /// The task with this id has begun.
    Working(String),
    /// Its mail is out; the message is perhaps not acknowledged yet.
    Sent(String),
    /// Its mail was sent before.
    Skipped(String),
    /// It has ended, and its result is stored.
    Done(String),
    /// It has failed.
    Failed(String),
}

impl Report {
    /// The task that it is about.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Ready => "",
            Self::Restored(id)
            | Self::Working(id)
            | Self::Sent(id)
            | Self::Skipped(id)
            | Self::Done(id)
            | Self::Failed(id) => id,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Restored(_) => "restored",
            Self::Working(_) => "working",
            Self::Sent(_) => "sent",
            Self::Skipped(_) => "skipped",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.word(), self.id())
    }
}

impl FromStr for Report {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let (word, id) = line.split_once(' ').unwrap_or((line, ""));
        let id = id.to_owned();
        Ok(match word {
            "ready" => Self::Ready,
            "restored" => Self::Restored(id),
            "working" => Self::Working(id),
            "sent" => Self::Sent(id),
            "skipped" => Self::Skipped(id),
            "done" => Self::Done(id),
            "failed" => Self::Failed(id),
            _ => return Err(format!("`{line}` is no report of a worker process")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_way_between_two_processes() {
        let id = || "late-3".to_owned();
        for report in [
            Report::Ready,
            Report::Restored(id()),
            Report::Working(id()),
            Report::Sent(id()),
            Report::Skipped(id()),
            Report::Done(id()),
            Report::Failed(id()),
        ] {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
        assert!("panicked at".parse::<Report>().is_err());
    }
}
