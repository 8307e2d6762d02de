//! What the programs say: the only place that prints.
//!
//! A [`Narrator`] decides once how to speak. On a terminal: colours, and bars that move. With
//! `NO_COLOR`: bars without colours. With `--plain`, `TERM=dumb` or into a pipe: finished lines
//! only, and progress as words. Lines go to stdout, bars to stderr.
//! The sentences themselves stand in `worker`, `form` and `story`, one place for each kind of
//! event; a new event without a sentence does not compile.
//! Whatever comes from outside passes [`printable`](crate::printable) there, so that no line ends early.

mod bar;
mod form;
mod story;
mod worker;

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Instant;

use colored::Colorize;
use indicatif::MultiProgress;
use tokio::io::{AsyncBufRead, Lines};

use crate::chart::{Lane, chart};
use crate::clock::LabClock;
use crate::printable::printable;
pub use bar::Bar;
pub use form::Visits;
pub use story::{Banner, Question};
pub use worker::Told;

/// The widest line.
pub const WIDTH: usize = 80;

/// Speaks to whoever sits before the program.
#[derive(Clone)]
pub struct Narrator {
    bars: Option<MultiProgress>,
    asks: bool,
    /// The lab's clock, for every duration that is told.
    pub clock: LabClock,
    began: Instant,
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
            began: Instant::now(),
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
        let at = self.clock.lab(self.began.elapsed()).as_secs_f64();
        self.say(format!("{} {} {sentence}", format!("{at:>7.2} s").dimmed(), word.shown()));
    }

    /// The redis-cli command that shows the same.
    pub fn command(&self, command: impl Display) {
        self.say(format!("{:>10}{}", "", format!("$ redis-cli {command}").dimmed()));
    }

    /// A question before the run; the answer's index, where there is somebody to ask.
    #[must_use]
    pub fn ask(&self, question: &Question) -> Option<usize> {
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

    /// Whether lines may move.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.bars.is_some()
    }

    /// Another program's log, dimmed, until it ends.
    pub async fn pass_on<R: AsyncBufRead + Unpin>(&self, mut log: Lines<R>) {
        while let Ok(Some(line)) = log.next_line().await {
            if !line.trim().is_empty() {
                self.say(format!("  {}", printable(&line, WIDTH - 2).dimmed()));
            }
        }
    }

    /// Bars to scale.
    pub fn chart(&self, lanes: &[Lane]) {
        let block = if self.bars.is_some() { '█' } else { '#' };
        self.say(format!("\n{}\n", chart(lanes, block)));
    }

    /// A mail, between rules, as Django's console backend prints it.
    pub fn letter(&self, letter: &str) {
        let rule = "─".repeat(WIDTH - 20);
        self.say(format!("{:>10}{}", "", rule.dimmed()));
        for line in letter.lines() {
            self.say(format!("{:>10}{}", "", printable_line(line)));
        }
        self.say(format!("{:>10}{}", "", rule.dimmed()));
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

/// A letter's tab stays a tab: it is the original's.
fn printable_line(line: &str) -> String {
    let shown: Vec<_> = line.split('\t').map(|part| printable(part, 1000)).collect();
    shown.join("\t")
}
