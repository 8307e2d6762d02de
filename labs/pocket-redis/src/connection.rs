//! One connection: bytes in, commands to the world, bytes out.
//!
//! The connection reads, takes the lock, runs what is whole, releases the lock, and sends. It never
//! waits for the network while it holds the lock. While an answer is being sent nothing further is
//! run, so a client that sends without reading is slowed down instead of filling the memory.
//!
//! A client that waits (BLPOP) still has its bytes read, up to a bound, so that its end is noticed
//! and nothing is popped for someone who has left.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::client::{ClientId, Closing};
use crate::reply::Reply;
use crate::resp::{Parser, ProtocolError, Request};
use crate::world::World;

/// How much is read at a time.
const READ: usize = 16 * 1024;
/// Answers beyond this are sent before more commands run.
const ENOUGH_TO_SEND: usize = 256 * 1024;
/// After as many commands the lock is released, so that other clients have their turn.
const BATCH: usize = 512;
/// As many bytes are read ahead for a client that waits; then it is not read any further.
const MAX_AHEAD: usize = 1024 * 1024;

/// The world and its lock.
pub(crate) type Shared = Arc<Mutex<World>>;

/// Takes the lock. A panic in a command must not end the service for all others.
pub(crate) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection until it ends.
pub(crate) async fn serve(stream: TcpStream, world: Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (addr, local) = (stream.peer_addr()?, stream.local_addr()?);
    let (reader, writer) = stream.into_split();
    let mut connection = {
        let mut locked = lock(&world);
        let client = locked.connect(addr, local);
        Connection {
            id: client.id,
            wake: client.wake.clone(),
            world: world.clone(),
            parser: Parser::default(),
            pending: VecDeque::new(),
            unrun: 0,
            ahead: 0,
            broken: None,
        }
    };
    connection.run(reader, writer).await
}

struct Connection {
    id: ClientId,
    wake: Arc<Notify>,
    world: Shared,
    parser: Parser,
    /// Whole commands that have not run yet.
    pending: VecDeque<Request>,
    /// What the whole commands take, in bytes.
    unrun: usize,
    /// How many bytes were read since there were none.
    ahead: usize,
    /// What came after them was no command.
    broken: Option<ProtocolError>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.world).disconnect(self.id);
    }
}

/// What a turn with the lock left to be done.
struct Turn {
    out: Vec<u8>,
    closing: Option<Closing>,
    waits: bool,
    deadline: Option<Instant>,
}

impl Connection {
    async fn run(
        &mut self,
        mut reader: OwnedReadHalf,
        mut writer: OwnedWriteHalf,
    ) -> io::Result<()> {
        loop {
            let turn = self.turn();
            if turn.closing == Some(Closing::Now) || !self.send(&mut writer, &turn.out).await? {
                return Ok(());
            }
            if turn.closing.is_some() {
                return writer.shutdown().await;
            }
            if !turn.waits && !self.pending.is_empty() {
                // The lock was given up for the sake of others: let them have it.
                tokio::task::yield_now().await;
                continue;
            }
            if !self.listen(&mut reader, turn.deadline).await? {
                return Ok(());
            }
        }
    }

    /// Runs what is whole, as far as the client may, and takes what is to be sent.
    fn turn(&mut self) -> Turn {
        let mut world = lock(&self.world);
        self.tell_size(&mut world, 0);
        for _ in 0..BATCH {
            let free = world.clients.get(&self.id).is_some_and(|client| {
                client.wait.is_none()
                    && client.closing.is_none()
                    && client.out.len() < ENOUGH_TO_SEND
            });
            let Some(request) = free.then(|| self.pending.pop_front()).flatten() else {
                break;
            };
            self.unrun = self.unrun.saturating_sub(size(&request));
            world.execute(self.id, request);
        }
        let Some(client) = world.clients.get_mut(&self.id) else {
            return Turn {
                out: Vec::new(),
                closing: Some(Closing::Now),
                waits: false,
                deadline: None,
            };
        };
        if let Some(ProtocolError(text)) = self.broken.take_if(|_| self.pending.is_empty()) {
            client.push(&Reply::Error(text));
            client.closing = Some(Closing::AfterReplies);
        }
        let turn = Turn {
            out: std::mem::take(&mut client.out),
            closing: client.closing,
            waits: client.wait.is_some(),
            deadline: client.wait.as_ref().and_then(|wait| wait.deadline),
        };
        self.tell_size(&mut world, turn.out.len());
        turn
    }

    /// Tells the world what it holds for this connection.
    fn tell_size(&self, world: &mut World, sending: usize) {
        if let Some(client) = world.clients.get_mut(&self.id) {
            client.unrun = self.parser.held() + self.unrun;
            client.sending = sending;
            world.weigh(self.id);
        }
    }

    /// Waits for whatever comes first: bytes, something to send, the end of a wait.
    /// False when the peer has gone.
    async fn listen(
        &mut self,
        reader: &mut OwnedReadHalf,
        deadline: Option<Instant>,
    ) -> io::Result<bool> {
        if self.pending.is_empty() {
            self.ahead = 0;
        }
        let roomy = self.ahead < MAX_AHEAD && self.broken.is_none();
        let buffer = self.parser.buffer();
        buffer.reserve(READ);
        tokio::select! {
            read = reader.read_buf(buffer), if roomy => {
                match read? {
                    0 => return Ok(false),
                    n => self.ahead += n,
                }
                self.parse();
            }
            () = self.wake.notified() => {}
            () = until(deadline) => self.time_out(),
        }
        Ok(true)
    }

    fn parse(&mut self) {
        loop {
            match self.parser.next() {
                Ok(Some(request)) => {
                    self.unrun += size(&request);
                    self.pending.push_back(request);
                }
                Ok(None) => return,
                Err(error) => {
                    self.broken = Some(error);
                    return;
                }
            }
        }
    }

    fn time_out(&self) {
        lock(&self.world).unblock(self.id, &Reply::NullArray);
    }

    /// Sends, unless the client is cut off meanwhile; false if it was.
    async fn send(&self, writer: &mut OwnedWriteHalf, mut out: &[u8]) -> io::Result<bool> {
        let mut woken = false;
        while !out.is_empty() {
            tokio::select! {
                sent = writer.write(out) => match sent? {
                    0 => return Ok(false),
                    n => out = &out[n..],
                },
                () = self.wake.notified() => woken = true,
            }
            if woken && self.is_cut_off() {
                return Ok(false);
            }
        }
        if woken {
            // Whatever else it was that woke: the next turn shall see it.
            self.wake.notify_one();
        }
        Ok(true)
    }

    fn is_cut_off(&self) -> bool {
        let world = lock(&self.world);
        world.clients.get(&self.id).is_none_or(|client| client.closing == Some(Closing::Now))
    }
}

/// What a command takes in memory, in bytes.
fn size(request: &Request) -> usize {
    request.iter().map(|arg| arg.len() + size_of_val(arg)).sum()
}

/// Sleeps until then; for ever without a deadline.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
