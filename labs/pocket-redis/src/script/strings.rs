//! `string.find`, `match`, `gmatch`, `rep`, `byte`: the interpreter's own cannot be interrupted.

use rilua::vm::closure::{Closure, RustClosure};
use rilua::vm::state::LuaState;
use rilua::{LuaError, LuaResult, Val, runtime_error};

use crate::script::lent::{lent, set_upvalue, upvalue};
use crate::script::limits::check_length;
use crate::script::pattern::{Capture, Fail, Matcher, until_zero};
use crate::script::sandbox::argument;
use crate::script::watch::look;

/// As many values as a C function of Lua may have on its stack.
const MAX_STACK: usize = 8_000;

/// `string.find(text, pattern [, init [, plain]])`
pub(super) fn find(state: &mut LuaState) -> LuaResult<u32> {
    search(state, true)
}

/// `string.match(text, pattern [, init])`
pub(super) fn match_(state: &mut LuaState) -> LuaResult<u32> {
    search(state, false)
}

fn search(state: &mut LuaState, find: bool) -> LuaResult<u32> {
    look(state)?;
    let (text, pattern) = (state.check_string(1)?, state.check_string(2)?);
    let init = place(state.opt_integer(3, 1)?, text.len()).saturating_sub(1).min(text.len());
    let special = until_zero(&pattern).iter().any(|byte| b"^$*+?.([%-".contains(byte));
    if find && (argument(state, 3).is_truthy() || !special) {
        let found = memchr::memmem::find(&text[init..], &pattern).map(|at| init + at);
        return Ok(match found {
            Some(start) => push_span(state, start, start + pattern.len()),
            None => push_nil(state),
        });
    }
    let anchored = pattern.first() == Some(&b'^');
    let deadline = lent(state)?.limits.deadline;
    let mut matcher = Matcher::new(&text, &pattern[usize::from(anchored)..], deadline);
    let last = if anchored { init } else { text.len() };
    for start in init..=last {
        if let Some(end) = matched(state, matcher.at(start))? {
            if find {
                let pushed = push_span(state, start, end);
                return Ok(pushed + push_captures(state, &text, &matcher.captures, None)?);
            }
            return push_captures(state, &text, &matcher.captures, Some((start, end)));
        }
    }
    Ok(push_nil(state))
}

/// A position from the front, counted from one, or from the end; not below one.
fn place(position: i64, length: usize) -> usize {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let position = if position < 0 { position.saturating_add(length + 1) } else { position };
    usize::try_from(position.max(1)).unwrap_or(1)
}

fn push_nil(state: &mut LuaState) -> u32 {
    state.push(Val::Nil);
    1
}

/// The first place and the last, counted from one.
fn push_span(state: &mut LuaState, start: usize, end: usize) -> u32 {
    for place in [start + 1, end] {
        let place = number(place);
        state.push(place);
    }
    2
}

#[expect(clippy::cast_precision_loss, reason = "no string has that many bytes")]
fn number(place: usize) -> Val {
    Val::Num(place as f64)
}

/// What a matcher found, with its failure as Lua's error.
pub(super) fn matched<T>(state: &mut LuaState, found: Result<T, Fail>) -> LuaResult<T> {
    found.map_err(|fail| match fail {
        Fail::Malformed(text) => runtime_error(text),
        Fail::Late => look(state).err().unwrap_or_else(too_long),
    })
}

fn too_long() -> LuaError {
    runtime_error("the script ran for too long")
}

/// A capture as a value.
pub(super) fn value(state: &mut LuaState, text: &[u8], capture: Capture) -> LuaResult<Val> {
    match capture {
        Capture::Position(at) => Ok(number(at + 1)),
        Capture::Closed(start, end) => Ok(Val::Str(state.gc.intern_string(&text[start..end]))),
        Capture::Open(_) => Err(runtime_error("unfinished capture")),
    }
}

/// Pushes the captures; the whole match where there are none.
pub(super) fn push_captures(
    state: &mut LuaState,
    text: &[u8],
    captures: &[Capture],
    whole: Option<(usize, usize)>,
) -> LuaResult<u32> {
    let whole = whole.filter(|_| captures.is_empty());
    let whole = whole.map(|(start, end)| Capture::Closed(start, end));
    let mut pushed = 0;
    for capture in whole.iter().chain(captures) {
        let value = value(state, text, *capture)?;
        state.push(value);
        pushed += 1;
    }
    Ok(pushed)
}

/// `string.gmatch(text, pattern)`: an iterator that keeps its place in an upvalue.
pub(super) fn gmatch(state: &mut LuaState) -> LuaResult<u32> {
    state.check_string(1)?;
    state.check_string(2)?;
    let mut iterator = RustClosure::new(next_match, "gmatch");
    let kept = [upvalue(state, 0), argument(state, 0), argument(state, 1), Val::Num(0.0)];
    iterator.upvalues.extend(kept);
    let iterator = Val::Function(state.gc.alloc_closure(Closure::Rust(iterator)));
    state.push(iterator);
    Ok(1)
}

fn next_match(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let kept = [1, 2].map(|place| super::convert::bytes(state, upvalue(state, place)));
    let ([Some(text), Some(pattern)], Val::Num(from)) = (kept, upvalue(state, 3)) else {
        return Ok(0);
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let from = from as usize;
    let mut matcher = Matcher::new(&text, &pattern, lent(state)?.limits.deadline);
    for start in from..=text.len() {
        if let Some(end) = matched(state, matcher.at(start))? {
            set_upvalue(state, 3, number(if end == start { end + 1 } else { end }));
            return push_captures(state, &text, &matcher.captures, Some((start, end)));
        }
    }
    set_upvalue(state, 3, number(text.len() + 1));
    Ok(0)
}

/// `string.rep(text, n)`
pub(super) fn rep(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let (piece, times) = (state.check_string(1)?, state.check_integer(2)?);
    let times = usize::try_from(times).unwrap_or(0);
    check_length(piece.len().saturating_mul(times))?;
    let whole =
        Val::Str(state.gc.intern_string(&piece.repeat(if piece.is_empty() { 0 } else { times })));
    state.push(whole);
    Ok(1)
}

/// `string.byte(text [, i [, j]])`
pub(super) fn byte(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let text = state.check_string(1)?;
    let first = state.opt_integer(2, 1)?;
    let start = place(first, text.len());
    let last = state.opt_integer(3, i64::try_from(start).unwrap_or(i64::MAX))?;
    let end = if last < 0 && last.unsigned_abs() > text.len() as u64 {
        0
    } else {
        place(last, text.len()).min(text.len())
    };
    if last == 0 || start > end {
        return Ok(0);
    }
    let bytes = &text[start - 1..end];
    if !fits(state, bytes.len()) {
        return Err(runtime_error("stack overflow (string slice too long)"));
    }
    for byte in bytes {
        state.push(Val::Num(f64::from(*byte)));
    }
    Ok(u32::try_from(bytes.len()).unwrap_or(0))
}

/// Whether so many results fit on the stack, beside the arguments.
pub(super) fn fits(state: &LuaState, count: usize) -> bool {
    (state.top - state.base).saturating_add(count) <= MAX_STACK
}
