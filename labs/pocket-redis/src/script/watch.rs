//! The watch over a running script: it looks at the clock and the memory, and stops the script.
//!
//! The interpreter's own account of memory forgets most of what it frees, and its limit asks
//! nobody to collect first. So its collector is switched off, and here one look, every few
//! instructions and in every library function, collects when enough was made since the last time,
//! counts what is left, and stops the script when that is too much. A stopped script gets an error
//! at every further instruction, so that no `pcall` can hold it up.
//!
//! One `a .. a .. a` makes as many times its operand as it has operands, and no look comes in
//! between. Therefore each instruction is looked at before it runs, as soon as the widest `..` of
//! the script could make too much out of what the script has in its hands.

use rilua::vm::closure::Closure;
use rilua::vm::instructions::{Instruction, OpCode};
use rilua::vm::proto::Proto;
use rilua::vm::state::LuaState;
use rilua::{LuaResult, Val, runtime_error};

use crate::script::lent::lent;
use crate::script::limits::{
    COLLECT_AFTER, HARD_LIMIT, INSTRUCTIONS_PER_LOOK, MAX_MEMORY, MAX_STRING, Stopped, check_length,
};

/// What an empty table takes beyond what the interpreter thinks.
const TABLE: usize = 64;

/// The hook: runs every few instructions, or before each.
pub(super) fn hook(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let careful = state.gc.gc_state.total_bytes > lent(state)?.limits.careful_above;
    pace(state, if careful { 1 } else { INSTRUCTIONS_PER_LOOK });
    if careful {
        check_concat(state)?;
    }
    Ok(0)
}

fn pace(state: &mut LuaState, instructions: i32) {
    state.hook.base_hook_count = instructions;
    state.hook.hook_count = instructions;
}

/// Looks at the clock and at the memory; an error if either is used up.
pub(super) fn look(state: &mut LuaState) -> LuaResult<()> {
    let used = state.gc.gc_state.total_bytes;
    let limits = &mut lent(state)?.limits;
    limits.peak = limits.peak.max(used);
    if limits.is_late() {
        limits.stopped.get_or_insert(Stopped::Late);
    }
    if limits.stopped.is_none() && used > limits.collect_at {
        let live = collect(state)?;
        let limits = &mut lent(state)?.limits;
        limits.collect_at = (live + (live / 2).max(COLLECT_AFTER)).min(MAX_MEMORY);
        if live > MAX_MEMORY {
            limits.stopped = Some(Stopped::Full);
        }
    }
    go_on(state)
}

/// A look that collects nothing, for where values are in hands that the collector does not see.
pub(super) fn glance(state: &mut LuaState) -> LuaResult<()> {
    let full = state.gc.gc_state.total_bytes > HARD_LIMIT;
    let limits = &mut lent(state)?.limits;
    if full {
        limits.stopped.get_or_insert(Stopped::Full);
    } else if limits.is_late() {
        limits.stopped.get_or_insert(Stopped::Late);
    }
    go_on(state)
}

/// An error if the script was stopped.
fn go_on(state: &mut LuaState) -> LuaResult<()> {
    let Some(why) = lent(state)?.limits.stopped else {
        return Ok(());
    };
    pace(state, 1);
    Err(runtime_error(match why {
        Stopped::Late => "the script ran for too long",
        Stopped::Full => "not enough memory",
    }))
}

/// Frees what nobody holds, and counts the rest.
fn collect(state: &mut LuaState) -> LuaResult<usize> {
    state.full_gc()?;
    let strings: usize = state.gc.string_arena.iter().map(|(_, text, _)| text.len()).sum();
    let tables = state.gc.tables.iter();
    let tables: usize = tables.map(|(_, table, _)| TABLE + table.estimated_memory()).sum();
    let live = state.gc.estimate_memory() + strings + tables;
    state.gc.gc_state.total_bytes = live;
    state.gc.gc_state.gc_threshold = usize::MAX;
    Ok(live)
}

/// From how many bytes in use on the `..`s of a function, and of those in it, are looked at.
pub(super) fn careful_above(function: &Proto) -> usize {
    let code = function.code.iter().map(|code| Instruction::from_raw(*code));
    let concats = code.filter(|code| code.opcode() == OpCode::Concat);
    let widest = concats.map(|code| (code.c() + 1).saturating_sub(code.b())).max();
    let widest = widest.and_then(|widest| usize::try_from(widest).ok()).unwrap_or(1);
    let inner = function.protos.iter().map(|inner| careful_above(inner));
    inner.fold((MAX_STRING / widest.max(1)).min(COLLECT_AFTER), usize::min)
}

/// Looks at the instruction that is about to run: a `..` whose result would be too long is refused.
fn check_concat(state: &LuaState) -> LuaResult<()> {
    let Some(frame) = state.ci.checked_sub(1).and_then(|caller| state.call_stack.get(caller))
    else {
        return Ok(());
    };
    let Val::Function(function) = state.stack_get(frame.func) else {
        return Ok(());
    };
    let proto = state.gc.closures.get(function).and_then(Closure::as_lua).map(|lua| &lua.proto);
    let next = proto.and_then(|proto| proto.code.get(frame.saved_pc.checked_sub(1)?));
    let next = next.map(|next| Instruction::from_raw(*next));
    let Some(concat) = next.filter(|next| next.opcode() == OpCode::Concat) else {
        return Ok(());
    };
    let operands = (concat.b()..=concat.c()).filter_map(|place| usize::try_from(place).ok());
    let values = operands.map(|place| state.stack_get(frame.base + place));
    check_length(values.map(|value| length(state, value)).sum())
}

fn length(state: &LuaState, value: Val) -> usize {
    match value {
        Val::Str(text) => state.gc.string_arena.get(text).map_or(0, |text| text.len()),
        _ => 0,
    }
}
