//! Requests: bytes from the network become commands, an array of strings each.
//!
//! Both forms that Redis takes are read: RESP arrays (`*2\r\n$4\r\nECHO\r\n…`) and inline commands
//! (`ECHO hi\r\n`), in any number and cut at any place. Nothing that has been read is read again:
//! a command of many megabytes in small pieces costs its length, not its square.
//!
//! Bounds, smaller than Redis' own because this server is for a class: 16 MiB a string (Redis:
//! 512 MB), 1,048,576 strings and 64 MiB a command, 64 KiB a line. Whoever exceeds one gets Redis'
//! error and is cut off, as after every protocol error: what follows cannot be trusted.

use crate::number::parse_int;
use crate::quote;

/// The longest string in a command.
pub(crate) const MAX_BULK: usize = 16 * 1024 * 1024;
/// The most strings in a command.
pub(crate) const MAX_ARGS: i64 = 1024 * 1024;
/// The longest line: inline commands and lengths.
pub(crate) const MAX_LINE: usize = 64 * 1024;
/// The most bytes in a command.
pub(crate) const MAX_REQUEST: usize = 64 * 1024 * 1024;

/// A command's name and arguments.
pub(crate) type Request = Vec<Vec<u8>>;

/// Bytes that are no command; the text is Redis' own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProtocolError(pub(crate) String);

impl From<&str> for ProtocolError {
    fn from(text: &str) -> Self {
        Self(format!("ERR Protocol error: {text}"))
    }
}

/// Reads commands out of a stream that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    buffer: Vec<u8>,
    /// How far the buffer has been read.
    at: usize,
    /// The command under way: its strings so far, how many are to come, and their bytes.
    args: Request,
    missing: usize,
    size: usize,
    /// The memory that its strings so far take.
    taken: usize,
    /// The length of the string under way.
    bulk: Option<usize>,
}

impl Parser {
    /// Where the connection puts what it reads.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.at);
        self.at = 0;
        if self.buffer.is_empty() {
            // One large command must not hold its memory for the rest of the connection.
            self.buffer.shrink_to(MAX_LINE);
        }
        &mut self.buffer
    }

    /// How many bytes are held of what is not a whole command yet.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len() - self.at + self.taken
    }

    /// The next whole command, or `None` until more bytes have come.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, ProtocolError> {
        loop {
            if self.missing == 0 {
                match self.begin()? {
                    Begun::Nothing => return Ok(None),
                    Begun::Empty | Begun::Array => continue,
                    Begun::Inline(request) => return Ok(Some(request)),
                }
            }
            if !self.string()? {
                return Ok(None);
            }
            if self.missing == 0 {
                (self.size, self.taken) = (0, 0);
                return Ok(Some(std::mem::take(&mut self.args)));
            }
        }
    }

    /// Reads the line that starts a command.
    fn begin(&mut self) -> Result<Begun, ProtocolError> {
        match self.buffer.get(self.at) {
            None => Ok(Begun::Nothing),
            Some(b'*') => self.array(),
            Some(_) => self.inline(),
        }
    }

    fn array(&mut self) -> Result<Begun, ProtocolError> {
        let Some(line) = self.line("too big mbulk count string")? else {
            return Ok(Begun::Nothing);
        };
        let count = parse_int(&self.buffer[line.start + 1..line.end]);
        match count.filter(|n| *n <= MAX_ARGS) {
            None => Err("invalid multibulk length".into()),
            Some(n) if n <= 0 => Ok(Begun::Empty),
            Some(n) => {
                self.missing = usize::try_from(n).unwrap_or(0);
                Ok(Begun::Array)
            }
        }
    }

    fn inline(&mut self) -> Result<Begun, ProtocolError> {
        let rest = &self.buffer[self.at..];
        // Redis looks for the end as C does, which sees none behind a zero byte.
        let end = rest.iter().position(|byte| [b'\n', 0].contains(byte));
        let Some(end) = end.filter(|&end| rest[end] == b'\n') else {
            return match rest.len() {
                0..=MAX_LINE => Ok(Begun::Nothing),
                _ => Err("too big inline request".into()),
            };
        };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let request = quote::split(line).ok_or("unbalanced quotes in request")?;
        self.at += end + 1;
        Ok(if request.is_empty() { Begun::Empty } else { Begun::Inline(request) })
    }

    /// Reads one string of an array; false until it is whole.
    fn string(&mut self) -> Result<bool, ProtocolError> {
        let length = match self.bulk {
            Some(length) => length,
            None => match self.string_length()? {
                Some(length) => *self.bulk.insert(length),
                None => return Ok(false),
            },
        };
        // Redis steps over the two bytes behind a string without looking at them.
        let Some(bytes) = self.buffer.get(self.at..self.at + length + 2) else {
            return Ok(false);
        };
        self.args.push(bytes[..length].to_vec());
        self.taken += length + size_of::<Vec<u8>>();
        self.at += length + 2;
        self.missing -= 1;
        self.bulk = None;
        Ok(true)
    }

    fn string_length(&mut self) -> Result<Option<usize>, ProtocolError> {
        let Some(line) = self.line("too big bulk count string")? else {
            return Ok(None);
        };
        let text = &self.buffer[line];
        if text.first() != Some(&b'$') {
            let got = char::from(text.first().copied().unwrap_or(b'\r'));
            return Err(format!("expected '$', got '{got}'").as_str().into());
        }
        let length = parse_int(&text[1..]).and_then(|n| usize::try_from(n).ok());
        let length = length.filter(|n| *n <= MAX_BULK).ok_or("invalid bulk length")?;
        self.size += length;
        if self.size > MAX_REQUEST {
            return Err("too big request".into());
        }
        Ok(Some(length))
    }

    /// Takes a line that ends with `\r\n`; `None` until its end has come.
    fn line(&mut self, too_long: &str) -> Result<Option<std::ops::Range<usize>>, ProtocolError> {
        let rest = &self.buffer[self.at..];
        match rest.iter().position(|&byte| byte == b'\r') {
            Some(end) if end + 1 < rest.len() => {
                let line = self.at..self.at + end;
                self.at += end + 2;
                Ok(Some(line))
            }
            None if rest.len() > MAX_LINE => Err(too_long.into()),
            _ => Ok(None),
        }
    }
}

/// How a command begins.
enum Begun {
    Nothing,
    Empty,
    Array,
    Inline(Request),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(bytes: &[u8]) -> Parser {
        let mut parser = Parser::default();
        parser.buffer().extend_from_slice(bytes);
        parser
    }

    #[test]
    fn a_command_cut_at_every_byte_is_read_once() {
        let bytes = b"*2\r\n$4\r\nECHO\r\n$2\r\nh\n\r\n";
        let mut parser = Parser::default();
        for (n, byte) in bytes.iter().enumerate() {
            parser.buffer().push(*byte);
            let got = parser.next().unwrap();
            let whole = n + 1 == bytes.len();
            assert_eq!(got, whole.then(|| vec![b"ECHO".to_vec(), b"h\n".to_vec()]));
        }
    }

    #[test]
    fn arrays_and_lines_may_follow_each_other() {
        let mut parser = feed(b"PING\r\n\r\n*0\r\n*1\r\n$4\r\nQUIT\r\n");
        assert_eq!(parser.next().unwrap(), Some(vec![b"PING".to_vec()]));
        assert_eq!(parser.next().unwrap(), Some(vec![b"QUIT".to_vec()]));
        assert_eq!(parser.next().unwrap(), None);
    }

    #[test]
    fn nonsense_is_named_as_redis_names_it() {
        for (bytes, text) in [
            (&b"*x\r\n"[..], "invalid multibulk length"),
            (b"*1048577\r\n", "invalid multibulk length"),
            (b"*1\r\n:4\r\n", "expected '$', got ':'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$16777217\r\n", "invalid bulk length"),
            (b"echo \"a\r\n", "unbalanced quotes in request"),
        ] {
            assert_eq!(feed(bytes).next(), Err(text.into()));
        }
        assert_eq!(feed(&[b'a'; MAX_LINE + 1]).next(), Err("too big inline request".into()));
    }
}
