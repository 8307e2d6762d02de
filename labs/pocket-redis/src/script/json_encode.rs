//! `cjson.encode`: Lua values to JSON text, with the behaviour and the words of lua-cjson.
//!
//! A table whose keys are 1, 2, 3 … is an array, any other an object, and the empty one is `{}`.
//! Numbers have fourteen significant digits. Slashes are escaped, as lua-cjson escapes them.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Table, Val, runtime_error};

use crate::number::format_g;
use crate::script::sandbox::argument;

/// As deep as lua-cjson goes would cost more stack than a Tokio thread has in a debug build.
const MAX_DEPTH: usize = 200;

/// `cjson.encode(value)`
pub(super) fn encode(state: &mut LuaState) -> LuaResult<u32> {
    if state.top - state.base != 1 {
        return Err(state.arg_error(1, "expected 1 argument"));
    }
    let mut out = Vec::new();
    let value = argument(state, 0);
    append(state, value, 0, &mut out)?;
    let text = Val::Str(state.gc.intern_string(&out));
    state.push(text);
    Ok(1)
}

fn append(state: &LuaState, value: Val, depth: usize, out: &mut Vec<u8>) -> LuaResult<()> {
    match value {
        Val::Str(text) => {
            string(state.gc.string_arena.get(text).map_or(&[], |text| text.data()), out)
        }
        Val::Num(number) => out.extend_from_slice(digits(number)?.as_bytes()),
        Val::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
        Val::Nil | Val::LightUserdata(0) => out.extend_from_slice(b"null"),
        Val::Table(table) => return append_table(state, Table::from_gc_ref(table), depth + 1, out),
        other => {
            let name = other.type_name();
            return Err(runtime_error(format!("Cannot serialise {name}: type not supported")));
        }
    }
    Ok(())
}

fn digits(number: f64) -> LuaResult<String> {
    if number.is_finite() {
        return Ok(format_g(number, 14));
    }
    Err(runtime_error("Cannot serialise number: must not be NaN or Inf"))
}

fn append_table(state: &LuaState, table: Table, depth: usize, out: &mut Vec<u8>) -> LuaResult<()> {
    if depth > MAX_DEPTH {
        return Err(runtime_error(format!("Cannot serialise, excessive depth ({depth})")));
    }
    let entries = entries(state, table)?;
    match array_length(&entries)? {
        Some(length) => append_array(state, table, length, depth, out),
        None => append_object(state, &entries, depth, out),
    }
}

type Entries = Vec<(Val, Val)>;

fn entries(state: &LuaState, table: Table) -> LuaResult<Entries> {
    let (mut entries, mut key) = (Vec::new(), Val::Nil);
    let Some(table) = state.gc.tables.get(table.gc_ref()) else {
        return Ok(entries);
    };
    while let Some((next, value)) = table.next(key, &state.gc.string_arena)? {
        entries.push((next, value));
        key = next;
    }
    Ok(entries)
}

/// The length if this is an array: whole, positive keys, and not too many holes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole")]
fn array_length(entries: &[(Val, Val)]) -> LuaResult<Option<usize>> {
    const SPARSE_RATIO: usize = 2;
    const SPARSE_SAFE: usize = 10;
    let mut length = 0;
    for (key, _) in entries {
        match key {
            Val::Num(place) if *place >= 1.0 && place.fract() == 0.0 && *place < 4.5e15 => {
                length = length.max(*place as usize);
            }
            _ => return Ok(None),
        }
    }
    if length > entries.len() * SPARSE_RATIO && length > SPARSE_SAFE {
        return Err(runtime_error("Cannot serialise table: excessively sparse array"));
    }
    Ok(Some(length).filter(|length| *length > 0))
}

fn append_array(
    state: &LuaState,
    table: Table,
    length: usize,
    depth: usize,
    out: &mut Vec<u8>,
) -> LuaResult<()> {
    out.push(b'[');
    for place in (1_u32..).take(length) {
        if place > 1 {
            out.push(b',');
        }
        append(state, table.raw_get(state, Val::Num(f64::from(place)))?, depth, out)?;
    }
    out.push(b']');
    Ok(())
}

fn append_object(
    state: &LuaState,
    entries: &[(Val, Val)],
    depth: usize,
    out: &mut Vec<u8>,
) -> LuaResult<()> {
    out.push(b'{');
    for (place, (key, value)) in entries.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match key {
            Val::Num(number) => string(digits(*number)?.as_bytes(), out),
            Val::Str(_) => append(state, *key, depth, out)?,
            _ => {
                return Err(runtime_error(
                    "Cannot serialise table: table key must be a number or string",
                ));
            }
        }
        out.push(b':');
        append(state, *value, depth, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | b'/' => out.extend([b'\\', byte]),
            0x08 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            0x0c => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            0..0x20 | 0x7f => out.extend(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
