//! `cmsgpack.unpack`, `unpack_one` and `unpack_limit`: MessagePack to Lua values, as in Redis.

use rilua::vm::state::LuaState;
use rilua::{LuaError, LuaResult, Table, Val, runtime_error};

use crate::script::sandbox::set;
use crate::script::strings::fits;
use crate::script::watch::{glance, look};

/// Deeper nesting is refused, for the sake of the stack.
const MAX_DEPTH: usize = 100;

/// `cmsgpack.unpack(text)`
pub(super) fn unpack(state: &mut LuaState) -> LuaResult<u32> {
    values(state, usize::MAX, 0)
}

/// `cmsgpack.unpack_one(text [, offset])`: the next offset, and a value.
pub(super) fn unpack_one(state: &mut LuaState) -> LuaResult<u32> {
    let offset = state.opt_integer(2, 0)?;
    some(state, 1, offset)
}

/// `cmsgpack.unpack_limit(text, limit [, offset])`: the next offset, and so many values.
pub(super) fn unpack_limit(state: &mut LuaState) -> LuaResult<u32> {
    let (limit, offset) = (state.check_integer(2)?, state.opt_integer(3, 0)?);
    some(state, limit, offset)
}

fn some(state: &mut LuaState, limit: i64, offset: i64) -> LuaResult<u32> {
    let length = state.check_string(1)?.len();
    let (Ok(limit), Ok(from)) = (usize::try_from(limit), usize::try_from(offset)) else {
        return Err(runtime_error(format!(
            "Invalid request to unpack with offset of {offset} and limit of {limit}."
        )));
    };
    if from > length {
        let text = format!("Start offset {from} greater than input length {length}.");
        return Err(runtime_error(text));
    }
    values(state, if limit == 0 { usize::MAX } else { limit }, from)
}

/// Values from an offset on. Asked for all, it gives them alone; else the next offset before them.
fn values(state: &mut LuaState, limit: usize, from: usize) -> LuaResult<u32> {
    look(state)?;
    let text = state.check_string(1)?;
    let mut reader = Reader { text: &text, at: from };
    let mut values = Vec::new();
    while reader.at < text.len() && values.len() < limit {
        values.push(reader.value(state, 0)?);
        if !fits(state, values.len()) {
            return Err(runtime_error("Too many values to unpack."));
        }
    }
    let mut count = values.len();
    if limit != usize::MAX || from > 0 {
        let more = reader.at < text.len();
        let next = if more { i32::try_from(reader.at).unwrap_or(i32::MAX) } else { -1 };
        state.push(Val::Num(f64::from(next)));
        count += 1;
    }
    for value in values {
        state.push(value);
    }
    Ok(u32::try_from(count).unwrap_or(0))
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> LuaResult<[u8; N]> {
        let bytes = self.text.get(self.at..).and_then(<[u8]>::first_chunk);
        self.at += N;
        bytes.copied().ok_or_else(missing)
    }

    /// An unsigned number of so many bytes.
    fn unsigned(&mut self, width: u8) -> LuaResult<u64> {
        Ok(match width {
            1 => u64::from(self.take::<1>()?[0]),
            2 => u64::from(u16::from_be_bytes(self.take()?)),
            4 => u64::from(u32::from_be_bytes(self.take()?)),
            _ => u64::from_be_bytes(self.take()?),
        })
    }

    fn length(&mut self, width: u8) -> LuaResult<usize> {
        usize::try_from(self.unsigned(width)?).map_err(|_| missing())
    }

    #[expect(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
    fn value(&mut self, state: &mut LuaState, depth: usize) -> LuaResult<Val> {
        glance(state)?;
        if depth > MAX_DEPTH {
            return Err(runtime_error("Bad data format in input."));
        }
        let [mark] = self.take()?;
        let low = |mask: u8| usize::from(mark & mask);
        Ok(match mark {
            0x00..=0x7f | 0xe0..=0xff => Val::Num(f64::from(mark.cast_signed())),
            0x80..=0x8f => self.map(state, low(0x0f), depth)?,
            0x90..=0x9f => self.array(state, low(0x0f), depth)?,
            0xa0..=0xbf => self.string(state, low(0x1f))?,
            0xc0 => Val::Nil,
            0xc2 | 0xc3 => Val::Bool(mark == 0xc3),
            0xca => Val::Num(f64::from(f32::from_be_bytes(self.take()?))),
            0xcb => Val::Num(f64::from_be_bytes(self.take()?)),
            0xcc..=0xcf => Val::Num(self.unsigned(1 << (mark - 0xcc))? as f64),
            0xd0 => Val::Num(f64::from(i8::from_be_bytes(self.take()?))),
            0xd1 => Val::Num(f64::from(i16::from_be_bytes(self.take()?))),
            0xd2 => Val::Num(f64::from(i32::from_be_bytes(self.take()?))),
            0xd3 => Val::Num(i64::from_be_bytes(self.take()?) as f64),
            0xc4..=0xc6 | 0xd9..=0xdb => {
                let width = if mark < 0xd0 { mark - 0xc4 } else { mark - 0xd9 };
                let length = self.length(1 << width)?;
                self.string(state, length)?
            }
            0xdc | 0xdd => {
                let length = self.length(if mark == 0xdc { 2 } else { 4 })?;
                self.array(state, length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(if mark == 0xde { 2 } else { 4 })?;
                self.map(state, length, depth)?
            }
            _ => return Err(runtime_error("Bad data format in input.")),
        })
    }

    fn string(&mut self, state: &mut LuaState, length: usize) -> LuaResult<Val> {
        let end = self.at.checked_add(length);
        let bytes = end.and_then(|end| self.text.get(self.at..end)).ok_or_else(missing)?;
        self.at += length;
        Ok(Val::Str(state.gc.intern_string(bytes)))
    }

    fn array(&mut self, state: &mut LuaState, length: usize, depth: usize) -> LuaResult<Val> {
        let table = new_table(state);
        for place in (1_u32..).take(length) {
            let item = self.value(state, depth + 1)?;
            set(state, table, Val::Num(f64::from(place)), item)?;
        }
        Ok(Val::Table(table.gc_ref()))
    }

    fn map(&mut self, state: &mut LuaState, length: usize, depth: usize) -> LuaResult<Val> {
        let table = new_table(state);
        for _ in 0..length {
            let key = self.value(state, depth + 1)?;
            let value = self.value(state, depth + 1)?;
            set(state, table, key, value)?;
        }
        Ok(Val::Table(table.gc_ref()))
    }
}

fn new_table(state: &mut LuaState) -> Table {
    Table::from_gc_ref(state.gc.alloc_table(rilua::vm::table::Table::new()))
}

fn missing() -> LuaError {
    runtime_error("Missing bytes in input.")
}
