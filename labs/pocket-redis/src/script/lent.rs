//! What a running script has in its hands, and how the functions that it calls find it.
//!
//! The interpreter calls plain functions, which can hold no reference. So the world itself is
//! moved into a userdata for the time of a script, and each function finds it there.

use rilua::vm::closure::Closure;
use rilua::vm::state::LuaState;
use rilua::{LuaResult, Val, runtime_error};

use crate::client::ClientId;
use crate::script::limits::Limits;
use crate::world::World;

/// See the file's head.
#[derive(Default)]
pub(super) struct Lent {
    pub(super) world: World,
    /// Who called the script.
    pub(super) client: ClientId,
    /// The script's own database: SELECT in a script is no business of its caller.
    pub(super) db: usize,
    pub(super) read_only: bool,
    pub(super) limits: Limits,
}

/// Finds what is lent, in the first upvalue of the running function.
pub(super) fn lent(state: &mut LuaState) -> LuaResult<&mut Lent> {
    let lost = || runtime_error("the world is lost");
    let Val::Userdata(lent) = upvalue(state, 0) else {
        return Err(lost());
    };
    state.gc.userdata.get_mut(lent).and_then(|lent| lent.downcast_mut()).ok_or_else(lost)
}

/// An upvalue of the running function; nil if it has none.
pub(super) fn upvalue(state: &LuaState, place: usize) -> Val {
    let Val::Function(function) = state.stack_get(state.ci().func) else {
        return Val::Nil;
    };
    let closure = state.gc.closures.get(function).and_then(Closure::as_rust);
    closure.and_then(|closure| closure.upvalues.get(place).copied()).unwrap_or(Val::Nil)
}

/// Changes an upvalue of the running function.
pub(super) fn set_upvalue(state: &mut LuaState, place: usize, value: Val) {
    let Val::Function(function) = state.stack_get(state.ci().func) else {
        return;
    };
    if let Some(Closure::Rust(closure)) = state.gc.closures.get_mut(function)
        && let Some(slot) = closure.upvalues.get_mut(place)
    {
        *slot = value;
    }
}
