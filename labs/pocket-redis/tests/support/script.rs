//! Sequences of commands, sent to both servers, replies compared byte for byte.
//!
//! A line is a command; double quotes hold blanks and escapes. A mark in front of it loosens the
//! comparison where Redis promises less than a byte: `~` the order of elements is free, `%` the
//! order of pairs is free, `?` only the shape of the reply counts.

use super::judge::Judge;
use super::pocket::Pocket;
use super::wire::{Answer, Wire};

/// Both servers and a connection to each.
pub(crate) struct Both {
    pub(crate) pocket: Pocket,
    pub(crate) judge: Judge,
    pub(crate) ours: Wire,
    pub(crate) real: Wire,
}

impl Both {
    /// `None` where there is no judge.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let judge = Judge::start(test)?;
        let pocket = Pocket::start();
        let (ours, real) = (pocket.connect(), judge.connect());
        Some(Self { pocket, judge, ours, real })
    }

    /// Runs a command on both; `Err` tells the difference.
    pub(crate) fn compare(&mut self, line: &str) -> Result<(), String> {
        let (mark, args) = parse(line);
        let (ours, real) = (self.ours.ask(&args), self.real.ask(&args));
        if loosen(mark, ours.clone()) == loosen(mark, real.clone()) {
            return Ok(());
        }
        Err(format!("{line}\n    pocket: {ours:?}\n    redis:  {real:?}"))
    }

    /// Empties both servers and chooses a protocol.
    pub(crate) fn begin(&mut self, protocol: &str) {
        for wire in [&mut self.ours, &mut self.real] {
            wire.ask(&["RESET"]);
            wire.ask(&["HELLO", protocol]);
            wire.ask(&["FLUSHALL"]);
        }
    }

    /// Runs lines in RESP2 and, after clearing, in RESP3; panics with all differences.
    pub(crate) fn judge_lines(&mut self, lines: &str) {
        let mut differences = Vec::new();
        for protocol in ["2", "3"] {
            self.begin(protocol);
            let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
            let told = lines.filter_map(|line| self.compare(line).err());
            differences.extend(told.map(|text| format!("RESP{protocol} {text}")));
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// Judges a sequence with servers of its own.
pub(crate) fn judge_lines(test: &str, lines: &str) {
    if let Some(mut both) = Both::start(test) {
        both.judge_lines(lines);
    }
}

fn loosen(mark: char, answer: Answer) -> Answer {
    match mark {
        '~' => answer.sorted(),
        '%' => answer.sorted_pairs(),
        '?' => answer.shape(),
        _ => answer,
    }
}

/// Splits a line into its mark and its arguments.
pub(crate) fn parse(line: &str) -> (char, Vec<Vec<u8>>) {
    let mark = line.chars().next().filter(|mark| "~%?".contains(*mark));
    let mut rest = line[usize::from(mark.is_some())..].trim_start();
    let mut args = Vec::new();
    while !rest.is_empty() {
        let (arg, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner),
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        args.push(arg);
        rest = after.trim_start();
    }
    (mark.unwrap_or(' '), args)
}

fn quoted(text: &str) -> (Vec<u8>, &str) {
    let mut arg = Vec::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (arg, &text[at + 1..]),
            '\\' => match letters.next() {
                Some((_, 'n')) => arg.push(b'\n'),
                Some((_, 'r')) => arg.push(b'\r'),
                Some((_, '0')) => arg.push(0),
                Some((_, 'f')) => arg.push(0xff),
                Some((_, other)) => arg.extend(other.to_string().into_bytes()),
                None => {}
            },
            other => arg.extend(other.to_string().into_bytes()),
        }
    }
    (arg, "")
}
