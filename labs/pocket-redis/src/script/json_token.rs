//! JSON text cut into tokens, for `cjson.decode`.
//!
//! Bad text is a token too: only the one who expected something else can say what is wrong.

use rilua::runtime_error;

/// What the text is made of. The names are those that lua-cjson puts into its errors.
pub(super) enum Kind {
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

/// A piece of the text, and where it begins.
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

impl Token {
    /// The error that lua-cjson raises when it finds this instead of what it expected.
    pub(super) fn unexpected(&self, expected: &str) -> rilua::LuaError {
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
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl Reader<'_> {
    /// The next token; `End` for ever behind the last.
    pub(super) fn token(&mut self) -> Token {
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
