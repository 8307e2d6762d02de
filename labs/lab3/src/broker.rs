//! Which broker: one that already answers, a redis-server of ours, or the built-in one.
//!
//! A redis-server that we start is our child: it keeps nothing on disk unless asked, and ends with
//! us. The built-in one lives in this process and keeps nothing at all. redis-cli, Celery and
//! Flower work with each of them.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The names under which a real Redis is installed.
const SERVERS: [&str; 3] = ["redis-server", "valkey-server", "memurai"];
/// How long we wait for an answer before we say that there is none.
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
    pub url: String,
    host: Host,
}

enum Host {
    RedisServer { child: Box<Child>, program: PathBuf },
    BuiltIn { stop: CancellationToken, serving: JoinHandle<()> },
}

/// No broker could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No redis-server is installed.
    #[error(
        "there is no redis-server on the PATH\n  next: install it (scripts/install-redis.sh), or leave --redis-server out"
    )]
    NotInstalled,
    /// The port is taken.
    #[error(
        "port {port} can't be had: {source}\n  next: stop what uses it, or choose another with --port"
    )]
    Port {
        /// The port.
        port: u16,
        /// The system's own words.
        source: io::Error,
    },
    /// It was started and does not answer.
    #[error(
        "{program} was started and does not answer: {last}\n  next: start it by hand to see why, or use --builtin"
    )]
    Silent {
        /// What was started.
        program: String,
        /// The last that it said.
        last: String,
    },
}

impl Broker {
    /// Starts one on `port` of this machine; 0 is any free one.
    ///
    /// # Errors
    /// The port is taken, or what was asked for is not there.
    pub async fn start(choice: Choice, port: u16, appendonly: bool) -> Result<Self, StartError> {
        let server = if choice == Choice::BuiltIn { None } else { installed() };
        match server {
            Some(program) => Self::redis_server(program, free(port).await?, appendonly).await,
            None if choice == Choice::RedisServer => Err(StartError::NotInstalled),
            None => Self::built_in(port).await,
        }
    }

    async fn built_in(port: u16) -> Result<Self, StartError> {
        let server = pocket_redis::Server::bind((Ipv4Addr::LOCALHOST, port)).await;
        let server = server.map_err(|source| StartError::Port { port, source })?;
        let url = url(server.local_addr().port());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(stop.clone().cancelled_owned()));
        Ok(Self { url, host: Host::BuiltIn { stop, serving } })
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
        let mut broker =
            Self { url: url(port), host: Host::RedisServer { child: Box::new(child), program } };
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

    /// The server's own log, line by line; the built-in one has none.
    pub fn log(&mut self) -> Option<Lines<BufReader<ChildStdout>>> {
        match &mut self.host {
            Host::RedisServer { child, .. } => Some(BufReader::new(child.stdout.take()?).lines()),
            Host::BuiltIn { .. } => None,
        }
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
            Host::BuiltIn { stop, serving } => {
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
            Host::BuiltIn { .. } => out.write_str("the built-in broker (nothing is kept on disk)"),
        }
    }
}

/// What a Redis says of itself, `Redis 7.0.15`; an error where none answers in time.
pub async fn ask(url: &str) -> RedisResult<String> {
    let info: String =
        redis::cmd("INFO").arg("server").query_async(&mut connect(url).await?).await?;
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
    };
    let version = field("redis_version").unwrap_or_default();
    Ok(match (field("pocket_redis_version"), field("valkey_version")) {
        (Some(_), _) => "the lab's built-in broker".to_owned(),
        (_, Some(version)) => format!("Valkey {version}"),
        _ => format!("Redis {version}"),
    })
}

/// A connection for looking around.
pub async fn connect(url: &str) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}

/// The first real Redis on the PATH.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    SERVERS.iter().find_map(|name| which::which(name).ok())
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/0")
}

/// `port` itself if nobody listens there, or any free one for 0.
async fn free(port: u16) -> Result<u16, StartError> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|source| StartError::Port { port, source })
}

fn shut_down(url: &str) -> impl Future<Output = ()> {
    let url = url.to_owned();
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
