//! `cjson.decode`: JSON text to Lua values, with the behaviour and the words of lua-cjson.
//!
//! `[]` and `{}` both become an empty table, `null` becomes `cjson.null`. Nesting ends at 1000.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Table, Val, runtime_error};

use crate::script::convert::NULL;
use crate::script::sandbox::set;

/// As deep as lua-cjson goes.
const MAX_DEPTH: usize = 1000;

/// `cjson.decode(text)`
pub(super) fn decode(state: &mut LuaState) -> LuaResult<u32> {
    if state.top - state.base != 1 {
        return Err(state.arg_error(1, "expected 1 argument"));
    }
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

/// What the text is made of. The names are those that lua-cjson puts into its errors.
enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Bool(bool),
    Null,
    Colon,
    Comma,
    End,
    Bad(&'static str),
}

struct Token {
    kind: Kind,
    at: usize,
}

impl Token {
    fn unexpected(&self, expected: &str) -> rilua::LuaError {
        let found = match &self.kind {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::String(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Bool(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Bad(what) => what,
        };
        let at = self.at + 1;
        runtime_error(format!("Expected {expected} but found {found} at character {at}"))
    }
}

/// Cuts the text into tokens.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn token(&mut self) -> Token {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let at = self.at;
        let Some(&byte) = self.text.get(at) else {
            return Token { kind: Kind::End, at };
        };
        let single = match byte {
            b'{' => Some(Kind::ObjectBegin),
            b'}' => Some(Kind::ObjectEnd),
            b'[' => Some(Kind::ArrayBegin),
            b']' => Some(Kind::ArrayEnd),
            b':' => Some(Kind::Colon),
            b',' => Some(Kind::Comma),
            _ => None,
        };
        if let Some(kind) = single {
            self.at += 1;
            return Token { kind, at };
        }
        match byte {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => Token { kind: self.number(), at },
            _ => Token { kind: self.word(), at },
        }
    }

    fn word(&mut self) -> Kind {
        let words =
            [("true", Kind::Bool(true)), ("false", Kind::Bool(false)), ("null", Kind::Null)];
        for (word, kind) in words {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return kind;
            }
        }
        Kind::Bad("invalid token")
    }

    fn number(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let mut length = rest.iter().take_while(|byte| is_part(byte)).count();
        // As much as is a number: what follows is the next token's affair.
        while length > 0 {
            let text = std::str::from_utf8(&rest[..length]).unwrap_or_default();
            if let Ok(number) = text.parse() {
                self.at += length;
                return Kind::Number(number);
            }
            length -= 1;
        }
        Kind::Bad("invalid number")
    }

    fn string(&mut self) -> Token {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
            bytes.extend_from_slice(&rest[..plain]);
            self.at += plain;
            let bad = match rest.get(plain..plain + 2).or(rest.get(plain..)) {
                None | Some([]) => "unexpected end of string",
                Some([b'"', ..]) => {
                    self.at += 1;
                    return Token { kind: Kind::String(bytes), at: start };
                }
                Some([_, b'u']) => match self.unicode() {
                    Some(letter) => {
                        bytes.extend_from_slice(letter.to_string().as_bytes());
                        continue;
                    }
                    None => "invalid unicode escape code",
                },
                Some([_, escaped]) if unescaped(*escaped).is_some() => {
                    bytes.extend(unescaped(*escaped));
                    self.at += 2;
                    continue;
                }
                Some(_) => "invalid escape code",
            };
            return Token { kind: Kind::Bad(bad), at: self.at };
        }
    }

    /// `\u` and four digits, twice for a letter beyond the first plane.
    fn unicode(&mut self) -> Option<char> {
        let high = self.code_unit(self.at)?;
        if !(0xd800..0xdc00).contains(&high) {
            self.at += 6;
            return char::from_u32(high);
        }
        let low = self.code_unit(self.at + 6).filter(|low| (0xdc00..0xe000).contains(low))?;
        self.at += 12;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    fn code_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
        digits.into_iter().try_fold(0, |unit, digit| Some(unit * 16 + digit?))
    }
}

fn unescaped(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        b'b' => Some(0x08),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'f' => Some(0x0c),
        b'r' => Some(b'\r'),
        _ => None,
    }
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
