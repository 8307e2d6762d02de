//! What the server knows about one connection: its settings, its transaction, its unsent replies.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::blocking::Wait;
use crate::command::Command;
use crate::dict::Key;
use crate::reply::{Protocol, Reply};
use crate::resp::Request;

/// A connection's number; never used twice.
pub(crate) type ClientId = u64;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// After what has been answered is sent: QUIT, a protocol error.
    AfterReplies,
    /// At once: CLIENT KILL, a subscriber that does not read.
    Now,
}

/// What CLIENT REPLY asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replies {
    On,
    Off,
    /// The next reply is left out, and then on again.
    Skip,
    /// The reply to CLIENT REPLY SKIP itself is left out as well.
    SkipNext,
}

/// Commands that wait for EXEC.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Request>,
    /// The bytes of their arguments.
    pub(crate) size: usize,
    /// A command could not be queued: EXEC will refuse.
    pub(crate) broken: bool,
}

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) addr: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) name: Vec<u8>,
    pub(crate) db: usize,
    pub(crate) protocol: Protocol,
    pub(crate) replies: Replies,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) watching: Vec<(usize, Key)>,
    /// A watched key has changed.
    pub(crate) watch_broken: bool,
    pub(crate) wait: Option<Wait>,
    pub(crate) channels: BTreeSet<Key>,
    pub(crate) patterns: BTreeSet<Key>,
    pub(crate) monitor: bool,
    pub(crate) no_evict: bool,
    pub(crate) closing: Option<Closing>,
    pub(crate) since: i64,
    pub(crate) last_seen: i64,
    pub(crate) last_command: Option<&'static Command>,
    /// Replies and pushes that its connection has not taken yet.
    pub(crate) out: Vec<u8>,
    /// Bytes that its connection is sending.
    pub(crate) sending: usize,
    /// Bytes that were read and have not run.
    pub(crate) unrun: usize,
    /// What it held when it was last looked at.
    pub(crate) counted: usize,
    /// Wakes the connection: there is something to send, or it is to close.
    pub(crate) wake: Arc<Notify>,
}

impl Client {
    pub(crate) fn new(id: ClientId, addr: SocketAddr, local: SocketAddr, now: i64) -> Self {
        Self {
            id,
            addr,
            local,
            name: Vec::new(),
            db: 0,
            protocol: Protocol::Resp2,
            replies: Replies::On,
            transaction: None,
            watching: Vec::new(),
            watch_broken: false,
            wait: None,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            monitor: false,
            no_evict: false,
            closing: None,
            since: now,
            last_seen: now,
            last_command: None,
            out: Vec::new(),
            sending: 0,
            unrun: 0,
            counted: 0,
            wake: Arc::default(),
        }
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// In RESP2 a subscriber may send little else: its connection carries messages now.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions() > 0
    }

    /// Answers the command under way, unless the client asked for silence.
    pub(crate) fn respond(&mut self, reply: &Reply) {
        match self.replies {
            Replies::On => self.push(reply),
            // What is no answer but a message comes all the same.
            Replies::Off if is_message(reply) => self.push(reply),
            Replies::Off => {}
            Replies::SkipNext => self.replies = Replies::Skip,
            Replies::Skip => {
                self.replies = Replies::On;
                if is_message(reply) {
                    self.push(reply);
                }
            }
        }
    }

    /// Sends something that is no answer: a message, a line of MONITOR.
    pub(crate) fn push(&mut self, reply: &Reply) {
        if self.closing != Some(Closing::Now) {
            reply.encode(self.protocol, &mut self.out);
        }
    }

    /// The memory that this client can make the server hold, in bytes.
    pub(crate) fn holds(&self) -> usize {
        if self.closing == Some(Closing::Now) {
            return 0;
        }
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.size);
        self.out.capacity() + self.sending + self.unrun + queued + self.name.len()
    }

    /// Ends the connection. What will never be sent is freed now, not when the connection, which
    /// has to wait for its turn, is gone.
    pub(crate) fn close(&mut self, how: Closing) {
        if how == Closing::Now {
            self.out = Vec::new();
        }
        self.closing = Some(how);
        self.wake.notify_one();
    }
}

/// SUBSCRIBE is confirmed by messages.
fn is_message(reply: &Reply) -> bool {
    match reply {
        Reply::Push(_) => true,
        Reply::Sequence(items) => items.iter().all(is_message),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_cut_off_holds_nothing_more() {
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut client = Client::new(1, addr, addr, 0);
        client.push(&Reply::Bulk(vec![b'x'; 1_000_000]));
        assert!(client.out.capacity() >= 1_000_000);
        client.close(Closing::Now);
        assert_eq!(client.out.capacity(), 0);
    }
}
