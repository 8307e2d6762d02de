//! The server's log: the little that whoever runs it should know.
//!
//! Lines go into a pipe that [`Server::log`](crate::Server::log) hands out. Writing never waits:
//! a line that does not fit is lost. Each kind of line comes once a minute at most, so that nobody
//! outside can fill a terminal.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::io::{AsyncWrite, DuplexStream, duplex};

/// How much may wait to be read.
const UNREAD: usize = 16 * 1024;
/// How long a kind of line is kept back after one of it, in milliseconds.
const SILENCE: i64 = 60_000;

/// Something worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A web page, most likely, sent a request of HTTP.
    CrossProtocol(SocketAddr),
    /// The clients held too much memory; this one held most.
    Evicted(SocketAddr, usize),
}

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pipe: Option<DuplexStream>,
    last: HashMap<std::mem::Discriminant<Notice>, i64>,
}

impl Log {
    /// Begins a log; gives the end to read from.
    pub(crate) fn open(&mut self) -> DuplexStream {
        let (ours, theirs) = duplex(UNREAD);
        self.pipe = Some(ours);
        theirs
    }

    /// Writes a line, unless one of its kind came within the last minute.
    pub(crate) fn note(&mut self, now: i64, notice: Notice) {
        let last = self.last.insert(std::mem::discriminant(&notice), now);
        if let Some(last) = last.filter(|last| now - last < SILENCE) {
            self.last.insert(std::mem::discriminant(&notice), last);
            return;
        }
        if let Some(pipe) = &mut self.pipe {
            let line = format!("{}\n", describe(notice));
            let mut nobody = Context::from_waker(Waker::noop());
            // Full, or nobody reads: the line is lost.
            let _ = Pin::new(pipe).poll_write(&mut nobody, line.as_bytes());
        }
    }
}

fn describe(notice: Notice) -> String {
    match notice {
        Notice::CrossProtocol(from) => format!(
            "cut off {from}: it sent POST or Host:, so it is a web page or an HTTP client, \
             not a client of Redis"
        ),
        Notice::Evicted(client, held) => format!(
            "cut off {client}: the clients together held too much unread, this one most ({} MiB)",
            held >> 20
        ),
    }
}
