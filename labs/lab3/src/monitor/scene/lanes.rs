//! Lanes: the queue, what is parked, and each worker; in them, task by task, a bar for each life.
//!
//! A task stands in the lane of whoever has it now, with its whole life: when it changes hands its
//! bar moves with it. There is room for a bounded number of rows; what does not fit is counted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::known::Known;
use super::super::life::{Life, Phase, Place};
use super::super::workers::{Health, Worker};
use super::row::{Row, row};
use super::{count, span};
use crate::printable::printable;

/// Rows that fit on the screen; a lane takes two at least.
const ROOM: usize = 14;
const LEAST: usize = 2;
/// How the keys of workers' lanes begin.
const WORKER: &str = "worker ";
/// How far the axis reaches ahead, as a part of how far it reaches back.
const AHEAD: f64 = 0.2;

/// Who has some tasks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Lane {
    /// Its name on the page.
    pub key: String,
    /// Whose lane it is.
    pub name: String,
    /// How that one is.
    pub note: String,
    /// Whether it asks for attention.
    pub bad: bool,
    /// The command that shows the same.
    pub command: String,
    /// The height that is reserved, in rows.
    pub height: usize,
    /// Its tasks.
    pub rows: Vec<Row>,
}

/// Rows before they are shown, and how many more there are.
struct Group<'a> {
    lane: Lane,
    lives: Vec<(&'a str, &'a Life)>,
    more: u64,
}

/// The axis, and the lanes.
pub(super) fn lanes(known: &Known, now: f64, redis_cli: &str) -> ([f64; 2], Vec<Lane>) {
    let mut groups = vec![queue(known, redis_cli)];
    groups.extend(parked(known, redis_cli));
    groups.extend(workers(known, now, redis_cli));
    share_room(&mut groups);
    let open =
        groups.iter().flat_map(|group| &group.lives).filter(|(_, life)| life.ended().is_none());
    let oldest = open.filter_map(|(_, life)| Some(now - life.phases.first()?.since));
    let back = match oldest.fold(0.0, f64::max) {
        ..25.0 => 30.0,
        ..50.0 => 60.0,
        ..110.0 => 120.0,
        _ => 300.0,
    };
    let lanes = groups.into_iter().map(|group| group.finish(now, back, redis_cli)).collect();
    ([back, back * AHEAD], lanes)
}

fn queue<'a>(known: &'a Known, redis_cli: &str) -> Group<'a> {
    let next = known.lives.next.iter();
    let lives = next.filter_map(|id| Some((id.as_str(), known.lives.get(id)?)));
    // Since the last look somebody may have said that he has it.
    let lives: Vec<_> = lives.filter(|(_, life)| life.place() == Some(Place::Waiting)).collect();
    let lane = Lane {
        key: "queue".to_owned(),
        name: "in the queue".to_owned(),
        note: "nobody has them".to_owned(),
        command: format!("{redis_cli} LRANGE celery -20 -1"),
        ..Lane::default()
    };
    Group { lane, more: known.seen.waiting().saturating_sub(known.lives.next.len() as u64), lives }
}

fn parked<'a>(known: &'a Known, redis_cli: &str) -> Option<Group<'a>> {
    let until = |life: &Life| match life.place() {
        Some(Place::Parked(until)) => Some(until.unwrap_or(f64::INFINITY)),
        _ => None,
    };
    let mut lives: Vec<_> =
        known.lives.all().filter_map(|(id, life)| Some((until(life)?, id, life))).collect();
    lives.sort_by(|(a, id, _), (b, other, _)| a.total_cmp(b).then(id.cmp(other)));
    let lane = Lane {
        key: "parked".to_owned(),
        name: "parked".to_owned(),
        note: "until they are due".to_owned(),
        command: format!("{redis_cli} ZRANGE unacked_eta 0 19 WITHSCORES"),
        ..Lane::default()
    };
    let more = known.seen.parked.saturating_sub(lives.len() as u64);
    let lives: Vec<_> = lives.into_iter().map(|(_, id, life)| (id, life)).collect();
    (!lives.is_empty() || more > 0).then_some(Group { lane, lives, more })
}

fn workers<'a>(known: &'a Known, now: f64, redis_cli: &str) -> Vec<Group<'a>> {
    let mut of_worker: BTreeMap<&str, Vec<(&str, &Life)>> = BTreeMap::new();
    for (id, life) in known.lives.all() {
        let shown = match life.last() {
            Some(Phase { place: Place::Taken | Place::Running, .. }) => true,
            Some(Phase { place: Place::Ended(_), since, .. }) => now - since < 60.0,
            _ => false,
        };
        if shown {
            of_worker.entry(life.worker().unwrap_or_default()).or_default().push((id, life));
        }
    }
    let mut groups: Vec<_> = known
        .workers
        .all()
        .map(|(hostname, worker)| {
            let lives = of_worker.remove(hostname).unwrap_or_default();
            Group { lane: worker_lane(hostname, worker, &lives, now, redis_cli), lives, more: 0 }
        })
        .collect();
    // Those that do something come first; the order is otherwise that of their names.
    groups.sort_by_key(|group| group.lives.is_empty());
    let unknown = of_worker.into_values().flatten().collect::<Vec<_>>();
    if !unknown.is_empty() {
        groups.push(Group { lane: nobody(redis_cli), lives: unknown, more: 0 });
    }
    for group in &mut groups {
        group.lives.sort_by(|(id, a), (other, b)| {
            let ((rank, since), (other_rank, other_since)) = (in_lane(a), in_lane(b));
            rank.cmp(&other_rank).then(since.total_cmp(&other_since)).then(id.cmp(other))
        });
    }
    groups
}

/// Takes the name out of the rows, where all have the same.
pub(super) fn only_task(lanes: &mut [Lane]) -> String {
    let mut rows: Vec<_> = lanes.iter_mut().flat_map(|lane| &mut lane.rows).collect();
    let Some(name) = rows.first().map(|row| row.task.clone()) else { return String::new() };
    if rows.iter().any(|row| row.task != name) {
        return String::new();
    }
    rows.iter_mut().for_each(|row| row.task.clear());
    name
}

/// What runs first, then what is only in hand, each in the order in which it came; then those that
/// ended last.
fn in_lane(life: &Life) -> (u8, f64) {
    let Some(last) = life.last() else { return (3, 0.0) };
    match last.place {
        Place::Running => (0, last.since),
        Place::Ended(_) => (2, -last.since),
        _ => (1, last.since),
    }
}

fn worker_lane(
    hostname: &str,
    worker: &Worker,
    lives: &[(&str, &Life)],
    now: f64,
    redis_cli: &str,
) -> Lane {
    let runs = lives.iter().filter(|(_, life)| life.ended().is_none()).count();
    let (note, bad) = match worker.health(now) {
        Health::Online if runs > 0 => (format!("has {runs} in hand"), false),
        Health::Online => (format!("idle, {} started", count(worker.processed)), false),
        Health::Silent(seconds) => (format!("silent for {}", span(seconds)), true),
        Health::Stopped(seconds) => (format!("stopped {} ago", span(seconds)), false),
    };
    Lane {
        key: format!("{WORKER}{}", printable(hostname, 60)),
        name: printable(hostname, 28),
        note: if worker.is_celery_s() && !bad { format!("{note} (Celery)") } else { note },
        bad,
        command: format!("{redis_cli} PSUBSCRIBE '/*.celeryev/*'"),
        ..Lane::default()
    }
}

fn nobody(redis_cli: &str) -> Lane {
    Lane {
        key: "nobody".to_owned(),
        name: "taken".to_owned(),
        note: "nobody says by whom".to_owned(),
        command: format!("{redis_cli} HGETALL unacked"),
        ..Lane::default()
    }
}

/// Gives every lane its least, and the rest in turns to those that want more. Lanes that do not fit
/// become a word in the last one.
fn share_room(groups: &mut Vec<Group>) {
    let lanes = ROOM / LEAST;
    let left_out = groups.len().saturating_sub(lanes);
    if left_out > 0 {
        groups.truncate(lanes);
        let note = &mut groups[lanes - 1].lane.note;
        *note = format!("{note}; and {left_out} more workers");
    }
    let mut room = ROOM - LEAST * groups.len();
    groups.iter_mut().for_each(|group| group.lane.height = LEAST);
    while room > 0 {
        let Some(group) = groups
            .iter_mut()
            .filter(|group| group.lives.len() > group.lane.height)
            .min_by_key(|group| group.lane.height)
        else {
            break;
        };
        group.lane.height += 1;
        room -= 1;
    }
}

impl Group<'_> {
    fn finish(mut self, now: f64, back: f64, redis_cli: &str) -> Lane {
        let more = self.more + self.lives.len().saturating_sub(self.lane.height) as u64;
        // A worker's note says already how many it has in hand.
        if more > 0 && !self.lane.key.starts_with(WORKER) {
            self.lane.note = format!("and {} more", count(more));
        }
        let lives = self.lives.iter().take(self.lane.height);
        let rows = lives.map(|(id, life)| row(id, life, now, back, redis_cli)).collect();
        Lane { rows, ..self.lane }
    }
}
