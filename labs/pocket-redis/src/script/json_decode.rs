//! `cjson.decode`: JSON text to Lua values, with the behaviour and the words of lua-cjson.
//!
//! The text is cut into tokens by `json_token.rs`.
//!
//! `[]` and `{}` both become an empty table, `null` becomes `cjson.null`. Nesting ends at 1000.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Table, Val, runtime_error};

use crate::script::convert::NULL;
use crate::script::json_token::{Kind, Reader, Token};
use crate::script::sandbox::set;
use crate::script::watch::{glance, look};

/// As deep as lua-cjson goes.
const MAX_DEPTH: usize = 1000;

/// `cjson.decode(text)`
pub(super) fn decode(state: &mut LuaState) -> LuaResult<u32> {
    if state.top - state.base != 1 {
        return Err(state.arg_error(1, "expected 1 argument"));
    }
    look(state)?;
    let text = state.check_string(1)?;
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(runtime_error("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut reader = Reader { text: &text, at: 0 };
    let first = reader.token();
    let value = Builder { state, reader: &mut reader }.value(first)?;
    let last = reader.token();
    match last.kind {
        Kind::End => state.push(value),
        _ => return Err(last.unexpected("the end")),
    }
    Ok(1)
}

/// Makes Lua values of tokens. Open tables wait on a heap, so depth costs no stack.
struct Builder<'a, 'b> {
    state: &'a mut LuaState,
    reader: &'a mut Reader<'b>,
}

/// A table under construction: the next place of an array, or the key of an object.
enum Open {
    Array(Table, u32),
    Object(Table, Val),
}

impl Builder<'_, '_> {
    fn value(&mut self, first: Token) -> LuaResult<Val> {
        let mut open: Vec<Open> = Vec::new();
        let mut token = first;
        loop {
            glance(self.state)?;
            let mut value = match self.scalar(&token) {
                Some(value) => value,
                None => match self.begin(&token, open.len())? {
                    Begun::Empty(table) => table,
                    Begun::Open(table, next) => {
                        open.push(table);
                        token = next;
                        continue;
                    }
                },
            };
            // A value is done; so may be the tables that it completes.
            loop {
                let Some(table) = open.pop() else {
                    return Ok(value);
                };
                match self.put(table, value)? {
                    Begun::Empty(done) => value = done,
                    Begun::Open(table, next) => {
                        open.push(table);
                        token = next;
                        break;
                    }
                }
            }
        }
    }

    fn scalar(&mut self, token: &Token) -> Option<Val> {
        match &token.kind {
            Kind::String(bytes) => Some(Val::Str(self.state.gc.intern_string(bytes))),
            Kind::Number(number) => Some(Val::Num(*number)),
            Kind::Bool(yes) => Some(Val::Bool(*yes)),
            Kind::Null => Some(NULL),
            _ => None,
        }
    }

    fn begin(&mut self, token: &Token, depth: usize) -> LuaResult<Begun> {
        let is_object = match token.kind {
            Kind::ObjectBegin => true,
            Kind::ArrayBegin => false,
            _ => return Err(token.unexpected("value")),
        };
        if depth >= MAX_DEPTH {
            let at = token.at + 1;
            let (depth, text) = (depth + 1, "Found too many nested data structures");
            return Err(runtime_error(format!("{text} ({depth}) at character {at}")));
        }
        let table = Table::from_gc_ref(self.state.gc.alloc_table(rilua::vm::table::Table::new()));
        let next = self.reader.token();
        match (is_object, &next.kind) {
            (true, Kind::ObjectEnd) | (false, Kind::ArrayEnd) => {
                Ok(Begun::Empty(Val::Table(table.gc_ref())))
            }
            (true, _) => self.key(table, next),
            (false, _) => Ok(Begun::Open(Open::Array(table, 1), next)),
        }
    }

    /// Reads a key and its colon.
    fn key(&mut self, table: Table, token: Token) -> LuaResult<Begun> {
        let Kind::String(key) = &token.kind else {
            return Err(token.unexpected("object key string"));
        };
        let key = Val::Str(self.state.gc.intern_string(key));
        let colon = self.reader.token();
        if !matches!(colon.kind, Kind::Colon) {
            return Err(colon.unexpected("colon"));
        }
        Ok(Begun::Open(Open::Object(table, key), self.reader.token()))
    }

    /// Puts a value into its table and reads on.
    fn put(&mut self, open: Open, value: Val) -> LuaResult<Begun> {
        let next = match open {
            Open::Array(table, place) => {
                set(self.state, table, Val::Num(f64::from(place)), value)?;
                self.reader.token()
            }
            Open::Object(table, key) => {
                set(self.state, table, key, value)?;
                self.reader.token()
            }
        };
        match (open, &next.kind) {
            (Open::Array(table, _), Kind::ArrayEnd) | (Open::Object(table, _), Kind::ObjectEnd) => {
                Ok(Begun::Empty(Val::Table(table.gc_ref())))
            }
            (Open::Array(table, place), Kind::Comma) => {
                Ok(Begun::Open(Open::Array(table, place + 1), self.reader.token()))
            }
            (Open::Object(table, _), Kind::Comma) => {
                let key = self.reader.token();
                self.key(table, key)
            }
            (Open::Array(..), _) => Err(next.unexpected("comma or array end")),
            (Open::Object(..), _) => Err(next.unexpected("comma or object end")),
        }
    }
}

/// A table that is complete, or one that waits for the value that this token begins.
enum Begun {
    Empty(Val),
    Open(Open, Token),
}
