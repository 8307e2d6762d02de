//! What the programs say: the only place that prints.
//!
//! A [`Narrator`] decides once how to speak. On a terminal: colours, and bars that move. With
//! `NO_COLOR`: bars without colours. With `--plain`, `TERM=dumb` or into a pipe: finished lines
//! only, and progress as words. Lines go to stdout, bars to stderr.
//! The sentences themselves stand in `worker`, `form` and `story`, one place for each kind of
//! event; a new event without a sentence does not compile.
//! Whatever comes from outside passes [`printable`](crate::printable) there, so that no line ends early.

mod bar;
mod command;
mod countdown;
mod form;
mod loglevel;
mod look;
mod lookup;
mod monitor;
mod put_aside;
mod request;
mod story;
mod word;
mod worker;
mod wrap;

use std::backtrace::Backtrace;
use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use colored::Colorize;
use indicatif::MultiProgress;
use taskqueue::BrokerUrl;
use tokio::io::{AsyncBufRead, Lines};

use crate::chart::{Lane, chart};
use crate::clock::LabClock;
use crate::printable::{on_screen, printable, printable_lines};
pub use bar::Bar;
use command::for_broker;
pub use form::Visits;
pub use loglevel::LogLevel;
pub use story::{Question, Story};
pub use word::Word;
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
    looked_at: Arc<OnceLock<LookedAt>>,
}

/// The Redis that is looked at, and how redis-cli has to be called for it.
struct LookedAt {
    url: BrokerUrl,
    redis_cli: String,
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
            looked_at: Arc::default(),
        }
    }

    /// One finished line, or several; nothing that steers a terminal gets past here.
    pub fn say(&self, text: impl Display) {
        let text = on_screen(&text.to_string());
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
        let sentence = printable_lines(&sentence.to_string());
        let text = wrapped(&sentence, TIME_AND_WORD, INDENT);
        format!("{} {} {text}", format!("{at:>7.2} s").dimmed(), word.shown())
    }

    /// The redis-cli command that shows the same.
    pub fn command(&self, command: impl Display) {
        self.say(self.command_line(command));
    }

    fn command_line(&self, command: impl Display) -> String {
        // With a port and a task's id it is just as wide as the screen.
        let line = format!("$ {} {command}", self.redis_cli());
        format!("  {}", printable(&line, usize::MAX).dimmed())
    }

    /// From now on, commands are for the Redis at `url`; a second call changes nothing.
    pub fn look_at(&self, url: &BrokerUrl) {
        let _ = self.looked_at.set(LookedAt { url: url.clone(), redis_cli: url.redis_cli() });
    }

    /// How redis-cli has to be called for the Redis that is looked at.
    #[must_use]
    pub fn redis_cli(&self) -> &str {
        self.looked_at.get().map_or("redis-cli", |looked_at| &looked_at.redis_cli)
    }

    /// Where the broker has a login, which no command shows: how the next program gets it.
    fn login_note(&self) -> Option<&'static str> {
        let url = &self.looked_at.get()?.url;
        let known = url.has_password() || url.username().is_some();
        known.then_some("other terminals need the same REDIS_URL: its login is never shown")
    }

    /// A command of the lab, for the Redis that is looked at: a step that asks for a broker is told
    /// which, unless it would look there by itself.
    fn lab_command(&self, command: &str) -> String {
        match self.looked_at.get() {
            Some(looked_at) => for_broker(command, &looked_at.url),
            None => command.to_owned(),
        }
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
        let error = printable_lines(&error.to_string());
        self.say(format!("{} {error}", "error:".red().bold()));
    }
}

/// What stands behind `Error: ` as a program ends.
pub(crate) fn last_words(text: &str) -> String {
    wrapped(text, "Error: ".len(), "  ".len())
}

/// Ends the program with clap's words, `text`: what is wrong about its arguments, or the help that
/// they ask for.
pub(crate) fn leave(text: &str, error: &clap::Error) -> ! {
    let text = printable_lines(text.trim_end());
    let _ = match error.use_stderr() {
        true => writeln!(io::stderr(), "{text}"),
        false => writeln!(io::stdout(), "{text}"),
    };
    std::process::exit(error.exit_code())
}

/// From now on a panic is told like everything else: it may quote what came from outside.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let told = format!("{panic}\n{}", Backtrace::capture());
        let _ = writeln!(io::stderr(), "{}", printable_lines(&told));
    }));
}

/// A letter's tab stays a tab: it is the original's.
fn printable_line(line: &str) -> String {
    let shown: Vec<_> = line.split('\t').map(|part| printable(part, 1000)).collect();
    shown.join("\t")
}
