//! The figures: a number for each place where a message can be, and what belongs to it.

use serde::Serialize;
use taskqueue::Snapshot;

use super::super::known::Known;
use super::{ago, count, span};

/// A number.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figure {
    /// Its name on the page.
    pub key: &'static str,
    /// What it counts.
    pub name: &'static str,
    /// The number.
    pub number: String,
    /// What belongs to it: an age, a countdown, a reason.
    pub note: String,
    /// The command that gives it.
    pub command: String,
    /// Whether it asks for attention.
    pub bad: bool,
}

/// From the queue to the results.
pub(super) fn figures(known: &Known, now: f64, redis_cli: &str) -> Vec<Figure> {
    let seen = &known.seen;
    vec![
        waiting(known, redis_cli),
        unacked(seen, redis_cli),
        parked(seen, now, redis_cli),
        put_aside(seen, redis_cli),
        results(known, redis_cli),
    ]
}

fn waiting(known: &Known, redis_cli: &str) -> Figure {
    let seen = &known.seen;
    let note = match known.oldest {
        _ if seen.waiting() == 0 => "nothing waits".to_owned(),
        None => "how long, can't be told".to_owned(),
        Some(age) if age.exact => format!("oldest {}", span(age.seconds)),
        Some(age) => format!("oldest at least {}", span(age.seconds)),
    };
    // The other lists are those of the less urgent messages.
    let list = seen.lists.iter().find(|(_, length)| *length > 0).or(seen.lists.first());
    let list = list.map_or("celery", |(list, _)| list);
    let several = seen.lists.iter().filter(|(_, length)| *length > 0).count() > 1;
    Figure {
        key: "waiting",
        name: "Waiting",
        number: count(seen.waiting()),
        note: if several { format!("{note}, in lists by priority") } else { note },
        command: key_command(redis_cli, "LLEN", list),
        bad: false,
    }
}

/// A key with kombu's control characters needs quotes, and redis-cli has to be told so.
fn key_command(redis_cli: &str, command: &str, key: &str) -> String {
    match key.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => format!("{redis_cli} {command} {key}"),
        false => {
            format!("{redis_cli} --quoted-input {command} '\"{}\"'", key.as_bytes().escape_ascii())
        }
    }
}

fn unacked(seen: &Snapshot, redis_cli: &str) -> Figure {
    let silent = seen.held.first().map(|held| (seen.now - held.score).max(0.0));
    let ours = seen.held.first().is_some_and(|held| held.hostname.is_some());
    let note = match silent {
        None if seen.unacked == 0 => "in nobody's hands".to_owned(),
        None => "all of them parked".to_owned(),
        Some(silent) if ours => format!("lease renewed {} ago", span(silent)),
        Some(silent) => format!("taken {} ago", span(silent)),
    };
    let command = format!("{redis_cli} HLEN unacked");
    let number = count(seen.unacked);
    Figure { key: "unacked", name: "Unacknowledged", number, note, command, bad: false }
}

fn parked(seen: &Snapshot, now: f64, redis_cli: &str) -> Figure {
    let next = seen.parked_next.first().map(|next| next.score - now);
    let note = match next {
        None => "no countdown runs".to_owned(),
        Some(left) if left <= 0.0 => "the next one is due".to_owned(),
        Some(left) => format!("next one in {}", span(left)),
    };
    let command = format!("{redis_cli} ZCARD unacked_eta");
    let number = count(seen.parked);
    Figure { key: "parked", name: "Parked", number, note, command, bad: false }
}

fn put_aside(seen: &Snapshot, redis_cli: &str) -> Figure {
    let newest = seen.dead_newest.first().map(|letter| ago(letter, seen));
    let note = newest.map_or("nothing".to_owned(), |ago| format!("newest {ago} ago"));
    let command = format!("{redis_cli} LLEN celery.dead");
    let number = count(seen.dead);
    Figure { key: "dead", name: "Put aside", number, note, command, bad: seen.dead > 0 }
}

fn results(known: &Known, redis_cli: &str) -> Figure {
    let (number, whole) = known.results.count();
    let number = count(number as u64);
    let note = match known.results.newest().first() {
        None => "no task has ended yet".to_owned(),
        Some(stored) => format!("last: {}", stored.meta.state),
    };
    // Behind a pipe redis-cli can't ask for a password, and Windows has no wc: then it lists them.
    let count = if cfg!(windows) || redis_cli.contains("--askpass") { "" } else { " | wc -l" };
    let command = format!("{redis_cli} --scan --pattern 'celery-task-meta-*'{count}");
    let number = if whole { number } else { format!("{number}+") };
    Figure { key: "results", name: "Results", number, note, command, bad: false }
}
