//! What scripts call: `redis.call` and its neighbours.

use std::time::Instant;

use rilua::vm::state::LuaState;
use rilua::{LuaError, LuaResult, RustFn, Table, Val, runtime_error};

use crate::call::{Call, Origin};
use crate::command::{self, ADMIN, NO_SCRIPT, UNSEEN, WRITE};
use crate::dispatch::IntoReply;
use crate::fault::Fault;
use crate::number::format_double;
use crate::reply::{Protocol, Reply};
use crate::script::convert::{field, field_table, to_lua};
use crate::script::lent::{Lent, lent};
use crate::script::sandbox::argument;
use crate::script::watch::look;

/// The functions of the table `redis`.
pub(super) const FUNCTIONS: [(&str, RustFn); 11] = [
    ("call", call),
    ("pcall", pcall),
    ("error_reply", error_reply),
    ("status_reply", status_reply),
    ("sha1hex", sha1hex),
    ("log", log),
    ("setresp", setresp),
    ("replicate_commands", replicate_commands),
    ("set_repl", nothing),
    ("debug", nothing),
    ("breakpoint", breakpoint),
];

/// The numbers of the table `redis`.
pub(super) const CONSTANTS: [(&str, f64); 10] = [
    ("LOG_DEBUG", 0.0),
    ("LOG_VERBOSE", 1.0),
    ("LOG_NOTICE", 2.0),
    ("LOG_WARNING", 3.0),
    ("REDIS_VERSION_NUM", 458_767.0),
    ("REPL_NONE", 0.0),
    ("REPL_AOF", 1.0),
    ("REPL_SLAVE", 2.0),
    ("REPL_REPLICA", 2.0),
    ("REPL_ALL", 3.0),
];

/// `redis.call`: an error reply is raised.
fn call(state: &mut LuaState) -> LuaResult<u32> {
    match perform(state)? {
        Reply::Error(text) => Err(raise(state, &text)),
        reply => give(state, &reply),
    }
}

/// `redis.pcall`: an error reply is returned.
fn pcall(state: &mut LuaState) -> LuaResult<u32> {
    let reply = perform(state)?;
    give(state, &reply)
}

/// `pcall`: as Lua's, but an error of `redis.call`, which is a table, comes out as its text.
pub(super) fn protected_call(state: &mut LuaState) -> LuaResult<u32> {
    let results = rilua::stdlib::base::lua_pcall(state)?;
    if results == 2
        && let (Val::Bool(false), Val::Table(error)) =
            (state.stack_get(state.top - 2), state.stack_get(state.top - 1))
        && let text @ Val::Str(_) = field(state, Table::from_gc_ref(error), "err")
    {
        state.stack_set(state.top - 1, text);
    }
    Ok(results)
}

fn give(state: &mut LuaState, reply: &Reply) -> LuaResult<u32> {
    let value = to_lua(state, reply)?;
    state.push(value);
    Ok(1)
}

/// Raises what Redis raises: a table with the text of the error.
fn raise(state: &mut LuaState, text: &str) -> LuaError {
    match field_table(state, "err", text.as_bytes()) {
        Ok(table) => {
            state.error_object = Some(table);
            runtime_error(text)
        }
        Err(error) => error,
    }
}

fn perform(state: &mut LuaState) -> LuaResult<Reply> {
    look(state)?;
    let args = match arguments(state) {
        Ok(args) => args,
        Err(fault) => return Ok(fault.into()),
    };
    Ok(lent(state)?.perform(&args).unwrap_or_else(Reply::from))
}

/// Strings and numbers; anything else is refused.
fn arguments(state: &LuaState) -> Result<Vec<Vec<u8>>, Fault> {
    let args = (state.base..state.top).map(|place| match state.stack_get(place) {
        Val::Str(text) => state.gc.string_arena.get(text).map(|text| text.data().to_vec()),
        Val::Num(number) => Some(format_double(number).into_bytes()),
        _ => None,
    });
    let args: Option<Vec<_>> = args.collect();
    let args = args.ok_or("ERR Lua redis lib command arguments must be strings or integers")?;
    match args.len() {
        0 => Err("ERR Please specify at least one argument for this redis lib call".into()),
        _ => Ok(args),
    }
}

impl Lent {
    fn perform(&mut self, args: &[Vec<u8>]) -> Result<Reply, Fault> {
        let command = command::resolve(args).map_err(|fault| match fault {
            Fault::Arity(_) => "ERR Wrong number of args calling Redis command from script".into(),
            Fault::NotHere(_) => fault,
            _ => Fault::from("ERR Unknown Redis command called from script"),
        })?;
        if command.has(NO_SCRIPT) {
            return Err("ERR This Redis command is not allowed from script".into());
        }
        if self.read_only && (command.has(WRITE) || command.name == "publish") {
            return Err("ERR Write commands are not allowed from read-only scripts.".into());
        }
        let began = Instant::now();
        let mut call = Call {
            world: &mut self.world,
            command,
            args,
            client: self.client,
            db: self.db,
            protocol: Protocol::Resp2,
            origin: Origin::Script,
        };
        let outcome = (command.run)(&mut call);
        self.db = call.db;
        self.world.account(command, began, outcome.is_err());
        if !command.has(UNSEEN | ADMIN) {
            self.world.show_script(self.db, args);
        }
        Ok(outcome.into_reply())
    }
}

/// `redis.error_reply(text)`
fn error_reply(state: &mut LuaState) -> LuaResult<u32> {
    single_field(state, "err")
}

/// `redis.status_reply(text)`
fn status_reply(state: &mut LuaState) -> LuaResult<u32> {
    single_field(state, "ok")
}

fn single_field(state: &mut LuaState, field: &str) -> LuaResult<u32> {
    let text = match (state.top - state.base, argument(state, 0)) {
        (1, Val::Str(text)) => state.gc.string_arena.get(text).map(|text| text.data().to_vec()),
        _ => None,
    };
    let table = match (text, field) {
        (None, _) => field_table(state, "err", b"ERR wrong number or type of arguments")?,
        (Some(text), "err") => field_table(state, field, &with_code(&text))?,
        (Some(text), _) => field_table(state, field, &text)?,
    };
    state.push(table);
    Ok(1)
}

/// A minus, which leads errors on the wire, is not part of the text; a lone word is no code.
fn with_code(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let code: &[u8] = if text.contains(&b' ') { b"" } else { b"ERR " };
    [code, text].concat()
}

/// `redis.sha1hex(text)`
fn sha1hex(state: &mut LuaState) -> LuaResult<u32> {
    if state.top - state.base != 1 {
        return Err(raise(state, "ERR wrong number of arguments"));
    }
    let digest = super::sha1(&state.check_string(1)?);
    let digest = Val::Str(state.gc.intern_string(digest.as_bytes()));
    state.push(digest);
    Ok(1)
}

/// `redis.log(level, text …)`: there is no log, but the arguments are checked.
fn log(state: &mut LuaState) -> LuaResult<u32> {
    if state.top - state.base < 2 {
        return Err(raise(state, "ERR redis.log() requires two arguments or more."));
    }
    let Val::Num(level) = argument(state, 0) else {
        return Err(raise(state, "ERR First argument must be a number (log level)."));
    };
    if !(0.0..=3.0).contains(&level) {
        return Err(raise(state, "ERR Invalid debug level."));
    }
    Ok(0)
}

/// `redis.setresp(2)`: scripts see replies as RESP2 has them.
fn setresp(state: &mut LuaState) -> LuaResult<u32> {
    match state.check_integer(1)? {
        2 => Ok(0),
        3 => Err(raise(state, "ERR RESP3 in scripts is not supported by pocket-redis")),
        _ => Err(raise(state, "ERR RESP version must be 2 or 3.")),
    }
}

/// `redis.replicate_commands()`: always so since Redis 7.
fn replicate_commands(state: &mut LuaState) -> LuaResult<u32> {
    state.push(Val::Bool(true));
    Ok(1)
}

/// `redis.set_repl(what)`, `redis.debug(…)`: there is no replica, and no debugger.
fn nothing(_state: &mut LuaState) -> LuaResult<u32> {
    Ok(0)
}

/// `redis.breakpoint()`: no debugger stops here.
fn breakpoint(state: &mut LuaState) -> LuaResult<u32> {
    state.push(Val::Bool(false));
    Ok(1)
}
