//! `cjson.encode`: Lua values to JSON text, with the behaviour and the words of lua-cjson.
//!
//! A table whose keys are 1, 2, 3 … is an array, any other an object, and the empty one is `{}`.
//! Numbers have fourteen significant digits. Slashes are escaped, as lua-cjson escapes them.

use std::vec::IntoIter;

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Table, Val, runtime_error};

use crate::number::format_g;
use crate::script::limits::check_length;
use crate::script::sandbox::argument;
use crate::script::watch::{glance, look};

/// As deep as lua-cjson goes.
const MAX_DEPTH: usize = 1000;

/// `cjson.encode(value)`
pub(super) fn encode(state: &mut LuaState) -> LuaResult<u32> {
    if state.top - state.base != 1 {
        return Err(state.arg_error(1, "expected 1 argument"));
    }
    look(state)?;
    let value = argument(state, 0);
    let mut writer = Writer { state, out: Vec::new(), open: Vec::new() };
    writer.value(value)?;
    while let Some(table) = writer.open.pop() {
        glance(writer.state)?;
        check_length(writer.out.len())?;
        writer.resume(table)?;
    }
    let out = writer.out;
    let text = Val::Str(state.gc.intern_string(&out));
    state.push(text);
    Ok(1)
}

/// Writes values. Tables under way wait on a heap, so depth costs no stack.
struct Writer<'a> {
    state: &'a mut LuaState,
    out: Vec<u8>,
    open: Vec<Open>,
}

/// A table under way: what is left of it, and whether something stands before it.
enum Open {
    Array { left: IntoIter<Val>, first: bool },
    Object { left: IntoIter<(Val, Val)>, first: bool },
}

impl Writer<'_> {
    fn value(&mut self, value: Val) -> LuaResult<()> {
        match value {
            Val::Str(text) => self.text(text),
            Val::Num(number) => self.out.extend_from_slice(digits(number)?.as_bytes()),
            Val::Bool(yes) => self.out.extend_from_slice(if yes { b"true" } else { b"false" }),
            Val::Nil | Val::LightUserdata(0) => self.out.extend_from_slice(b"null"),
            Val::Table(table) => self.begin(Table::from_gc_ref(table))?,
            other => {
                let name = other.type_name();
                return Err(runtime_error(format!("Cannot serialise {name}: type not supported")));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: rilua::vm::gc::arena::GcRef<rilua::vm::string::LuaString>) {
        let text = self.state.gc.string_arena.get(text);
        string(text.map_or(&[], |text| text.data()), &mut self.out);
    }

    fn begin(&mut self, table: Table) -> LuaResult<()> {
        let depth = self.open.len() + 1;
        if depth > MAX_DEPTH {
            return Err(runtime_error(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        let entries = entries(self.state, table)?;
        let open = match array_length(&entries)? {
            Some(length) => {
                let places = (1_u32..).take(length).map(|place| Val::Num(f64::from(place)));
                let items = places.map(|place| table.raw_get(self.state, place));
                let items: LuaResult<Vec<Val>> = items.collect();
                self.out.push(b'[');
                Open::Array { left: items?.into_iter(), first: true }
            }
            None => {
                self.out.push(b'{');
                Open::Object { left: entries.into_iter(), first: true }
            }
        };
        self.open.push(open);
        Ok(())
    }

    /// Writes the next element of a table, or its end.
    fn resume(&mut self, table: Open) -> LuaResult<()> {
        match table {
            Open::Array { mut left, first } => {
                let Some(item) = left.next() else {
                    self.out.push(b']');
                    return Ok(());
                };
                self.comma(first);
                self.open.push(Open::Array { left, first: false });
                self.value(item)
            }
            Open::Object { mut left, first } => {
                let Some((key, item)) = left.next() else {
                    self.out.push(b'}');
                    return Ok(());
                };
                self.comma(first);
                self.open.push(Open::Object { left, first: false });
                self.key(key)?;
                self.value(item)
            }
        }
    }

    fn comma(&mut self, first: bool) {
        if !first {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: Val) -> LuaResult<()> {
        match key {
            Val::Num(number) => string(digits(number)?.as_bytes(), &mut self.out),
            Val::Str(text) => self.text(text),
            _ => {
                let (name, text) = (key.type_name(), "table key must be a number or string");
                return Err(runtime_error(format!("Cannot serialise {name}: {text}")));
            }
        }
        self.out.push(b':');
        Ok(())
    }
}

fn digits(number: f64) -> LuaResult<String> {
    if number.is_finite() {
        return Ok(format_g(number, 14));
    }
    Err(runtime_error("Cannot serialise number: must not be NaN or Inf"))
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
