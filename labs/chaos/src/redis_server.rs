//! A redis-server of one row alone: own port, own directory; killed, halted and restarted by its pid.
//!
//! Each question opens a connection of its own, because rows kill connections.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::signal::signal;
use crate::trouble::Trouble;

/// The names under which a real Redis is installed.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(crate) struct RedisServer {
    /// It ends with the last one who knows it.
    child: Arc<Mutex<Child>>,
    program: &'static str,
    port: u16,
    directory: PathBuf,
    settings: Vec<String>,
}

impl RedisServer {
    /// One that forgets everything at its end.
    pub(crate) async fn start(directory: &Path) -> Result<Self, Trouble> {
        Self::with(directory, &["--appendonly", "no"]).await
    }

    /// One that has written every change to its file before it answers.
    pub(crate) async fn start_durable(directory: &Path) -> Result<Self, Trouble> {
        Self::with(directory, &["--appendonly", "yes", "--appendfsync", "always"]).await
    }

    async fn with(directory: &Path, settings: &[&str]) -> Result<Self, Trouble> {
        let settings: Vec<String> = settings.iter().map(|word| (*word).to_owned()).collect();
        let mut last = Trouble::NoRedis;
        for program in PROGRAMS {
            // Somebody else may take the port between our look and its start: then another one.
            for _ in 0..3 {
                let port = free_port()?;
                let child = match launch(program, port, directory, &settings) {
                    Ok(child) => child,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                    Err(error) => return Err(error.into()),
                };
                let (directory, settings) = (directory.to_owned(), settings.clone());
                let child = Arc::new(Mutex::new(child));
                let server = Self { child, program, port, directory, settings };
                match server.answers().await {
                    Ok(_) => return Ok(server),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Waits until it answers as a Redis that is ready; how often it said LOADING until then.
    pub(crate) async fn answers(&self) -> Result<usize, Trouble> {
        let (deadline, mut loading) = (Instant::now() + PATIENCE, 0);
        loop {
            let answer = self.ask::<String>(&["PING"]).await;
            match answer {
                Ok(_) => return Ok(loading),
                Err(error) if error.code() == Some("LOADING") => loading += 1,
                Err(error) if Instant::now() > deadline => {
                    return Err(Trouble::Silent(error.to_string()));
                }
                Err(_) if self.child.lock().await.try_wait()?.is_some() => {
                    return Err(Trouble::Silent("it has ended".into()));
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// One command, over a connection of its own.
    pub(crate) async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut redis = self.connect().await?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query_async(&mut redis).await
    }

    /// The redis crate's own limit for an answer, 500 ms, is too short on a busy machine.
    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        Client::open(self.url())?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Makes its file longer by so many commands, all for one key that goes away by itself.
    pub(crate) async fn lengthen_file(&self, commands: usize) -> RedisResult<()> {
        let mut redis = self.connect().await?;
        let mut pipeline = redis::pipe();
        for number in 0..commands {
            pipeline.cmd("SETEX").arg("filler").arg(600).arg(number).ignore();
        }
        pipeline.query_async(&mut redis).await
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(&self) -> Result<(), Trouble> {
        self.child.lock().await.kill().await?;
        Ok(())
    }

    /// Starts it again on what it had written; `more` are settings of this start alone.
    pub(crate) async fn start_again(&self, more: &[&str]) -> Result<(), Trouble> {
        let more = more.iter().map(|word| (*word).to_owned());
        let settings: Vec<String> = self.settings.iter().cloned().chain(more).collect();
        let child = launch(self.program, self.port, &self.directory, &settings)?;
        *self.child.lock().await = child;
        Ok(())
    }

    /// Halts it (SIGSTOP): connections stay open, and nothing is answered.
    pub(crate) async fn halt(&self) -> Result<(), Trouble> {
        signal("STOP", self.child.lock().await.id()).await
    }

    /// Lets it go on.
    pub(crate) async fn go_on(&self) -> Result<(), Trouble> {
        signal("CONT", self.child.lock().await.id()).await
    }
}

fn launch(
    program: &str,
    port: u16,
    directory: &Path,
    settings: &[String],
) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--logfile", "redis.log", "--dir"])
        .arg(directory)
        .args(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // The terminal's Ctrl-C is for this program, which then ends its children.
    #[cfg(unix)]
    command.process_group(0);
    command.kill_on_drop(true).spawn()
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
