//! The live view in the terminal: a screen that is redrawn, or a line for each change.

use std::collections::HashMap;
use std::sync::Arc;

use colored::Colorize;
use tokio::sync::watch;

use super::{Narrator, WIDTH, Word};
use crate::monitor::{Bar, Figure, Lane, Row, Scene};

/// Columns of a lane's name, of a task's id, of its state, and of its life.
const LANE: usize = 20;
const ID: usize = 8;
const STATE: usize = 23;
const LIFE: usize = 23;
/// Columns before a figure's command.
const COMMAND: usize = 54;

impl Narrator {
    /// Shows each scene as it comes, for ever.
    pub async fn watch(&self, mut scenes: watch::Receiver<Arc<Scene>>) {
        let screen = self.gauge("");
        let mut told = Changes::default();
        while scenes.changed().await.is_ok() {
            let scene = Arc::clone(&scenes.borrow_and_update());
            if self.moves() {
                screen.note(self.screen(&scene).join("\n"));
            } else {
                told.tell(self, &scene);
            }
        }
    }

    /// The scene as lines of at most 80 columns.
    fn screen(&self, scene: &Scene) -> Vec<String> {
        let mut lines = vec![String::new()];
        if !scene.problem.is_empty() {
            lines.push(format!("  {}", cut(&scene.problem, WIDTH - 2).red()));
        }
        lines.extend(self.figures(scene));
        let [back, ahead] = scene.axis;
        let axis = format!("{:>1$}", format!("-{back:.0} s to +{ahead:.0} s"), WIDTH - 3);
        lines.push(format!("\n{}", axis.dimmed()));
        lines.extend(scene.lanes.iter().flat_map(|lane| lane_lines(lane, scene)));
        lines
    }

    fn figures(&self, scene: &Scene) -> Vec<String> {
        let heading = format!("  {:<COMMAND$}{} …", "", self.redis_cli());
        let figures = scene.figures.iter().flat_map(|figure| self.figure(figure));
        std::iter::once(heading.dimmed().to_string()).chain(figures).collect()
    }

    /// One line, or two where the command is long.
    fn figure(&self, figure: &Figure) -> Vec<String> {
        let command = figure.command.strip_prefix(self.redis_cli()).unwrap_or(&figure.command);
        let command = command.trim_start();
        let number = format!("{:>9}", figure.number).bold();
        let number = if figure.bad { number.red() } else { number };
        let name = format!("  {:<15}{number}  ", figure.name);
        if command.chars().count() + COMMAND + 2 > WIDTH {
            let command = cut(command, WIDTH - 6).dimmed();
            return vec![format!("{name}{}", cut(&figure.note, 28)), format!("      {command}")];
        }
        vec![format!("{name}{:<28}{}", cut(&figure.note, 27), command.dimmed())]
    }
}

/// A lane's name and note stand before its first two rows.
fn lane_lines(lane: &Lane, scene: &Scene) -> Vec<String> {
    let note = if lane.bad { lane.note.red() } else { lane.note.dimmed() };
    let name = format!("{:<LANE$}", cut(&lane.name, LANE)).bold();
    if lane.rows.is_empty() {
        return vec![format!("  {name} {note}")];
    }
    let padded = format!("{:<LANE$}", cut(&lane.note, LANE));
    let note = if lane.bad { padded.red() } else { padded.dimmed() };
    let before =
        [name, note].into_iter().chain(std::iter::repeat_with(|| " ".repeat(LANE).normal()));
    let rows = lane.rows.iter().map(|row| row_text(row, scene)).chain([String::new()]);
    let lines = before.zip(rows).take(lane.rows.len().max(2));
    lines.map(|(before, row)| format!("  {before} {row}")).collect()
}

fn row_text(row: &Row, scene: &Scene) -> String {
    let state = format!("{:<STATE$}", cut(&format!("{} {}", row.state, row.time), STATE));
    let state = if row.bad { state.red() } else { state.normal() };
    format!("{:<ID$} {state} {}", row.id, life(&row.bars, scene))
}

/// A life in letters: `.` waits, `-` is in hand, `#` runs, `~` is parked, `x` was taken away.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "columns of a terminal"
)]
fn life(bars: &[Bar], scene: &Scene) -> String {
    let [back, ahead] = scene.axis;
    let column = |at: f64| {
        let part = (at - scene.now + back) / (back + ahead);
        (part.clamp(0.0, 1.0) * LIFE as f64) as usize
    };
    let mut line = [' '; LIFE + 1];
    line[column(scene.now)] = '|';
    for bar in bars {
        let (from, to) = (column(bar.from), column(bar.to.unwrap_or(scene.now)));
        line[from..to.max(from + 1).min(LIFE + 1)].fill(match bar.kind {
            "waiting" => '.',
            "taken" => '-',
            "running" => '#',
            "parked" => '~',
            "done" => '✔',
            "failed" => '✘',
            _ => 'x',
        });
    }
    line.iter().collect::<String>().trim_end().to_owned()
}

/// What was told, where lines can't be redrawn: only what is more than the time going on is told again.
#[derive(Default)]
struct Changes {
    problem: String,
    numbers: Vec<String>,
    rows: HashMap<String, (String, String)>,
}

impl Changes {
    fn tell(&mut self, narrator: &Narrator, scene: &Scene) {
        if self.numbers.is_empty() {
            narrator.figures(scene).iter().for_each(|line| narrator.say(line));
        }
        if scene.problem != self.problem {
            scene.problem.clone_into(&mut self.problem);
            match scene.problem.as_str() {
                "" => narrator.tell(Word::Good("broker"), "answers"),
                problem => narrator.tell(Word::Bad("no news"), problem),
            }
        }
        let numbers: Vec<_> = scene.figures.iter().map(|figure| figure.number.clone()).collect();
        if numbers != self.numbers {
            let said =
                scene.figures.iter().map(|figure| format!("{} {}", figure.key, figure.number));
            narrator.tell(Word::Now("queue"), said.collect::<Vec<_>>().join(" · "));
            self.numbers = numbers;
        }
        let mut rows = HashMap::new();
        for lane in &scene.lanes {
            for row in &lane.rows {
                let now = (lane.name.clone(), row.state.clone());
                if self.rows.get(&row.key) != Some(&now) {
                    narrator.tell(word(row), sentence(row, lane));
                }
                rows.insert(row.key.clone(), now);
            }
        }
        self.rows = rows;
    }
}

fn word(row: &Row) -> Word {
    let last = row.bars.last().map(|bar| bar.kind);
    match last {
        _ if row.bad => Word::Bad("task"),
        Some("done") => Word::Good("task"),
        Some("waiting" | "parked") => Word::Wait("task"),
        _ => Word::Now("task"),
    }
}

fn sentence(row: &Row, lane: &Lane) -> String {
    let task = if row.task.is_empty() { String::new() } else { format!(" {}", row.task) };
    format!("{}{task} {} · {}", row.id, row.state, lane.name)
}

/// At most so many characters.
fn cut(text: &str, longest: usize) -> String {
    crate::printable::printable(text, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> Scene {
        let bar = |kind, from, to| Bar { kind, from, to };
        let bars = vec![
            bar("waiting", 950.0, Some(960.0)),
            bar("cut", 960.0, Some(980.0)),
            bar("running", 980.0, None),
        ];
        let row = Row {
            id: "73ff0a72".into(),
            state: "restored, running".into(),
            time: "20 s".into(),
            bars,
            ..Row::default()
        };
        let name = "celery@a-very-long-hostname".to_owned();
        let lane = Lane {
            name,
            note: "has 1 in hand, and more that is long".into(),
            rows: vec![row],
            ..Lane::default()
        };
        let idle = Lane { name: "celery@idle".into(), note: "idle".into(), ..Lane::default() };
        let figure = |command: &str| Figure {
            name: "Unacknowledged",
            number: "1,234,567".into(),
            note: "oldest at least 3 h 20 min, in lists by priority".into(),
            command: command.into(),
            ..Figure::default()
        };
        let figures = vec![
            figure("redis-cli LLEN celery"),
            figure("redis-cli --scan --pattern 'celery-task-meta-*' | wc -l"),
        ];
        Scene {
            now: 1000.0,
            axis: [60.0, 12.0],
            figures,
            lanes: vec![lane, idle],
            ..Scene::default()
        }
    }

    #[test]
    fn a_life_is_drawn_to_scale_up_to_now() {
        let scene = scene();
        let drawn = life(&scene.lanes[0].rows[0].bars, &scene);
        assert_eq!(drawn, "   ...xxxxxx#######|");
    }

    #[test]
    fn no_line_of_the_screen_is_wider_than_eighty_columns() {
        let narrator = Narrator::new(true, false, crate::clock::LabClock::new(1.0));
        let lines = narrator.screen(&scene());
        for line in lines.iter().flat_map(|line| line.split('\n')) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(lines.iter().any(|line| line.contains("restored, running 20 s")));
    }
}
