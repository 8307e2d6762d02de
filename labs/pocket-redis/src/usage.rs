//! How often commands run and how long they take, for INFO and SLOWLOG.

use std::collections::{BTreeMap, VecDeque};

use crate::command::Command;

/// As many arguments of a slow command are kept, and as many bytes of each.
const MAX_ARGS: usize = 32;
const MAX_ARG: usize = 128;

/// What became of one command so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) calls: u64,
    pub(crate) micros: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
}

/// A command that took long.
#[derive(Debug, Clone)]
pub(crate) struct Slow {
    pub(crate) id: i64,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) micros: u64,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) addr: String,
    pub(crate) name: Vec<u8>,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// By the command's place in memory, which is quicker to tell than its name.
    counts: BTreeMap<usize, (&'static Command, Count)>,
    pub(crate) slow: VecDeque<Slow>,
    last_id: i64,
}

impl Usage {
    /// The count of a command.
    pub(crate) fn count(&mut self, command: &'static Command) -> &mut Count {
        let place = std::ptr::from_ref(command).addr();
        &mut self.counts.entry(place).or_insert((command, Count::default())).1
    }

    /// All commands that were called, by name.
    pub(crate) fn by_name(&self) -> BTreeMap<String, Count> {
        self.counts.values().map(|(command, count)| (command.full_name(), *count)).collect()
    }

    /// Keeps a slow command, and forgets the oldest beyond `most`.
    pub(crate) fn keep(&mut self, mut slow: Slow, most: usize) {
        slow.id = self.last_id;
        self.last_id += 1;
        slow.args = shortened(&slow.args);
        self.slow.push_front(slow);
        self.slow.truncate(most);
    }
}

/// As Redis cuts them, with a word about what is left out.
fn shortened(args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let shown = if args.len() > MAX_ARGS { MAX_ARGS - 1 } else { args.len() };
    let mut kept: Vec<Vec<u8>> = args[..shown].iter().map(|arg| shorter(arg)).collect();
    if shown < args.len() {
        kept.push(format!("... ({} more arguments)", args.len() - shown).into_bytes());
    }
    kept
}

fn shorter(arg: &[u8]) -> Vec<u8> {
    match arg.len().checked_sub(MAX_ARG) {
        None | Some(0) => arg.to_vec(),
        Some(more) => [&arg[..MAX_ARG], format!("... ({more} more bytes)").as_bytes()].concat(),
    }
}
