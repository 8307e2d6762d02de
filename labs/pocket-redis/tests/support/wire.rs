//! A client that hides nothing: it sends bytes and shows replies with their type marks.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Far longer than anything a test waits for, on a busy machine too; one that hangs should fail and
/// say where.
const PATIENCE: Duration = Duration::from_secs(300);

/// A reply as it was on the wire: its mark, its text, and what it contains.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    pub(crate) mark: u8,
    pub(crate) text: Vec<u8>,
    pub(crate) items: Vec<Answer>,
}

impl Answer {
    /// The text, for assertions.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// The same with all members of aggregates in order, where Redis promises none.
    pub(crate) fn sorted(mut self) -> Self {
        let items = std::mem::take(&mut self.items);
        let items: Vec<Answer> = items.into_iter().map(Answer::sorted).collect();
        let mut chunks: Vec<Vec<Answer>> = match self.mark {
            b'%' => items.chunks(2).map(<[Answer]>::to_vec).collect(),
            _ => items.into_iter().map(|item| vec![item]).collect(),
        };
        chunks.sort();
        self.items = chunks.concat();
        self
    }

    /// The same with fields and values, which RESP2 lists in turn, sorted as pairs.
    pub(crate) fn sorted_pairs(mut self) -> Self {
        let mut pairs: Vec<_> = self.items.chunks(2).map(<[Answer]>::to_vec).collect();
        pairs.sort();
        self.items = pairs.concat();
        self
    }

    /// Only the shape: marks and lengths, for what differs between two servers by nature.
    pub(crate) fn shape(mut self) -> Self {
        self.text.clear();
        self.items = self.items.into_iter().map(Answer::shape).collect();
        self
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.mark), self.text.escape_ascii())?;
        if !self.items.is_empty() {
            f.debug_list().entries(&self.items).finish()?;
        }
        Ok(())
    }
}

/// One connection.
pub(crate) struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Self { reader: BufReader::new(stream) }
    }

    /// The stream, for what this client does not do.
    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Sends a command without waiting for its answer.
    pub(crate) fn send<T: AsRef<[u8]>>(&mut self, args: &[T]) {
        let bytes = encode(args);
        self.send_raw(&bytes);
    }

    /// Sends a command and reads its answer.
    pub(crate) fn ask<T: AsRef<[u8]>>(&mut self, args: &[T]) -> Answer {
        self.send(args);
        self.read()
    }

    /// Sends a command written as words and reads its answer.
    pub(crate) fn say(&mut self, line: &str) -> Answer {
        self.ask(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Reads one reply.
    pub(crate) fn read(&mut self) -> Answer {
        self.try_read().expect("an answer comes")
    }

    /// Reads one reply; `None` if the server has closed the connection.
    pub(crate) fn try_read(&mut self) -> Option<Answer> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer: {error}"),
        }
        let (mark, text) = (line[0], line[1..].trim_ascii_end().to_vec());
        let length =
            || std::str::from_utf8(&text).expect("a number").parse::<i64>().expect("a number");
        Some(match mark {
            b'$' | b'=' => match usize::try_from(length()) {
                Ok(length) => Answer { mark, text: self.exactly(length), items: Vec::new() },
                Err(_) => Answer { mark, text: b"(nil)".to_vec(), items: Vec::new() },
            },
            b'*' | b'~' | b'>' => self.aggregate(mark, length()),
            b'%' => self.aggregate(mark, length() * 2),
            _ => Answer { mark, text, items: Vec::new() },
        })
    }

    fn aggregate(&mut self, mark: u8, length: i64) -> Answer {
        let text = if length < 0 { b"(nil)".to_vec() } else { length.to_string().into_bytes() };
        Answer { mark, text, items: (0..length).map(|_| self.read()).collect() }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).expect("the whole string");
        bytes.truncate(length);
        bytes
    }

    /// Everything until the server closes.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes).expect("the server closes");
        bytes
    }
}

/// A command as RESP.
pub(crate) fn encode<T: AsRef<[u8]>>(args: &[T]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n", arg.as_ref().len()).into_bytes());
        bytes.extend_from_slice(arg.as_ref());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
