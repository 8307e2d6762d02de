//! The parts of a program's story that come before and after the events: banner, question, next step.

use std::fmt;
use std::time::Duration;

use colored::Colorize;

use super::{INDENT, Narrator, Word, wrapped};
use crate::tour::Outcome;

/// What a program says first.
pub struct Banner<'a> {
    /// The step's number in the handout, where it has one.
    pub step: Option<u32>,
    /// Its title.
    pub title: &'a str,
    /// What the student will see.
    pub see: &'a [&'a str],
    /// What is used and where: a name and its value.
    pub facts: &'a [(&'a str, String)],
    /// What to run in the other terminals.
    pub elsewhere: &'a [(&'a str, &'a str)],
}

/// A prediction, asked before the run.
pub struct Question {
    /// What will happen?
    pub asks: &'static str,
    /// The choices, each with what to say to whoever chose it.
    pub answers: &'static [(&'static str, &'static str)],
}

impl Narrator {
    /// Says who speaks and what will happen.
    pub fn banner(&self, banner: &Banner<'_>) {
        let title = match banner.step {
            Some(step) => format!("Step {step} of 9 · {}", banner.title),
            None => banner.title.to_owned(),
        };
        self.say(format!("\n{}", title.bold()));
        for line in banner.see {
            self.say(format!("  {line}"));
        }
        for (name, value) in banner.facts {
            self.say(format!("  {} {value}", format!("{name:<11}").dimmed()));
        }
        if let Some(note) = self.clock.note() {
            self.say(format!("  {} {note}", format!("{:<11}", "time").dimmed()));
        }
        for (what, command) in banner.elsewhere {
            self.say(format!("  {} {}", format!("{what:<11}").dimmed(), command.bold()));
        }
        self.say("");
    }

    /// Compares what was predicted with what was measured.
    pub fn compare(&self, question: &Question, said: Option<usize>, waited: Option<Duration>) {
        let answer = said.and_then(|index| question.answers.get(index));
        if let (Some((answer, reply)), Some(waited)) = (answer, waited) {
            let measured = format!("the visitor waited {}", self.clock.tell(waited));
            self.say(format!("\n  you said: {} · measured: {}", answer.bold(), measured.bold()));
            self.say(format!("  {reply}"));
        }
    }

    /// The chart and the table at the end of a story.
    pub fn outcome(&self, outcome: &Outcome) {
        self.chart(&outcome.lanes);
        for (number, [name, rest @ ..]) in outcome.table.iter().enumerate() {
            let row = format!("  {name:<20}{:>14}{:>14}{:>11}", rest[0], rest[1], rest[2]);
            self.say(if number == 0 { row.bold() } else { row.normal() });
        }
    }

    /// Says at once whether the broker is there, and what starts it if not.
    pub async fn check(&self, broker: &taskqueue::Broker) {
        if let Err(error) = broker.ping().await {
            self.tell(Word::Bad("no broker"), error);
        }
    }

    /// What helps with what the line above says.
    pub fn next_step(&self, text: &str) {
        self.say(format!("{:INDENT$}{} {}", "", "next:".dimmed(), wrapped(text, 16, 16)));
    }

    /// Names the next step.
    pub fn next(&self, command: &str, why: &str) {
        self.say(format!("\n  {} {}   {}", "next:".dimmed(), command.bold(), why.dimmed()));
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
