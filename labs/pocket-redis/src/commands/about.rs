//! COMMAND: what the table tells about itself.

use crate::call::{Call, Outcome};
use crate::command::{self, Command, FLAG_NAMES};
use crate::fault::Fault;
use crate::glob;
use crate::reply::Reply;
use crate::table::COMMANDS;

/// `COMMAND`
pub(crate) fn command(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Array(COMMANDS.iter().map(|command| describe(command, command.name)).collect()))
}

/// A command that needs a subcommand, without one. Its arity refuses it before.
pub(crate) fn bare(call: &mut Call<'_>) -> Outcome {
    Err(call.arity())
}

/// `COMMAND COUNT`
pub(crate) fn count(_call: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(COMMANDS.len()))
}

/// `COMMAND DOCS [name …]`: refused. redis-cli then takes its own texts for HELP and hints, which
/// are better than any that could stand here.
pub(crate) fn docs(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::NotHere("COMMAND DOCS".to_owned()))
}

/// `COMMAND LIST [FILTERBY PATTERN pattern]`
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let pattern = match &call.args[2..] {
        [] => &b"*"[..],
        [by, kind, pattern]
            if by.eq_ignore_ascii_case(b"filterby") && kind.eq_ignore_ascii_case(b"pattern") =>
        {
            pattern
        }
        _ => return Err(Fault::Syntax),
    };
    let names = COMMANDS.iter().map(|command| command.name);
    let hit = |name: &&str| glob::matches_ignoring_case(pattern, name.as_bytes());
    Ok(Reply::bulks(names.filter(hit)))
}

/// `COMMAND INFO [name …]`
pub(crate) fn command_info(call: &mut Call<'_>) -> Outcome {
    let names = &call.args[2..];
    if names.is_empty() {
        return command(call);
    }
    let one = |name: &Vec<u8>| match command::find(name) {
        Some(command) => describe(command, command.name),
        None => Reply::NullArray,
    };
    Ok(Reply::Array(names.iter().map(one).collect()))
}

/// Ten fields, as Redis 7 has them; categories, tips and key specifications are left empty.
fn describe(command: &Command, name: &str) -> Reply {
    let flags = FLAG_NAMES.iter().filter(|(flag, _)| command.has(*flag));
    let (first, last, step) = command.keys;
    let subcommands = command.subcommands.iter();
    let subcommands = subcommands.map(|sub| describe(sub, &format!("{name}|{}", sub.name)));
    Reply::Array(vec![
        Reply::bulk(name),
        Reply::Int(command.arity),
        Reply::Set(flags.map(|(_, name)| Reply::Status(name)).collect()),
        Reply::Int(first),
        Reply::Int(last),
        Reply::Int(step),
        Reply::Set(Vec::new()),
        Reply::Array(Vec::new()),
        Reply::Array(Vec::new()),
        Reply::Array(subcommands.collect()),
    ])
}

/// `HELP of any command that has subcommands`: their names.
pub(crate) fn help(call: &mut Call<'_>) -> Outcome {
    let parent = command::find(&call.args[0]).ok_or(Fault::Syntax)?;
    let name = parent.name.to_ascii_uppercase();
    let title = format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let lines = parent.subcommands.iter().map(|sub| sub.name.to_ascii_uppercase());
    Ok(Reply::Array(std::iter::once(title).chain(lines).map(|line| status(&line)).collect()))
}

/// Redis answers with status lines here; these are strings, because a status is a fixed text.
fn status(line: &str) -> Reply {
    Reply::bulk(line)
}
