//! A row: one task, what it does in words, and its life as bars.

use serde::Serialize;

use super::super::life::{End, Life, Phase, Place};
use super::span;
use crate::printable::{printable, short};
use crate::shell;

/// A task.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// The task's id.
    pub key: String,
    /// The beginning of it.
    pub id: String,
    /// The task's name, without its module.
    pub task: String,
    /// What it does.
    pub state: String,
    /// For how long, or when.
    pub time: String,
    /// Whether it asks for attention.
    pub bad: bool,
    /// The command that shows its state.
    pub command: String,
    /// Its life.
    pub bars: Vec<Bar>,
}

/// A phase of a life.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bar {
    /// `waiting`, `taken`, `running`, `cut`, `parked`; an end has no length: `done`, `failed`.
    pub kind: &'static str,
    /// When it began.
    pub from: f64,
    /// When it ended or will; none while it goes on.
    pub to: Option<f64>,
}

/// The row of a task; of its life what was within the last `back` seconds.
pub(super) fn row(id: &str, life: &Life, now: f64, back: f64, redis_cli: &str) -> Row {
    let (word, time, bad) = state(life, now);
    let restored = if life.restored > 0 { "restored, " } else { "" };
    let attempt =
        if life.retries > 0 { format!("try {}, ", life.retries + 1) } else { String::new() };
    let ends = life.phases.iter().skip(1).map(|next| Some(next.since)).chain([None]);
    let bars = life.phases.iter().zip(ends).map(|(phase, end)| bar(phase, end));
    Row {
        key: id.to_owned(),
        id: short(id),
        task: printable(life.task.rsplit('.').next().unwrap_or_default(), 40),
        state: format!("{restored}{attempt}{word}"),
        time,
        bad,
        command: format!("{redis_cli} {}", shell::get_result(id)),
        bars: bars.filter(|bar| bar.to.is_none_or(|to| to > now - back)).collect(),
    }
}

fn bar(phase: &Phase, end: Option<f64>) -> Bar {
    let (kind, to) = match phase.place {
        Place::Waiting => ("waiting", end),
        _ if phase.cut => ("cut", end),
        Place::Taken => ("taken", end),
        Place::Running => ("running", end),
        Place::Parked(until) => ("parked", end.or(until)),
        Place::Ended(end) if end_word(end).1 => ("failed", Some(phase.since)),
        Place::Ended(_) => ("done", Some(phase.since)),
    };
    Bar { kind, from: phase.since, to }
}

/// What a task does, in a word; for how long or when; and whether that is bad.
fn state(life: &Life, now: f64) -> (&'static str, String, bool) {
    let Some(last) = life.last() else { return ("", String::new(), false) };
    let lasted = span(now - last.since);
    let lasted = if last.exact { lasted } else { format!("≥ {lasted}") };
    match last.place {
        Place::Waiting => ("waiting", lasted, false),
        Place::Taken => ("in hand", lasted, false),
        Place::Running => ("running", lasted, false),
        Place::Parked(None) => ("parked", String::new(), false),
        Place::Parked(Some(until)) if until <= now => ("due", String::new(), false),
        // It is due when the countdown says 0.
        Place::Parked(Some(until)) => ("due in", span((until - now).ceil()), false),
        Place::Ended(end) => {
            let (word, bad) = end_word(end);
            (word, String::new(), bad)
        }
    }
}

/// How an end is called: a word, and whether it is a bad one.
fn end_word(end: End) -> (&'static str, bool) {
    match end {
        End::Success => ("done", false),
        End::Failure => ("failed", true),
        End::Revoked => ("revoked", true),
        End::PutAside => ("put aside", true),
        End::Lost => ("lost", true),
    }
}
