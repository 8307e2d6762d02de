//! What a command is: its name, how many arguments it takes, what it may do, and its function.
//!
//! The table of all of them is in `table.rs`. The dispatcher, COMMAND, and scripts read the same
//! entries, so a command cannot be known to one of them only.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::table::{COMMANDS, ELSEWHERE};

/// Properties, as bits.
pub(crate) type Flags = u16;
/// May change keys.
pub(crate) const WRITE: Flags = 1;
/// Only reads keys.
pub(crate) const READ: Flags = 1 << 1;
/// Refused in scripts.
pub(crate) const NO_SCRIPT: Flags = 1 << 2;
/// Allowed to a RESP2 subscriber.
pub(crate) const SUBSCRIBER: Flags = 1 << 3;
/// For whoever runs the server; hidden from MONITOR.
pub(crate) const ADMIN: Flags = 1 << 4;
/// Hidden from MONITOR, or shown by the command itself at another moment.
pub(crate) const UNSEEN: Flags = 1 << 5;
/// Runs at once inside MULTI instead of being queued.
pub(crate) const AT_ONCE: Flags = 1 << 6;
/// Refused inside MULTI.
pub(crate) const NO_MULTI: Flags = 1 << 7;
/// May wait.
pub(crate) const BLOCKING: Flags = 1 << 8;
/// Constant or logarithmic time.
pub(crate) const FAST: Flags = 1 << 9;
/// Has to do with pub/sub.
pub(crate) const PUBSUB: Flags = 1 << 10;

/// The flags that COMMAND INFO names, with Redis' names.
pub(crate) const FLAG_NAMES: [(Flags, &str); 7] = [
    (WRITE, "write"),
    (READ, "readonly"),
    (NO_SCRIPT, "noscript"),
    (ADMIN, "admin"),
    (BLOCKING, "blocking"),
    (FAST, "fast"),
    (PUBSUB, "pubsub"),
];

/// First key, last key (negative: from the end) and step, as COMMAND INFO tells them.
pub(crate) type Keys = (i64, i64, i64);

/// One command, or one subcommand of a command such as CONFIG.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The number of arguments with the name; negative: at least as many.
    pub(crate) arity: i64,
    pub(crate) flags: Flags,
    pub(crate) keys: Keys,
    pub(crate) run: fn(&mut Call<'_>) -> Outcome,
    pub(crate) subcommands: &'static [Command],
}

impl Command {
    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.flags & flag != 0
    }

    /// The name in errors: `get`, or `config|get` for a subcommand.
    pub(crate) fn full_name(&self) -> String {
        match COMMANDS.iter().find(|parent| is_child(parent, self)) {
            Some(parent) => format!("{}|{}", parent.name, self.name),
            None => self.name.to_owned(),
        }
    }

    fn accepts(&self, count: usize) -> bool {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if self.arity < 0 { count >= -self.arity } else { count == self.arity }
    }

    fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|sub| name.eq_ignore_ascii_case(sub.name.as_bytes()))
    }
}

fn is_child(parent: &Command, child: &Command) -> bool {
    parent.subcommands.iter().any(|sub| std::ptr::eq(sub, child))
}

static BY_NAME: LazyLock<HashMap<&'static [u8], &'static Command>> =
    LazyLock::new(|| COMMANDS.iter().map(|command| (command.name.as_bytes(), command)).collect());

/// A command by its name, in any case.
pub(crate) fn find(name: &[u8]) -> Option<&'static Command> {
    BY_NAME.get(name.to_ascii_lowercase().as_slice()).copied()
}

/// The command or subcommand of this name, whatever the arguments.
pub(crate) fn named(args: &[Vec<u8>]) -> Option<&'static Command> {
    let command = find(args.first()?)?;
    Some(args.get(1).and_then(|sub| command.subcommand(sub)).unwrap_or(command))
}

/// The command that these arguments call, or Redis' words about why they call none.
pub(crate) fn resolve(args: &[Vec<u8>]) -> Result<&'static Command, Fault> {
    let command =
        find(&args[0]).ok_or_else(|| elsewhere(&args[0]).unwrap_or_else(|| unknown(args)))?;
    let command = match args.get(1) {
        Some(sub) if !command.subcommands.is_empty() => {
            command.subcommand(sub).ok_or_else(|| unknown_subcommand(command, sub))?
        }
        _ => command,
    };
    if command.accepts(args.len()) { Ok(command) } else { Err(Fault::Arity(command.full_name())) }
}

/// A command that only a real server has.
fn elsewhere(name: &[u8]) -> Option<Fault> {
    let name = name.to_ascii_lowercase();
    let known =
        ELSEWHERE.iter().flat_map(|names| names.split(' ')).any(|word| word.as_bytes() == name);
    known.then(|| Fault::NotHere(String::from_utf8_lossy(&name).to_ascii_uppercase()))
}

/// Redis shows what was sent, cut short.
fn unknown(args: &[Vec<u8>]) -> Fault {
    let mut shown = String::new();
    for arg in &args[1..] {
        if shown.len() >= 128 {
            break;
        }
        shown.push_str(&format!("'{}' ", cut(arg, 128 - shown.len())));
    }
    let name = cut(&args[0], 128);
    Fault::err(format!("unknown command '{name}', with args beginning with: {shown}"))
}

fn unknown_subcommand(command: &Command, sub: &[u8]) -> Fault {
    let name = command.name.to_ascii_uppercase();
    Fault::err(format!("unknown subcommand '{}'. Try {name} HELP.", cut(sub, 128)))
}

/// The beginning of an argument as text; like C, it ends at a zero byte.
pub(crate) fn cut(bytes: &[u8], length: usize) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end.min(length)]).into_owned()
}
