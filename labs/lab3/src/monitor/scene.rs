//! What a viewer shows at one moment, in words and numbers: for the browser and for the terminal.
//!
//! Every number has the redis-cli command that gives it. Whatever comes from outside has passed
//! [`printable`] and is bounded, so that a scene is small and harmless however much waits. Times are
//! Redis' time, in seconds since 1970.

mod figures;
mod lanes;
mod row;
mod span;

use serde::Serialize;
use taskqueue::{DeadLetter, Snapshot};

use super::known::Known;
use super::pace::{SECONDS, Second};
use super::results::Stored;
use crate::printable::{printable, short};
use crate::shell;
pub use figures::Figure;
pub use lanes::Lane;
pub use row::{Bar, Row};
pub(crate) use span::{count, span};

/// How many put-aside messages or results are listed.
const LISTED: usize = 3;
/// Characters of the longest reason that is shown.
const REASON: usize = 90;

/// One moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scene {
    /// Redis' time.
    pub now: f64,
    /// Why nothing newer can be shown, where that is so.
    pub problem: String,
    /// The figures, from the queue to the results.
    pub figures: Vec<Figure>,
    /// How far the time axis reaches back and ahead, in seconds.
    pub axis: [f64; 2],
    /// The tasks' name, where all that are shown have the same; then it is not said in each row.
    pub task: String,
    /// Who has which tasks.
    pub lanes: Vec<Lane>,
    /// What the last minute brought.
    pub plots: Vec<Plot>,
    /// The newest messages that were put aside, and the newest results.
    pub lists: Vec<List>,
}

/// A minute in columns.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plot {
    /// Its name on the page.
    pub key: &'static str,
    /// What it shows.
    pub name: &'static str,
    /// The same in a number.
    pub number: String,
    /// The command that gives what it is made of.
    pub command: String,
    /// What the highest column would be.
    pub top: String,
    /// For each second what is good and what is bad in it, as parts of the top, the newest last.
    pub columns: Vec<[f64; 2]>,
}

/// Some entries of a longer list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct List {
    /// Its name on the page.
    pub key: &'static str,
    /// What it lists.
    pub name: &'static str,
    /// What is said where nothing is listed.
    pub empty: &'static str,
    /// The command that gives it.
    pub command: String,
    /// The entries.
    pub items: Vec<Item>,
}

/// One entry.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Item {
    /// What it is: a state, an age.
    pub word: String,
    /// What is said of it.
    pub text: String,
    /// Whether it asks for attention.
    pub bad: bool,
    /// The command that shows it.
    pub command: String,
}

impl Scene {
    /// The scene of what is `known` at `now`; `redis_cli` is how redis-cli has to be called.
    pub(crate) fn of(known: &Known, now: f64, redis_cli: &str, problem: &str) -> Self {
        let seen = &known.seen;
        let (axis, mut lanes) = lanes::lanes(known, now, redis_cli);
        let task = lanes::only_task(&mut lanes);
        Self {
            now,
            problem: problem.to_owned(),
            figures: figures::figures(known, now, redis_cli),
            axis,
            task,
            lanes,
            plots: vec![throughput(known, redis_cli), wait(known, redis_cli)],
            lists: vec![letters(seen, redis_cli), newest(known, now, redis_cli)],
        }
    }
}

fn throughput(known: &Known, redis_cli: &str) -> Plot {
    let ended = |second: &Second| second.succeeded + second.failed;
    let seconds: Vec<_> = known.pace.seconds().collect();
    let all: u32 = seconds.iter().map(ended).sum();
    let top = seconds.iter().map(ended).max().unwrap_or_default().max(1);
    let part = |part: u32| f64::from(part) / f64::from(top);
    let columns = seconds.iter().map(|second| [part(second.succeeded), part(second.failed)]);
    Plot {
        key: "throughput",
        name: "Ended",
        number: format!("{} in {} s", count(all.into()), seconds.len().max(1)),
        command: format!("{redis_cli} PSUBSCRIBE 'celery-task-meta-*'"),
        top: format!("{}/s", count(top.into())),
        columns: padded(columns),
    }
}

fn wait(known: &Known, redis_cli: &str) -> Plot {
    let seconds = known.pace.seconds();
    let oldest: Vec<_> = seconds.map(|second| second.oldest).collect();
    let top = oldest.iter().copied().fold(1.0, f64::max);
    Plot {
        key: "wait",
        name: "Oldest wait",
        number: match known.oldest {
            None => "0 s".to_owned(),
            Some(age) if age.exact => span(age.seconds),
            Some(age) => format!("≥ {}", span(age.seconds)),
        },
        command: format!("{redis_cli} LINDEX celery -1"),
        top: span(top),
        columns: padded(oldest.into_iter().map(|age| [age / top, 0.0])),
    }
}

/// The same number of columns, however long the viewer has watched.
fn padded(columns: impl ExactSizeIterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let unseen = SECONDS.saturating_sub(columns.len());
    let rounded = columns.map(|column| column.map(|part| (part * 1000.0).round() / 1000.0));
    std::iter::repeat_n([0.0, 0.0], unseen).chain(rounded).collect()
}

fn letters(seen: &Snapshot, redis_cli: &str) -> List {
    let items = seen.dead_newest.iter().take(LISTED).enumerate().map(|(index, letter)| Item {
        word: ago(letter, seen),
        text: printable(&letter.reason, REASON),
        bad: true,
        command: format!("{redis_cli} LINDEX celery.dead {index}"),
    });
    List {
        key: "letters",
        name: "Put aside",
        empty: "nothing was put aside",
        command: format!("{redis_cli} LRANGE celery.dead 0 {}", LISTED - 1),
        items: items.collect(),
    }
}

/// How long it has lain there.
fn ago(letter: &DeadLetter, seen: &Snapshot) -> String {
    letter.date.parse().map_or_else(|_| "some time".to_owned(), |date: f64| span(seen.now - date))
}

fn newest(known: &Known, now: f64, redis_cli: &str) -> List {
    let items = known.results.newest().iter().take(LISTED).map(|Stored { id, meta, at }| {
        let bad = !matches!(meta.state, taskqueue::State::Success);
        let what = if bad { meta.error().to_string() } else { meta.result.to_string() };
        let ago = span((now - at).max(0.0));
        Item {
            word: printable(meta.state.word(), 10),
            text: printable(&format!("{} {ago} ago: {what}", short(id)), REASON),
            bad,
            command: format!("{redis_cli} {}", shell::get_result(id)),
        }
    });
    List {
        key: "newest",
        name: "Last results",
        empty: "no task has ended yet",
        command: format!("{redis_cli} --scan --pattern 'celery-task-meta-*'"),
        items: items.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::known::Known;
    use super::*;
    use taskqueue::{Glimpse, Heard, Sign, Step};

    /// Many workers with many tasks, all of their names as long as they are odd.
    fn crowd() -> Known {
        let mut known = Known::default();
        let odd = "<b>\u{1b}\u{202e}\"'".repeat(100);
        for number in 0..600 {
            let hostname = format!("{}{odd}", number % 40);
            let every = 2.0;
            let (active, processed, software) = (9, 9, odd.clone());
            let sign = Sign::Heartbeat;
            let worker = hostname.clone();
            let beat = Heard::Worker { hostname, sign, every, active, processed, software };
            known.hear(beat, 100.0);
            let received = Step::Received { task: odd.clone(), retries: 1, eta: None };
            let id = format!("{number:0>255}");
            known.hear(Heard::Task { id, hostname: worker, step: received }, 100.0);
        }
        known
    }

    #[test]
    fn a_scene_is_small_and_printable_however_many_there_are_of_whatever_name() {
        let scene = Scene::of(&crowd(), 101.0, "redis-cli", "");
        let rows: usize = scene.lanes.iter().map(|lane| lane.height).sum();
        assert!(rows <= 14 && scene.lanes.len() <= 7, "{rows}");
        assert!(scene.lanes.last().unwrap().note.contains("more workers"));
        let json = serde_json::to_string(&scene).unwrap();
        assert!(json.len() < 32 * 1024, "{}", json.len());
        assert!(!json.contains("\\u001b") && !json.contains('\u{202e}'));
    }

    #[test]
    fn every_number_has_a_command_for_a_shell() {
        let seen = Snapshot {
            lists: vec![("celery".into(), 0), ("celery\u{6}\u{16}3".into(), 4)],
            ..Snapshot::default()
        };
        let mut known = Known::default();
        known.look(seen);
        let scene = Scene::of(&known, 1.0, "redis-cli -p 7000", "");
        let figures = scene.figures.iter().map(|figure| &figure.command);
        let all = figures.chain(scene.plots.iter().map(|plot| &plot.command));
        let all: Vec<_> = all.chain(scene.lists.iter().map(|list| &list.command)).collect();
        assert!(all.iter().all(|command| command.starts_with("redis-cli -p 7000 ")), "{all:?}");
        assert_eq!(
            all[0], r#"redis-cli -p 7000 --quoted-input LLEN '"celery\x06\x163"'"#,
            "the list in which something waits"
        );
    }

    #[test]
    fn an_age_that_is_not_known_is_shown_as_a_lower_bound() {
        let waits = |now| Snapshot {
            now,
            lists: vec![("celery".into(), 1)],
            next: vec![Glimpse { id: Some("a".into()), ..Glimpse::default() }],
            ..Snapshot::default()
        };
        let mut known = Known::default();
        known.look(waits(100.0));
        known.look(waits(112.0));
        let scene = Scene::of(&known, 112.0, "redis-cli", "");
        assert_eq!(scene.figures[0].note, "oldest at least 12 s");
        assert_eq!(scene.lanes[0].rows[0].time, "≥ 12 s");
    }
}
