//! Which broker: one that already answers, a redis-server of ours, or the built-in one.
//!
//! A redis-server that we start is our child: it keeps nothing on disk unless asked, and ends with
//! us. The built-in one lives in this process and keeps nothing at all. redis-cli, Celery and
//! Flower work with each of them.

mod installed;
mod start_error;

use std::fmt;
use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use taskqueue::{BrokerError, BrokerUrl, Purpose, Server};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::settings::on_port;
pub(crate) use installed::look;
pub use installed::{TooOld, installed};
pub use start_error::StartError;
use start_error::taken;

/// How long a server that has ended may keep us waiting for its last words.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Which kind of broker to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A redis-server where there is one, else the built-in.
    Best,
    /// Only a redis-server.
    RedisServer,
    /// Only the built-in.
    BuiltIn,
}

/// A broker that runs because we started it; [`stop`](Self::stop) ends it.
pub struct Broker {
    /// Where it answers.
    pub url: BrokerUrl,
    host: Host,
}

/// Where a server's log is read.
type Log = Box<dyn AsyncRead + Send + Unpin>;

enum Host {
    RedisServer {
        child: Box<Child>,
        program: PathBuf,
    },
    BuiltIn {
        stop: CancellationToken,
        serving: JoinHandle<()>,
        instead_of: Option<TooOld>,
        log: Option<Log>,
    },
}

impl Broker {
    /// Starts one on `port` of this machine; 0 is any free one.
    ///
    /// # Errors
    /// The port is taken, or what was asked for is not there.
    pub async fn start(choice: Choice, port: u16, appendonly: bool) -> Result<Self, StartError> {
        let (usable, too_old) = match choice {
            Choice::BuiltIn => (None, None),
            Choice::Best | Choice::RedisServer => look(),
        };
        match (usable, too_old) {
            (Some(program), _) => Self::redis_server(program, free(port).await?, appendonly).await,
            (None, Some(old)) if choice == Choice::RedisServer => Err(StartError::TooOld(old)),
            (None, None) if choice == Choice::RedisServer => Err(StartError::NotInstalled),
            (None, too_old) => Self::built_in(port, too_old).await,
        }
    }

    async fn built_in(port: u16, instead_of: Option<TooOld>) -> Result<Self, StartError> {
        let server = pocket_redis::Server::bind((Ipv4Addr::LOCALHOST, port)).await;
        let server = server.map_err(|source| StartError::Port { port, source })?;
        let url = on_port(server.local_addr().port())?;
        let stop = CancellationToken::new();
        let log: Option<Log> = Some(Box::new(server.log()));
        let serving = tokio::spawn(server.run(stop.clone().cancelled_owned()));
        Ok(Self { url, host: Host::BuiltIn { stop, serving, instead_of, log } })
    }

    async fn redis_server(
        program: PathBuf,
        port: u16,
        appendonly: bool,
    ) -> Result<Self, StartError> {
        let child = Command::new(&program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", if appendonly { "yes" } else { "no" }])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartError::Port { port, source })?;
        let mut broker = Self {
            url: on_port(port)?,
            host: Host::RedisServer { child: Box::new(child), program },
        };
        match broker.answers().await {
            Ok(()) => Ok(broker),
            Err(last) => Err(StartError::Silent { program: broker.to_string(), last }),
        }
    }

    /// Waits until the child answers; what it said last, if it ended instead.
    async fn answers(&mut self) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            if ask(&self.url).await.is_ok() {
                return Ok(());
            }
            let Host::RedisServer { child, .. } = &mut self.host else { return Ok(()) };
            let ended = matches!(child.try_wait(), Ok(Some(_)));
            if ended || tokio::time::Instant::now() > deadline {
                return Err(last_line(child.stdout.take()).await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts one on `port`, unless one answers there already.
    ///
    /// # Errors
    /// As [`start`](Self::start), and if something is there that is of no use to us.
    pub async fn start_unless_there(
        choice: Choice,
        port: u16,
        appendonly: bool,
    ) -> Result<Option<Self>, StartError> {
        let there = taskqueue::Broker::at(on_port(port)?).map_err(|error| taken(port, &error))?;
        match there.check(Purpose::Work).await {
            Ok(_) => Ok(None),
            Err(BrokerError::Unreachable { .. }) => {
                Self::start(choice, port, appendonly).await.map(Some)
            }
            Err(error) => Err(taken(port, &error)),
        }
    }

    /// The server's own log, line by line.
    pub fn log(&mut self) -> Option<Lines<BufReader<Log>>> {
        let log: Log = match &mut self.host {
            Host::RedisServer { child, .. } => Box::new(child.stdout.take()?),
            Host::BuiltIn { log, .. } => log.take()?,
        };
        Some(BufReader::new(log).lines())
    }

    /// Whether it is the built-in one.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        matches!(self.host, Host::BuiltIn { .. })
    }

    /// Ends it; returns when it is gone.
    pub async fn stop(mut self) {
        match &mut self.host {
            Host::RedisServer { child, .. } => {
                shut_down(&self.url).await;
                // It may have heard the terminal's Ctrl-C before us. If it hears nothing, dropping kills it.
                let _ = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
            }
            Host::BuiltIn { stop, serving, .. } => {
                stop.cancel();
                let _ = serving.await;
            }
        }
    }
}

/// Whoever leaves early, by an error or by Ctrl-C, leaves no broker behind.
impl Drop for Broker {
    fn drop(&mut self) {
        match &mut self.host {
            Host::BuiltIn { stop, .. } => stop.cancel(),
            Host::RedisServer { child, .. } => {
                let _ = child.start_kill();
                for _ in 0..200 {
                    if !matches!(child.try_wait(), Ok(None)) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }
}

/// Which it is, in words.
impl fmt::Display for Broker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::RedisServer { program, .. } => write!(out, "{}", program.display()),
            Host::BuiltIn { instead_of: Some(old), .. } => {
                write!(out, "the built-in broker, as {old}")
            }
            Host::BuiltIn { .. } => out.write_str("the built-in broker (nothing is kept on disk)"),
        }
    }
}

/// What a Redis says of itself, `Redis 7.0.15`.
///
/// # Errors
/// None answers in time, or it refuses.
pub async fn ask(url: &BrokerUrl) -> Result<String, BrokerError> {
    taskqueue::Broker::at(url.clone())?.server().await.map(|server| words(&server))
}

/// A server's name and version, as the lab says them.
#[must_use]
pub fn words(server: &Server) -> String {
    match server.name {
        "pocket-redis" => "the lab's built-in broker".to_owned(),
        _ => server.to_string(),
    }
}

/// A connection for looking around.
///
/// # Errors
/// None answers in time, or it refuses.
pub async fn connect(url: &BrokerUrl) -> Result<MultiplexedConnection, BrokerError> {
    taskqueue::Broker::at(url.clone())?.redis().await
}

/// `port` itself if nobody listens there, or any free one for 0.
async fn free(port: u16) -> Result<u16, StartError> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|source| StartError::Port { port, source })
}

fn shut_down(url: &BrokerUrl) -> impl Future<Output = ()> {
    let url = url.clone();
    async move {
        if let Ok(mut redis) = connect(&url).await {
            // It answers by closing the connection.
            let _: RedisResult<()> =
                redis::cmd("SHUTDOWN").arg("NOSAVE").query_async(&mut redis).await;
        }
    }
}

async fn last_line(log: Option<ChildStdout>) -> String {
    let Some(log) = log else { return String::new() };
    let (mut lines, mut last) = (BufReader::new(log).lines(), String::new());
    while let Ok(Ok(Some(line))) = tokio::time::timeout(PATIENCE, lines.next_line()).await {
        if !line.trim().is_empty() {
            last = line;
        }
    }
    last
}
