//! The server: a socket, the world behind it, and the sweep that removes expired keys.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::connection::{Shared, lock, serve};
use crate::world::World;

/// As many clients as Redis takes by default.
const MAX_CLIENTS: usize = 10_000;
/// How often expired keys are removed that nobody asks for.
const SWEEP_EVERY: Duration = Duration::from_millis(100);
/// How many of them at a time, so that a sweep stays short.
const SWEEP_AT_MOST: usize = 20_000;
/// Out of file descriptors: wait for somebody to leave.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A server that is bound to its address and ready to [`run`](Server::run).
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    world: Shared,
}

impl Server {
    /// Binds the address. Port 0 takes a free one; [`local_addr`](Server::local_addr) says which.
    ///
    /// There is no password, so anything but a loopback address opens the data to the network.
    ///
    /// # Errors
    ///
    /// Whatever the system says, most often that the address is in use.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let world = Arc::new(Mutex::new(World::new(addr.port())));
        Ok(Self { listener, addr, world })
    }

    /// The address that clients connect to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// The server's log, a line for each thing that whoever runs it should know. At most 16 KiB
    /// wait to be read; lines beyond that are lost. A second call ends the first log.
    #[must_use]
    pub fn log(&self) -> impl AsyncRead + Unpin + Send + use<> {
        lock(&self.world).log.open()
    }

    /// Serves until `shutdown` resolves or a client sends SHUTDOWN. When this returns, every
    /// connection is closed and the data is gone.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let stop = lock(&self.world).stop.clone().unwrap_or_default();
        let mut connections = JoinSet::new();
        tokio::select! {
            () = self.accept(&mut connections) => {}
            () = sweep(&self.world) => {}
            () = shutdown => {}
            () = stop.notified() => {}
        }
        connections.shutdown().await;
    }

    async fn accept(&self, connections: &mut JoinSet<io::Result<()>>) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if connections.len() < MAX_CLIENTS => {
                        connections.spawn(serve(stream, self.world.clone()));
                    }
                    Ok((stream, _)) => refuse(stream).await,
                    Err(_) => sleep(ACCEPT_AGAIN_AFTER).await,
                },
                // A connection that breaks is no news to anybody but its client.
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn refuse(mut stream: TcpStream) {
    let answer = b"-ERR max number of clients reached\r\n";
    // Whether the answer arrives is the peer's affair.
    drop(stream.write_all(answer).await);
}

async fn sweep(world: &Shared) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        lock(world).sweep(SWEEP_AT_MOST);
    }
}
