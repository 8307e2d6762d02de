//! The bounds of a running script: its time, its memory, and the length of one string.

use std::time::Instant;

use rilua::{LuaResult, runtime_error};

/// What a script may hold at a time.
pub(super) const MAX_MEMORY: usize = 128 * 1024 * 1024;
/// The longest string that a script can make.
pub(super) const MAX_STRING: usize = 32 * 1024 * 1024;
/// The last resort between two looks: the interpreter itself refuses to grow beyond it.
pub(super) const HARD_LIMIT: usize = MAX_MEMORY + MAX_STRING;
/// How much is made before the first collection.
pub(super) const COLLECT_AFTER: usize = 8 * 1024 * 1024;
/// After a run that held more than this, the interpreter is replaced.
const WORN_AFTER: usize = 16 * 1024 * 1024;
/// How many instructions run between two looks: too few to make much out of little.
pub(super) const INSTRUCTIONS_PER_LOOK: i32 = 10;

/// Why a script was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Late,
    Full,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// When the script's time is over.
    pub(super) deadline: Option<Instant>,
    pub(super) stopped: Option<Stopped>,
    /// With so much in use, each instruction is looked at before it runs.
    pub(super) careful_above: usize,
    /// When so much is in use, unused memory is collected.
    pub(super) collect_at: usize,
    pub(super) peak: usize,
}

impl Limits {
    pub(super) fn new(deadline: Option<Instant>, careful_above: usize) -> Self {
        Self { deadline, stopped: None, careful_above, collect_at: COLLECT_AFTER, peak: 0 }
    }

    /// Whether the interpreter has grown so much that a new one is cheaper than its memory.
    pub(super) fn has_worn_it(&self) -> bool {
        self.stopped.is_some() || self.peak > WORN_AFTER
    }

    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }
}

/// Refuses a string that would be too long.
pub(super) fn check_length(length: usize) -> LuaResult<()> {
    if length > MAX_STRING {
        return Err(runtime_error("resulting string too large"));
    }
    Ok(())
}
