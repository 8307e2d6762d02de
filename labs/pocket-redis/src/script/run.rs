//! One run of a script: lend the world, call, take the world back, and say what came of it.

use std::time::Instant;

use rilua::vm::closure::Closure;
use rilua::vm::state::LuaState;
use rilua::{Function, LuaError, LuaResult, Table, Val};

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::script::Scripts;
use crate::script::convert::{array, field, lossy, to_reply};
use crate::script::lent::Lent;
use crate::script::limits::{INSTRUCTIONS_PER_LOOK, Limits, MAX_MEMORY, Stopped};
use crate::script::quiet::catch_quietly;
use crate::script::sandbox::{Sandbox, set};

/// What a script is called with.
pub(crate) struct Request<'a> {
    pub(crate) sha: &'a str,
    pub(crate) keys: &'a [Vec<u8>],
    pub(crate) args: &'a [Vec<u8>],
    /// EVAL_RO: no writes.
    pub(crate) read_only: bool,
}

impl Scripts {
    /// Runs a script that is known.
    pub(crate) fn run(&mut self, call: &mut Call<'_>, request: &Request<'_>) -> Outcome {
        let compiled = self.compiled(request.sha)?;
        let read_only = !self.may_write(request.sha, request.read_only)?;
        let sandbox = self.sandbox()?;
        sandbox.lend(call, read_only, compiled.careful_above);
        let run = catch_quietly(|| sandbox.call(compiled.function, request));
        let limits = sandbox.take_back(call);
        if run.is_none() || limits.has_worn_it() {
            self.replace_sandbox();
        }
        let failed =
            |what: &str| Err(Fault::err(format!("Error running script {}, {what}", request.sha)));
        match (limits.stopped, run) {
            (Some(Stopped::Late), _) => failed(&format!(
                "stopped after {} ms (busy-reply-threshold)",
                call.world.settings.script_limit.as_millis()
            )),
            (Some(Stopped::Full), _) => {
                failed(&format!("not enough memory: it may hold {} MiB", MAX_MEMORY >> 20))
            }
            (None, Some(outcome)) => outcome,
            (None, None) => failed("the interpreter failed"),
        }
    }
}

impl Sandbox {
    fn lent(&mut self) -> Option<&mut Lent> {
        let lent = self.lent;
        lent.borrow_mut(rilua::LuaApiMut::state_mut(&mut self.lua))
    }

    fn lend(&mut self, call: &mut Call<'_>, read_only: bool, careful_above: usize) {
        let deadline = Instant::now().checked_add(call.world.settings.script_limit);
        if let Some(lent) = self.lent() {
            (lent.client, lent.db, lent.read_only) = (call.client, call.db, read_only);
            lent.limits = Limits::new(deadline, careful_above);
            std::mem::swap(&mut lent.world, call.world);
        }
    }

    /// Gives what became of the script's limits.
    fn take_back(&mut self, call: &mut Call<'_>) -> Limits {
        let taken = self.lent().map(|lent| {
            std::mem::swap(&mut lent.world, call.world);
            std::mem::take(&mut lent.limits)
        });
        taken.unwrap_or_default()
    }

    fn call(&mut self, function: Function, request: &Request<'_>) -> Outcome {
        let globals = self.globals;
        let state = rilua::LuaApiMut::state_mut(&mut self.lua);
        let prepared = set_strings(state, globals, "KEYS", request.keys)
            .and_then(|()| set_strings(state, globals, "ARGV", request.args));
        prepared.map_err(Fault::err)?;
        state.hook.base_hook_count = INSTRUCTIONS_PER_LOOK;
        state.hook.hook_count = INSTRUCTIONS_PER_LOOK;
        let place = state.top;
        state.push(Val::Function(function.gc_ref()));
        let before = (state.ci, state.base, state.n_ccalls, state.call_depth);
        let result = state.call_function(place, 1);
        let outcome = match result {
            Ok(()) => Ok(state.stack_get(place)),
            Err(error) => Err(describe(state, error, request.sha)),
        };
        // What a failed call left on the stack is dropped, as `pcall` would.
        (state.ci, state.base, state.n_ccalls, state.call_depth) = before;
        state.ci_overflow = false;
        state.close_upvalues(place);
        state.top = place;
        outcome.map(|value| to_reply(state, value))
    }
}

fn set_strings(
    state: &mut LuaState,
    globals: Table,
    name: &str,
    items: &[Vec<u8>],
) -> LuaResult<()> {
    let items = items.iter().map(|item| Val::Str(state.gc.intern_string(item)));
    let items: Vec<Val> = items.collect();
    let (table, name) = (array(state, &items)?, Val::Str(state.gc.intern_string(name.as_bytes())));
    set(state, globals, name, table)
}

/// The error in Redis' form: what, in which script, in which line.
fn describe(state: &mut LuaState, error: LuaError, sha: &str) -> Fault {
    let thrown = state.error_object.take();
    let line = line(state);
    let text = match thrown {
        Some(Val::Table(table)) => match field(state, Table::from_gc_ref(table), "err") {
            value @ Val::Str(_) => lossy(state, value),
            _ => "ERR unknown error".to_owned(),
        },
        Some(value @ (Val::Str(_) | Val::Num(_))) => format!("ERR {}", lossy(state, value)),
        Some(value) => format!("ERR {value}"),
        None => format!("ERR {error}"),
    };
    let line = written_line(&text).or(line);
    let place = line.map(|line| format!(" script: {sha}, on @user_script:{line}."));
    Fault::Said(format!("{text}{}", place.unwrap_or_default()).into())
}

/// The line that the interpreter wrote into its own message.
fn written_line(text: &str) -> Option<u32> {
    let rest = text.strip_prefix("ERR user_script:")?;
    rest.split(':').next()?.parse().ok()
}

/// The line of the innermost Lua function. The stack still stands as it was when the error came.
fn line(state: &LuaState) -> Option<u32> {
    let frame = state.call_stack[..=state.ci].iter().rev().find(|frame| frame.is_lua)?;
    let Val::Function(function) = state.stack_get(frame.func) else {
        return None;
    };
    let proto = &state.gc.closures.get(function).and_then(Closure::as_lua)?.proto;
    proto.line_info.get(frame.saved_pc.saturating_sub(1)).copied()
}
