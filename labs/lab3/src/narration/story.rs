//! A program's story around its events: what will happen, the question, the outcome, the next step.

use std::fmt;
use std::time::Duration;

use colored::Colorize;

use taskqueue::{Broker, BrokerError, BrokerUrl, Purpose};

use super::{INDENT, Narrator, WIDTH, Word, wrapped};
use crate::exposure;
use crate::printable::printable_lines;
use crate::tour::Outcome;

/// What a program says before it begins and after it ends.
pub struct Story {
    /// The step's number in the handout, where it has one.
    pub step: Option<u32>,
    /// Its title.
    pub title: &'static str,
    /// What the student will see.
    pub see: &'static [&'static str],
    /// What to run or to press elsewhere.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// What to predict.
    pub question: Option<Question>,
    /// The next step's command, and why.
    pub next: (&'static str, &'static str),
}

/// A prediction, asked before the run.
pub struct Question {
    /// What will happen?
    pub asks: &'static str,
    /// The choices, each with what to say to whoever chose it.
    pub answers: &'static [(&'static str, &'static str)],
}

impl Narrator {
    /// Says what will happen, with the `facts` of this run, and asks the question; the answer's index.
    #[must_use]
    pub fn open(&self, story: &Story, facts: &[(&str, String)]) -> Option<usize> {
        let title = match story.step {
            Some(step) => format!("Step {step} of 9 · {}", story.title),
            None => story.title.to_owned(),
        };
        self.say(format!("\n{}", title.bold()));
        story.see.iter().for_each(|line| self.say(format!("  {line}")));
        let clock = self.clock.note().map(|note| ("time", note));
        for (name, value) in facts.iter().chain(&clock) {
            let value = printable_lines(value);
            self.say(format!("  {} {value}", format!("{name:<11}").dimmed()));
        }
        for (what, command) in story.elsewhere {
            let command = self.lab_command(command);
            let apart = if command.chars().count() + 14 > WIDTH { "\n   " } else { "" };
            let what = format!("{what:<11}");
            self.say(format!("  {}{apart} {}", what.dimmed(), command.bold()));
        }
        if let Some(note) = self.login_note() {
            self.say(format!("  {:<11} {}", "", note.dimmed()));
        }
        self.say("");
        story.question.as_ref().and_then(|question| self.ask(question))
    }

    /// Compares what was predicted with what was measured, and names the next step.
    pub fn close(&self, story: &Story, said: Option<usize>, waited: Option<Duration>) {
        let waited = waited.map(|waited| self.clock.tell(waited));
        let measured = waited.map(|waited| format!("the visitor waited {waited}"));
        self.close_with(story, said, measured);
    }

    /// The same, where something else than a wait was measured.
    pub fn close_with(&self, story: &Story, said: Option<usize>, measured: Option<String>) {
        let answers = story.question.as_ref().map_or(&[][..], |question| question.answers);
        if let (Some((answer, reply)), Some(measured)) =
            (said.and_then(|said| answers.get(said)), measured)
        {
            self.say(format!("\n  you said: {}", answer.bold()));
            self.say(format!("  measured: {}", measured.bold()));
            self.say(format!("  {reply}"));
        }
        let (command, why) = (self.lab_command(story.next.0), story.next.1);
        let wide = command.chars().count() + why.chars().count() + 11 > WIDTH;
        let apart = if wide { "\n        " } else { "   " };
        self.say(format!("\n  {} {}{apart}{}", "next:".dimmed(), command.bold(), why.dimmed()));
    }

    /// What helps with what the line above says.
    pub fn next_step(&self, text: &str) {
        self.say(format!("{:INDENT$}{} {}", "", "next:".dimmed(), wrapped(text, 16, 16)));
    }

    /// The chart and the table at the end of a story.
    pub fn outcome(&self, outcome: &Outcome) {
        self.chart(&outcome.lanes);
        self.table(&outcome.table);
    }

    /// Rows of four; the first is their heading.
    pub fn table(&self, rows: &[[String; 4]]) {
        for (number, [name, rest @ ..]) in rows.iter().enumerate() {
            let row = format!("  {name:<20}{:>14}{:>14}{:>11}", rest[0], rest[1], rest[2]);
            self.say(if number == 0 { row.bold() } else { row.normal() });
        }
    }

    /// Says what there is to worry about at the Redis of this URL, if it answers.
    pub async fn warn(self, url: BrokerUrl) {
        for exposure in exposure::of(&url).await.unwrap_or_default() {
            self.tell(Word::Bad("exposed"), exposure.words(self.redis_cli()));
        }
    }

    /// Says at once whether the broker is there, and what starts it if not.
    ///
    /// # Errors
    /// It can't serve this `purpose`, and no waiting would change that.
    pub async fn check(&self, broker: &Broker, purpose: Purpose) -> Result<(), BrokerError> {
        match broker.check(purpose).await {
            Err(error) if error.is_permanent() => Err(error),
            Err(error) => {
                self.tell(Word::Bad("no broker"), error);
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  {} {}", "Predict:".bold(), wrapped(self.asks, 11, 11))?;
        for (letter, (answer, _)) in ('a'..).zip(self.answers) {
            writeln!(out, "    {letter}) {answer}")?;
        }
        write!(out, "  type a letter and Enter (or only Enter):")
    }
}
