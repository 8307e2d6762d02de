//! The table `bit`: operations on 32 bits, as in Lua BitOp.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, RustFn, Val};

/// Its functions.
pub(super) const FUNCTIONS: [(&str, RustFn); 12] = [
    ("tobit", tobit),
    ("tohex", tohex),
    ("bnot", bnot),
    ("band", band),
    ("bor", bor),
    ("bxor", bxor),
    ("lshift", lshift),
    ("rshift", rshift),
    ("arshift", arshift),
    ("rol", rol),
    ("ror", ror),
    ("bswap", bswap),
];

/// An argument's lower 32 bits. The number is rounded to the nearest integer, halves to even.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the lower 32 bits")]
fn bits(state: &LuaState, place: usize) -> LuaResult<u32> {
    let number = state.check_number(place)?.round_ties_even();
    Ok(number.rem_euclid(4_294_967_296.0) as u32)
}

fn give(state: &mut LuaState, bits: u32) -> u32 {
    state.push(Val::Num(f64::from(bits.cast_signed())));
    1
}

fn fold(state: &mut LuaState, each: fn(u32, u32) -> u32) -> LuaResult<u32> {
    let mut all = bits(state, 1)?;
    for place in 2..=state.top - state.base {
        all = each(all, bits(state, place)?);
    }
    Ok(give(state, all))
}

fn shift(state: &mut LuaState, by: fn(u32, u32) -> u32) -> LuaResult<u32> {
    let shifted = by(bits(state, 1)?, bits(state, 2)? & 31);
    Ok(give(state, shifted))
}

fn tobit(state: &mut LuaState) -> LuaResult<u32> {
    let bits = bits(state, 1)?;
    Ok(give(state, bits))
}

fn tohex(state: &mut LuaState) -> LuaResult<u32> {
    let number = bits(state, 1)?;
    let digits = if state.top - state.base < 2 { 8 } else { bits(state, 2)?.cast_signed() };
    let width = usize::try_from(digits.unsigned_abs().min(8)).unwrap_or(8);
    let text = match digits < 0 {
        true => format!("{number:08X}"),
        false => format!("{number:08x}"),
    };
    let text = Val::Str(state.gc.intern_string(&text.as_bytes()[8 - width..]));
    state.push(text);
    Ok(1)
}

fn bnot(state: &mut LuaState) -> LuaResult<u32> {
    let bits = !bits(state, 1)?;
    Ok(give(state, bits))
}

fn bswap(state: &mut LuaState) -> LuaResult<u32> {
    let bits = bits(state, 1)?.swap_bytes();
    Ok(give(state, bits))
}

fn band(state: &mut LuaState) -> LuaResult<u32> {
    fold(state, |a, b| a & b)
}

fn bor(state: &mut LuaState) -> LuaResult<u32> {
    fold(state, |a, b| a | b)
}

fn bxor(state: &mut LuaState) -> LuaResult<u32> {
    fold(state, |a, b| a ^ b)
}

fn lshift(state: &mut LuaState) -> LuaResult<u32> {
    shift(state, |bits, by| bits << by)
}

fn rshift(state: &mut LuaState) -> LuaResult<u32> {
    shift(state, |bits, by| bits >> by)
}

fn arshift(state: &mut LuaState) -> LuaResult<u32> {
    shift(state, |bits, by| (bits.cast_signed() >> by).cast_unsigned())
}

fn rol(state: &mut LuaState) -> LuaResult<u32> {
    shift(state, u32::rotate_left)
}

fn ror(state: &mut LuaState) -> LuaResult<u32> {
    shift(state, u32::rotate_right)
}
