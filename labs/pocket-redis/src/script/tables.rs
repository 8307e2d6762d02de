//! `table.concat`, `insert`, `remove`, `sort` and `unpack`: bounded, and interruptible.

use rilua::vm::gc::arena::GcRef;
use rilua::vm::state::LuaState;
use rilua::vm::table::Table as Inner;
use rilua::{LuaResult, Table, Val, runtime_error};

use crate::script::convert::bytes;
use crate::script::limits::check_length;
use crate::script::sandbox::{argument, set};
use crate::script::strings::fits;
use crate::script::watch::look;

/// After so many elements the clock is looked at again.
const ELEMENTS_PER_LOOK: i64 = 4096;

fn table(state: &LuaState) -> LuaResult<GcRef<Inner>> {
    match argument(state, 0) {
        Val::Table(table) => Ok(table),
        _ => Err(state.type_error(1, "table")),
    }
}

fn length(state: &LuaState, table: GcRef<Inner>) -> i64 {
    let length = state.gc.tables.get(table).map_or(0, |table| table.len(&state.gc.string_arena));
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn get(state: &LuaState, table: GcRef<Inner>, place: i64) -> Val {
    state.gc.tables.get(table).map_or(Val::Nil, |table| table.get_int(place))
}

#[expect(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
fn put(state: &mut LuaState, table: GcRef<Inner>, place: i64, value: Val) -> LuaResult<()> {
    set(state, Table::from_gc_ref(table), Val::Num(place as f64), value)
}

/// `table.concat(table [, separator [, i [, j]]])`
pub(super) fn concat(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let table = table(state)?;
    let separator = state.opt_string(2)?.unwrap_or_default();
    let first = state.opt_integer(3, 1)?;
    let last = match argument(state, 3) {
        Val::Nil => length(state, table),
        _ => state.check_integer(4)?,
    };
    let mut out = Vec::new();
    for place in first..=last {
        let item = get(state, table, place);
        let (Val::Str(_) | Val::Num(_)) = item else {
            let kind = item.type_name();
            return Err(runtime_error(format!(
                "invalid value ({kind}) at index {place} in table for 'concat'"
            )));
        };
        out.extend_from_slice(&bytes(state, item).unwrap_or_default());
        if place < last {
            out.extend_from_slice(&separator);
        }
        check_length(out.len())?;
    }
    let whole = Val::Str(state.gc.intern_string(&out));
    state.push(whole);
    Ok(1)
}

/// `table.insert(table, [place,] value)`
pub(super) fn insert(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let table = table(state)?;
    let end = length(state, table).saturating_add(1);
    match state.top - state.base {
        2 => put(state, table, end, argument(state, 1))?,
        3 => {
            let place = int(state, 2)?;
            shift_up(state, table, place, end.max(place))?;
            put(state, table, place, argument(state, 2))?;
        }
        _ => return Err(runtime_error("wrong number of arguments to 'insert'")),
    }
    Ok(0)
}

fn shift_up(state: &mut LuaState, table: GcRef<Inner>, place: i64, end: i64) -> LuaResult<()> {
    let mut at = end;
    while at > place {
        let moved = get(state, table, at - 1);
        put(state, table, at, moved)?;
        at -= 1;
        pause(state, at)?;
    }
    Ok(())
}

/// `table.remove(table [, place])`
pub(super) fn remove(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let table = table(state)?;
    let end = length(state, table);
    let place = match argument(state, 1) {
        Val::Nil => end,
        _ => int(state, 2)?,
    };
    if !(1..=end).contains(&place) {
        return Ok(0);
    }
    let removed = get(state, table, place);
    for at in place..end {
        let moved = get(state, table, at + 1);
        put(state, table, at, moved)?;
        pause(state, at)?;
    }
    put(state, table, end, Val::Nil)?;
    state.push(removed);
    Ok(1)
}

/// A C `int`: what does not fit loses its upper bits.
#[expect(clippy::cast_possible_truncation, reason = "as C converts")]
fn int(state: &LuaState, place: usize) -> LuaResult<i64> {
    Ok(i64::from(state.check_integer(place)? as i32))
}

fn pause(state: &mut LuaState, at: i64) -> LuaResult<()> {
    if at % ELEMENTS_PER_LOOK == 0 { look(state) } else { Ok(()) }
}

/// `table.sort(table [, less])`: a heap sort, which needs no order that makes sense to end.
pub(super) fn sort(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let table = table(state)?;
    let less = match argument(state, 1) {
        nil_or_function @ (Val::Nil | Val::Function(_)) => nil_or_function,
        _ => return Err(state.type_error(2, "function")),
    };
    let length = length(state, table);
    for root in (1..=length / 2).rev() {
        sift(state, table, less, (root, length))?;
    }
    for end in (2..=length).rev() {
        let (first, last) = (get(state, table, 1), get(state, table, end));
        put(state, table, 1, last)?;
        put(state, table, end, first)?;
        sift(state, table, less, (1, end - 1))?;
    }
    Ok(0)
}

/// Lets the element at `root` sink in the heap that ends at `end`.
fn sift(
    state: &mut LuaState,
    table: GcRef<Inner>,
    less: Val,
    (mut root, end): (i64, i64),
) -> LuaResult<()> {
    pause(state, root)?;
    while root * 2 <= end {
        let mut child = root * 2;
        if child < end
            && is_less(state, less, get(state, table, child), get(state, table, child + 1))?
        {
            child += 1;
        }
        let (parent, larger) = (get(state, table, root), get(state, table, child));
        if !is_less(state, less, parent, larger)? {
            break;
        }
        put(state, table, root, larger)?;
        put(state, table, child, parent)?;
        root = child;
    }
    Ok(())
}

fn is_less(state: &mut LuaState, less: Val, a: Val, b: Val) -> LuaResult<bool> {
    if less.is_nil() {
        return state.api_lessthan(a, b);
    }
    look(state)?;
    let place = state.top;
    for value in [less, a, b] {
        state.push(value);
    }
    state.call_function(place, 1)?;
    let answer = state.stack_get(place).is_truthy();
    state.top = place;
    Ok(answer)
}

/// `unpack(table [, i [, j]])`
pub(super) fn unpack(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let table = table(state)?;
    let first = state.opt_integer(2, 1)?;
    let last = match argument(state, 2) {
        Val::Nil => length(state, table),
        _ => state.check_integer(3)?,
    };
    if first > last {
        return Ok(0);
    }
    let count = last.checked_sub(first).and_then(|count| usize::try_from(count).ok());
    if count.is_none_or(|count| !fits(state, count.saturating_add(1))) {
        return Err(runtime_error("too many results to unpack"));
    }
    for place in first..=last {
        let value = get(state, table, place);
        state.push(value);
    }
    Ok(u32::try_from(last - first + 1).unwrap_or(0))
}
