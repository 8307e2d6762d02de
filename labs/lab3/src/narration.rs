//! What the programs say: the only place that prints.
//!
//! A [`Narrator`] decides once how to speak. On a terminal: colours, and bars that move. With
//! `NO_COLOR`: bars without colours. With `--plain`, `TERM=dumb` or into a pipe: finished lines
//! only, and progress as words. Lines go to stdout, bars to stderr.
//! The sentences themselves stand in `worker`, `form` and `story`, one place for each kind of
//! event; a new event without a sentence does not compile.
//! Whatever comes from outside passes [`printable`](crate::printable) there, so that no line ends early.

mod bar;
mod countdown;
mod form;
mod loglevel;
mod look;
mod monitor;
mod story;
mod worker;
mod wrap;

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use colored::Colorize;
use indicatif::MultiProgress;
use redis::{ConnectionAddr, IntoConnectionInfo};
use tokio::io::{AsyncBufRead, Lines};

use crate::chart::{Lane, chart};
use crate::clock::LabClock;
use crate::printable::printable;
pub use bar::Bar;
pub use form::Visits;
pub use loglevel::LogLevel;
pub use story::{Question, Story};
pub use worker::Told;
use wrap::wrapped;

/// The widest line.
pub const WIDTH: usize = 80;
/// Columns before a sentence.
const TIME_AND_WORD: usize = 23;
/// Columns before what belongs to the line above.
const INDENT: usize = 10;

/// Speaks to whoever sits before the program.
#[derive(Clone)]
pub struct Narrator {
    bars: Option<MultiProgress>,
    asks: bool,
    /// The lab's clock, for every duration that is told.
    pub clock: LabClock,
    /// When the first thing was told.
    began: Arc<OnceLock<Instant>>,
    redis_cli: Arc<OnceLock<String>>,
}

impl Narrator {
    /// Looks at the terminal and the environment, once.
    #[must_use]
    pub fn new(plain: bool, asks: bool, clock: LabClock) -> Self {
        let terminal = io::stdout().is_terminal() && io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let moving = terminal && !dumb && !plain;
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // colored looks at stdout alone and indicatif at stderr alone; here both look the same way.
        colored::control::set_override(moving && !no_color);
        #[cfg(windows)]
        let _ = colored::control::set_virtual_terminal(true);
        Self {
            bars: moving.then(MultiProgress::new),
            asks: asks && terminal && io::stdin().is_terminal(),
            clock,
            began: Arc::default(),
            redis_cli: Arc::default(),
        }
    }

    /// One finished line, or several.
    pub fn say(&self, text: impl Display) {
        let print = || {
            // Whoever reads us may have gone (`| head`): that is no reason to stop working.
            let _ = writeln!(io::stdout(), "{text}");
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    /// Something that happened: when, a word for it, and the sentence.
    pub fn tell(&self, word: Word, sentence: impl Display) {
        self.say(self.line(word, sentence));
    }

    fn line(&self, word: Word, sentence: impl Display) -> String {
        let at = self.clock.lab(self.began.get_or_init(Instant::now).elapsed()).as_secs_f64();
        let text = wrapped(&sentence.to_string(), TIME_AND_WORD, INDENT);
        format!("{} {} {text}", format!("{at:>7.2} s").dimmed(), word.shown())
    }

    /// The redis-cli command that shows the same.
    pub fn command(&self, command: impl Display) {
        self.say(self.command_line(command));
    }

    fn command_line(&self, command: impl Display) -> String {
        // With a port and a task's id it is just as wide as the screen.
        format!("  {}", format!("$ {} {command}", self.redis_cli()).dimmed())
    }

    /// From now on, commands are for the Redis at `url`; a second call changes nothing.
    pub fn look_at(&self, url: &str) {
        let _ = self.redis_cli.set(redis_cli(url));
    }

    /// How redis-cli has to be called for the Redis that is looked at.
    #[must_use]
    pub fn redis_cli(&self) -> &str {
        self.redis_cli.get().map_or("redis-cli", String::as_str)
    }

    /// A question before the run; the answer's index, where there is somebody to ask.
    fn ask(&self, question: &Question) -> Option<usize> {
        if !self.asks {
            return None;
        }
        self.say(question);
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        let letter = answer.trim().to_ascii_lowercase().bytes().next()?;
        let index = usize::from(letter.checked_sub(b'a')?);
        (index < question.answers.len()).then_some(index)
    }

    /// A bar for something that takes time.
    #[must_use]
    pub fn bar(&self, label: &str) -> Bar {
        Bar::new(self, "{prefix:>22} {bar:32.cyan} {percent:>3} %  {msg}", label)
    }

    /// A line for something that goes on for nobody knows how long.
    #[must_use]
    pub fn gauge(&self, label: &str) -> Bar {
        Bar::new(self, "{prefix:>22} {msg}", label)
    }

    /// Another program's log, dimmed, until it ends.
    pub async fn pass_on<R: AsyncBufRead + Unpin>(&self, mut log: Lines<R>) {
        while let Ok(Some(line)) = log.next_line().await {
            if !line.trim().is_empty() {
                self.say(format!("  {}", printable(&line, WIDTH - 2).dimmed()));
            }
        }
    }

    /// How it speaks, in words.
    #[must_use]
    pub fn terminal(&self) -> String {
        let colours = if colored::control::SHOULD_COLORIZE.should_colorize() {
            "colours"
        } else {
            "no colours"
        };
        let bars = if self.bars.is_some() { "moving bars" } else { "finished lines only" };
        format!("{colours}, {bars}")
    }

    /// Whether anything can move here: a terminal, and nobody asked for finished lines only.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.bars.is_some()
    }

    /// How many came in each tick, as columns.
    pub fn histogram(&self, title: &str, counts: &[usize], tick: std::time::Duration) {
        let block = if self.bars.is_some() { '█' } else { '#' };
        self.say(format!("\n  {title}\n{}", crate::chart::histogram(counts, tick, block)));
    }

    /// Bars to scale.
    pub fn chart(&self, lanes: &[Lane]) {
        let block = if self.bars.is_some() { '█' } else { '#' };
        self.say(format!("\n{}\n", chart(lanes, block)));
    }

    /// A mail, between rules, as Django's console backend prints it.
    pub fn letter(&self, letter: &str) {
        let rule = "─".repeat(WIDTH - 20);
        let rule = format!("{:>10}{}", "", rule.dimmed());
        let lines = letter.lines().map(|line| format!("{:>10}{}", "", printable_line(line)));
        let lines: Vec<String> = lines.collect();
        self.say(format!("{rule}\n{}\n{rule}", lines.join("\n")));
    }

    /// An error on its way out of the program; each names its next step.
    pub fn fail(&self, error: &dyn std::error::Error) {
        self.say(format!("{} {error}", "error:".red().bold()));
    }
}

/// The word at the start of a line; its colour says what kind of news it is, its symbol says it without colours.
#[derive(Debug, Clone, Copy)]
pub enum Word {
    /// Something began or moved on.
    Now(&'static str),
    /// It went well.
    Good(&'static str),
    /// It has to wait.
    Wait(&'static str),
    /// It went wrong.
    Bad(&'static str),
}

impl Word {
    fn shown(self) -> String {
        match self {
            Self::Now(word) => format!("{} {:<10}", "▶".cyan(), word).to_string(),
            Self::Good(word) => format!("{} {}", "✔".green(), format!("{word:<10}").green()),
            Self::Wait(word) => format!("{} {}", "◷".yellow(), format!("{word:<10}").yellow()),
            Self::Bad(word) => format!("{} {}", "✘".red(), format!("{word:<10}").red().bold()),
        }
    }
}

/// `redis-cli`, and the options without which it would look at another Redis.
fn redis_cli(url: &str) -> String {
    let Ok(info) = url.into_connection_info() else { return "redis-cli".to_owned() };
    let mut command = "redis-cli".to_owned();
    if let ConnectionAddr::Tcp(host, port) = info.addr() {
        let host = Some(host).filter(|host| !["127.0.0.1", "localhost"].contains(&host.as_str()));
        host.iter().for_each(|host| command.push_str(&format!(" -h {}", printable(host, 60))));
        Some(port)
            .filter(|port| **port != 6379)
            .iter()
            .for_each(|port| command.push_str(&format!(" -p {port}")));
    }
    match info.redis_settings().db() {
        0 => command,
        db => format!("{command} -n {db}"),
    }
}

/// A letter's tab stays a tab: it is the original's.
fn printable_line(line: &str) -> String {
    let shown: Vec<_> = line.split('\t').map(|part| printable(part, 1000)).collect();
    shown.join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_cli_is_told_where_to_look_when_it_would_not_look_there_by_itself() {
        let commands =
            ["redis://127.0.0.1:6379/0", "redis://:secret@localhost:7000/3", "redis://box/0"]
                .map(redis_cli);
        assert_eq!(commands, ["redis-cli", "redis-cli -p 7000 -n 3", "redis-cli -h box"]);
    }
}
