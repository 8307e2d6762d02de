//! COMMAND GETKEYS: which arguments of a command are keys.

use crate::call::{Call, Outcome};
use crate::command::{self, Command};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;

/// `COMMAND GETKEYS name argument …`
pub(crate) fn getkeys(call: &mut Call<'_>) -> Outcome {
    let args = &call.args[2..];
    let command = command::resolve(args).map_err(|fault| match fault {
        Fault::Arity(_) => "ERR Invalid number of arguments specified for command".into(),
        _ => Fault::from("ERR Invalid command specified"),
    })?;
    let keys = match keys(command, args) {
        Some(keys) => keys,
        // A script need not have keys.
        None if command.name.starts_with("eval") => return Ok(Reply::Array(Vec::new())),
        None => return Err("ERR Invalid arguments specified for command".into()),
    };
    if keys.is_empty() {
        return Err("ERR The command has no key arguments".into());
    }
    Ok(Reply::bulks(keys))
}

/// The keys among a command's arguments; `None` if their number is told wrongly.
fn keys<'a>(command: &Command, args: &'a [Vec<u8>]) -> Option<Vec<&'a Vec<u8>>> {
    let (first, last, step) = command.keys;
    let mut keys: Vec<&Vec<u8>> = Vec::new();
    if first > 0 {
        let length = i64::try_from(args.len()).ok()?;
        let last = if last < 0 { length + last } else { last };
        let places = (first..=last).step_by(usize::try_from(step).ok()?);
        keys.extend(places.filter_map(|place| args.get(usize::try_from(place).ok()?)));
    }
    let counted = match command.name {
        "lmpop" | "zmpop" | "sintercard" | "zintercard" | "zunion" | "zinter" | "zdiff" => 1,
        "blmpop" | "bzmpop" | "zunionstore" | "zinterstore" | "zdiffstore" => 2,
        "eval" | "evalsha" | "eval_ro" | "evalsha_ro" => 2,
        "sort" => {
            let store = args.iter().rposition(|arg| arg.eq_ignore_ascii_case(b"store"));
            keys.extend(store.filter(|at| *at > 1).and_then(|at| args.get(at + 1)));
            return Some(keys);
        }
        _ => return Some(keys),
    };
    let number =
        usize::try_from(parse_int(args.get(counted)?)?).ok().filter(|number| *number > 0)?;
    keys.extend(args.get(counted + 1..)?.get(..number)?);
    Some(keys)
}
