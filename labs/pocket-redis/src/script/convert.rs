//! Between replies and Lua values, as Redis documents it for RESP2.
//!
//! | Reply | Lua | and back |
//! |---|---|---|
//! | integer | number | integer, the fraction cut off |
//! | string | string | string |
//! | null | false | null; so is nil |
//! | array | table | array up to the first nil |
//! | status, error | table with `ok`, `err` | status, error |
//! | | true | 1 |

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Table, Val};

use crate::number::format_double;
use crate::reply::Reply;
use crate::script::sandbox::set;
use crate::script::watch::glance;

/// `cjson.null`
pub(super) const NULL: Val = Val::LightUserdata(0);
/// The most values in one answer: a table that contains itself would have no end.
const MAX_VALUES: usize = 1024 * 1024;
/// The most bytes in one answer: a table may hold the same string many times.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// The deepest nesting of an answer.
const MAX_DEPTH: usize = 100;

/// A reply as a Lua value.
pub(super) fn to_lua(state: &mut LuaState, reply: &Reply) -> LuaResult<Val> {
    let bulk = |state: &mut LuaState, bytes: &[u8]| -> LuaResult<Val> {
        glance(state)?;
        Ok(Val::Str(state.gc.intern_string(bytes)))
    };
    Ok(match reply {
        Reply::Status(text) => field_table(state, "ok", text.as_bytes())?,
        Reply::StatusText(text) => field_table(state, "ok", text.as_bytes())?,
        Reply::Error(text) => field_table(state, "err", text.as_bytes())?,
        #[expect(clippy::cast_precision_loss, reason = "Lua 5.1 has doubles only, in Redis too")]
        Reply::Int(number) => Val::Num(*number as f64),
        Reply::Bulk(bytes) => bulk(state, bytes)?,
        Reply::Verbatim(text) => bulk(state, text.as_bytes())?,
        Reply::Null | Reply::NullArray => Val::Bool(false),
        Reply::Double(number) => bulk(state, format_double(*number).as_bytes())?,
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) | Reply::Sequence(items) => {
            glance(state)?;
            let items: LuaResult<Vec<Val>> = items.iter().map(|item| to_lua(state, item)).collect();
            array(state, &items?)?
        }
        Reply::Map(pairs) | Reply::Pairs(pairs) => {
            let flat = pairs.iter().flat_map(|(key, value)| [key, value]);
            let items: LuaResult<Vec<Val>> = flat.map(|item| to_lua(state, item)).collect();
            array(state, &items?)?
        }
    })
}

/// A table in the interpreter, with its elements from one on.
pub(super) fn array(state: &mut LuaState, items: &[Val]) -> LuaResult<Val> {
    let table = rilua::vm::table::Table::with_sizes(items.len(), 0);
    let table = Table::from_gc_ref(state.gc.alloc_table(table));
    for (place, item) in (1_u32..).zip(items) {
        table.raw_set(state, Val::Num(f64::from(place)), *item)?;
    }
    Ok(Val::Table(table.gc_ref()))
}

/// A table with one field, which is how Lua sees a status or an error.
pub(super) fn field_table(state: &mut LuaState, field: &str, value: &[u8]) -> LuaResult<Val> {
    let table = Table::from_gc_ref(state.gc.alloc_table(rilua::vm::table::Table::new()));
    let field = Val::Str(state.gc.intern_string(field.as_bytes()));
    let value = Val::Str(state.gc.intern_string(value));
    set(state, table, field, value)?;
    Ok(Val::Table(table.gc_ref()))
}

/// A field of a table, by its name.
pub(super) fn field(state: &mut LuaState, table: Table, name: &str) -> Val {
    let name = Val::Str(state.gc.intern_string(name.as_bytes()));
    table.raw_get(state, name).unwrap_or(Val::Nil)
}

/// The bytes of a string.
pub(super) fn bytes(state: &LuaState, value: Val) -> Option<Vec<u8>> {
    match value {
        Val::Str(text) => state.gc.string_arena.get(text).map(|text| text.data().to_vec()),
        Val::Num(number) => Some(Val::Num(number).to_string().into_bytes()),
        _ => None,
    }
}

/// What a script returned, as a reply.
pub(super) fn to_reply(state: &mut LuaState, value: Val) -> Reply {
    let mut left = Budget { values: MAX_VALUES, bytes: MAX_BYTES };
    let reply = reply(state, value, 0, &mut left);
    if left.bytes == 0 {
        return Reply::Error("ERR the answer of the script is longer than 128 MiB".to_owned());
    }
    reply
}

/// What an answer may still grow by.
struct Budget {
    values: usize,
    bytes: usize,
}

fn reply(state: &mut LuaState, value: Val, depth: usize, left: &mut Budget) -> Reply {
    if depth > MAX_DEPTH || left.values == 0 {
        return Reply::Error("ERR reached lua stack limit".to_owned());
    }
    left.values -= 1;
    match value {
        Val::Str(text) => {
            let length = state.gc.string_arena.get(text).map_or(0, |text| text.len());
            left.bytes = left.bytes.saturating_sub(length);
            if left.bytes == 0 {
                Reply::Null
            } else {
                Reply::Bulk(bytes(state, value).unwrap_or_default())
            }
        }
        Val::Bool(true) => Reply::Int(1),
        Val::Num(number) => Reply::Int(whole(number)),
        Val::Table(table) => from_table(state, Table::from_gc_ref(table), depth, left),
        _ => Reply::Null,
    }
}

/// The fraction is cut off; what no integer can hold becomes the least, as on most machines.
#[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
fn whole(number: f64) -> i64 {
    const TOO_MUCH: f64 = 9_223_372_036_854_775_808.0;
    if (-TOO_MUCH..TOO_MUCH).contains(&number) { number as i64 } else { i64::MIN }
}

fn from_table(state: &mut LuaState, table: Table, depth: usize, left: &mut Budget) -> Reply {
    if let Val::Str(text) = field(state, table, "err") {
        return Reply::Error(lossy(state, Val::Str(text)));
    }
    if let Val::Str(text) = field(state, table, "ok") {
        return Reply::StatusText(lossy(state, Val::Str(text)));
    }
    if let Val::Num(number) = field(state, table, "double") {
        return Reply::Double(number);
    }
    let mut items = Vec::new();
    for place in 1_u32.. {
        let item = table.raw_get(state, Val::Num(f64::from(place))).unwrap_or(Val::Nil);
        if item.is_nil() || left.values == 0 || left.bytes == 0 {
            break;
        }
        items.push(reply(state, item, depth + 1, left));
    }
    Reply::Array(items)
}

/// A string as text.
pub(super) fn lossy(state: &LuaState, value: Val) -> String {
    String::from_utf8_lossy(&bytes(state, value).unwrap_or_default()).into_owned()
}
