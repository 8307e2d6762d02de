//! EVAL and SCRIPT. How scripts run is in `script/`.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::script::{Request, Scripts};

/// `EVAL source numkeys key … arg …`
pub(crate) fn eval(call: &mut Call<'_>) -> Outcome {
    by_source(call, false)
}

/// `EVAL_RO source numkeys key … arg …`
pub(crate) fn eval_ro(call: &mut Call<'_>) -> Outcome {
    by_source(call, true)
}

/// `EVALSHA sha numkeys key … arg …`
pub(crate) fn evalsha(call: &mut Call<'_>) -> Outcome {
    by_name(call, false)
}

/// `EVALSHA_RO sha numkeys key … arg …`
pub(crate) fn evalsha_ro(call: &mut Call<'_>) -> Outcome {
    by_name(call, true)
}

fn by_source(call: &mut Call<'_>, read_only: bool) -> Outcome {
    let source = &call.args[1];
    show(call);
    with_scripts(call, |scripts, call| {
        let numkeys = numkeys(call.args)?;
        let sha = scripts.load(source)?;
        run(scripts, call, &sha, numkeys, read_only)
    })
}

fn by_name(call: &mut Call<'_>, read_only: bool) -> Outcome {
    show(call);
    let sha = String::from_utf8_lossy(&call.args[1]).to_ascii_lowercase();
    with_scripts(call, |scripts, call| {
        if sha.len() != 40 {
            return Err(Fault::NoScript);
        }
        let numkeys = numkeys(call.args)?;
        run(scripts, call, &sha, numkeys, read_only)
    })
}

/// `MONITOR shows a script before the commands that it calls.`
fn show(call: &mut Call<'_>) {
    call.world.show(call.client, call.db, call.args);
}

fn run(
    scripts: &mut Scripts,
    call: &mut Call<'_>,
    sha: &str,
    numkeys: usize,
    read_only: bool,
) -> Outcome {
    let (keys, args) = call.args[3..].split_at(numkeys);
    scripts.run(call, &Request { sha, keys, args, read_only })
}

fn numkeys(args: &[Vec<u8>]) -> Result<usize, Fault> {
    let number = parse_int(&args[2]).ok_or(Fault::NotAnInteger)?;
    let given = i64::try_from(args.len() - 3).unwrap_or(i64::MAX);
    if number > given {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    usize::try_from(number).map_err(|_| "ERR Number of keys can't be negative".into())
}

/// Takes the scripts out of the world, which they are going to be lent.
fn with_scripts<T>(
    call: &mut Call<'_>,
    work: impl FnOnce(&mut Scripts, &mut Call<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut scripts = call.world.scripts.take().unwrap_or_default();
    let result = work(&mut scripts, call);
    call.world.scripts = Some(scripts);
    result
}

/// `SCRIPT LOAD source`
pub(crate) fn load(call: &mut Call<'_>) -> Outcome {
    let source = &call.args[2];
    with_scripts(call, |scripts, _| scripts.load(source)).map(Reply::bulk)
}

/// `SCRIPT EXISTS sha …`
pub(crate) fn exists(call: &mut Call<'_>) -> Outcome {
    let shas = &call.args[2..];
    with_scripts(call, |scripts, _| {
        let known =
            |sha: &Vec<u8>| scripts.knows(&String::from_utf8_lossy(sha).to_ascii_lowercase());
        Ok(Reply::Array(shas.iter().map(|sha| Reply::flag(known(sha))).collect()))
    })
}

/// `SCRIPT FLUSH [ASYNC | SYNC]`
pub(crate) fn flush(call: &mut Call<'_>) -> Outcome {
    let known = call.is(2, "async") || call.is(2, "sync");
    if call.args.len() > 3 || (call.args.len() == 3 && !known) {
        return Err("ERR SCRIPT FLUSH only support SYNC|ASYNC option".into());
    }
    with_scripts(call, |scripts, _| {
        scripts.flush();
        Ok(Reply::OK)
    })
}

/// `SCRIPT KILL`: scripts end by themselves here, at the latest when their time is over.
pub(crate) fn kill(_call: &mut Call<'_>) -> Outcome {
    Err("NOTBUSY No scripts in execution right now.".into())
}
