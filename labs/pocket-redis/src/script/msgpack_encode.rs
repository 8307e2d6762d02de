//! `cmsgpack.pack`: Lua values to MessagePack, as in Redis.
//!
//! A table whose keys are 1, 2, 3 … is an array, any other a map, and the empty one an array.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Table, Val, runtime_error};

use crate::script::convert::bytes;
use crate::script::limits::check_length;
use crate::script::sandbox::argument;
use crate::script::watch::{glance, look};

/// As deep as Redis goes; what lies deeper is packed as nil.
const MAX_DEPTH: usize = 16;

/// `cmsgpack.pack(value, …)`
pub(super) fn pack(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let count = state.top - state.base;
    if count == 0 {
        return Err(state.arg_error(0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for place in 0..count {
        let value = argument(state, place);
        put(state, value, 0, &mut out)?;
    }
    let packed = Val::Str(state.gc.intern_string(&out));
    state.push(packed);
    Ok(1)
}

fn put(state: &mut LuaState, value: Val, depth: usize, out: &mut Vec<u8>) -> LuaResult<()> {
    check_length(out.len())?;
    match value {
        Val::Str(_) => text(&bytes(state, value).unwrap_or_default(), out),
        Val::Bool(yes) => out.push(if yes { 0xc3 } else { 0xc2 }),
        Val::Num(number) => self::number(number, out),
        Val::Table(table) if depth < MAX_DEPTH => {
            glance(state)?;
            self::table(state, Table::from_gc_ref(table), depth, out)?;
        }
        _ => out.push(0xc0),
    }
    Ok(())
}

/// A mark for each width of a length: up to `small` within the mark itself.
fn head(length: usize, small: (u8, usize), marks: [u8; 3], out: &mut Vec<u8>) {
    let [one, two, four] = marks;
    if length < small.1 {
        out.push(small.0 | u8::try_from(length).unwrap_or(0));
    } else if let (Ok(length), true) = (u8::try_from(length), one != 0) {
        out.extend([one, length]);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(two);
        out.extend(length.to_be_bytes());
    } else {
        out.push(four);
        out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    head(bytes.len(), (0xa0, 32), [0xd9, 0xda, 0xdb], out);
    out.extend_from_slice(bytes);
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole")]
fn number(number: f64, out: &mut Vec<u8>) {
    // What has a fraction, or is too large for an integer, stays a float.
    if number.fract() != 0.0 || !(-9.2e18..9.2e18).contains(&number) {
        return float(number, out);
    }
    let whole = number as i64;
    if let Ok(small) = i8::try_from(whole)
        && small >= -32
    {
        return out.push(small.cast_unsigned());
    }
    if let Ok(n) = u64::try_from(whole) {
        match n {
            0..=0xff => out.extend([0xcc, u8::try_from(n).unwrap_or(0)]),
            0x100..=0xffff => wide(0xcd, &u16::try_from(n).unwrap_or(0).to_be_bytes(), out),
            0x1_0000..=0xffff_ffff => wide(0xce, &u32::try_from(n).unwrap_or(0).to_be_bytes(), out),
            _ => wide(0xcf, &n.to_be_bytes(), out),
        }
    } else if let Ok(n) = i8::try_from(whole) {
        wide(0xd0, &n.to_be_bytes(), out);
    } else if let Ok(n) = i16::try_from(whole) {
        wide(0xd1, &n.to_be_bytes(), out);
    } else if let Ok(n) = i32::try_from(whole) {
        wide(0xd2, &n.to_be_bytes(), out);
    } else {
        wide(0xd3, &whole.to_be_bytes(), out);
    }
}

/// Four bytes where they say the same as eight.
#[expect(clippy::cast_possible_truncation, reason = "compared with the original")]
fn float(number: f64, out: &mut Vec<u8>) {
    let short = number as f32;
    #[expect(clippy::float_cmp, reason = "only the very same number may be shortened")]
    if f64::from(short) == number {
        wide(0xca, &short.to_be_bytes(), out);
    } else {
        wide(0xcb, &number.to_be_bytes(), out);
    }
}

fn wide(mark: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(mark);
    out.extend_from_slice(bytes);
}

fn table(state: &mut LuaState, table: Table, depth: usize, out: &mut Vec<u8>) -> LuaResult<()> {
    let mut entries = Vec::new();
    let mut key = Val::Nil;
    loop {
        let inner = state.gc.tables.get(table.gc_ref());
        let inner = inner.ok_or_else(|| runtime_error("a table is gone"))?;
        let Some((next, value)) = inner.next(key, &state.gc.string_arena)? else {
            break;
        };
        entries.push((next, value));
        key = next;
    }
    if is_array(&entries) {
        head(entries.len(), (0x90, 16), [0, 0xdc, 0xdd], out);
        for place in (1_u32..).take(entries.len()) {
            let item = table.raw_get(state, Val::Num(f64::from(place)))?;
            put(state, item, depth + 1, out)?;
        }
        return Ok(());
    }
    head(entries.len(), (0x80, 16), [0, 0xde, 0xdf], out);
    for (key, value) in entries {
        put(state, key, depth + 1, out)?;
        put(state, value, depth + 1, out)?;
    }
    Ok(())
}

/// Whole, positive keys up to their count, without a hole.
#[expect(clippy::cast_precision_loss, reason = "no table has that many entries")]
fn is_array(entries: &[(Val, Val)]) -> bool {
    entries.iter().all(|(key, _)| match key {
        Val::Num(place) => *place >= 1.0 && place.fract() == 0.0 && *place <= entries.len() as f64,
        _ => false,
    })
}
