#![allow(dead_code, reason = "each test binary uses a part")]
//! Brokers for tests: the built-in one always, a real redis-server where the machine has one.

pub(crate) mod lab;
pub(crate) mod proxy;
pub(crate) mod scripted;
pub(crate) mod slow_clock;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A redis-server of this test alone: own port, own directory, killed by its pid at the end.
pub(crate) struct RedisServer {
    child: Child,
    directory: PathBuf,
    pub(crate) url: String,
}

impl RedisServer {
    /// None where the machine has no redis-server.
    pub(crate) fn start() -> Option<Self> {
        Self::start_at(free_port())
    }

    /// The same on a port that is known already.
    pub(crate) fn start_at(port: u16) -> Option<Self> {
        let directory =
            std::env::temp_dir().join(format!("taskqueue-test-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let child = launch(port, &directory, &["--appendonly", "no"])?;
        Some(Self { child, directory, url: format!("redis://127.0.0.1:{port}/0") })
    }

    /// One that writes every change to its disk before it answers.
    pub(crate) fn start_durable() -> Option<Self> {
        let port = free_port();
        let directory =
            std::env::temp_dir().join(format!("taskqueue-durable-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let child = launch(port, &directory, &DURABLE)?;
        Some(Self { child, directory, url: format!("redis://127.0.0.1:{port}/0") })
    }

    /// One that is a cluster of its own.
    pub(crate) fn start_cluster() -> Option<Self> {
        let port = free_port();
        let directory =
            std::env::temp_dir().join(format!("taskqueue-cluster-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let child = launch(
            port,
            &directory,
            &["--cluster-enabled", "yes", "--cluster-port", &free_port().to_string()],
        )?;
        Some(Self { child, directory, url: format!("redis://127.0.0.1:{port}/0") })
    }

    /// Kills it in the middle of whatever it does, and starts it again on what it had written.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = launch(self.port(), &self.directory, &DURABLE).unwrap();
    }

    fn port(&self) -> u16 {
        self.url.trim_end_matches("/0").rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Sends it a signal, such as STOP.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Stops it; the port, for its successor.
    pub(crate) fn stop(self) -> u16 {
        self.port()
    }
}

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// Returns when it listens; none where the machine has no redis-server.
fn launch(port: u16, directory: &Path, options: &[&str]) -> Option<Child> {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(options)
        .arg("--dir")
        .arg(directory)
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "redis-server does not listen on {port}");
        std::thread::yield_now();
    }
    Some(child)
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs `scenario` with the URL of the built-in broker, and again with that of a redis-server.
pub(crate) fn on_each_broker(test: &str, scenario: impl AsyncFn(&str)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = pocket_redis::Server::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = server.local_addr();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
        scenario(&format!("redis://{address}/0")).await;
        drop(stop);
        serving.await.unwrap();
    });
    match RedisServer::start() {
        Some(redis) => runtime.block_on(scenario(&redis.url)),
        None => did_not_run(test, "redis-server"),
    }
}

/// Says so past libtest's capture; in CI, where everything is installed, it is a failure.
pub(crate) fn did_not_run(test: &str, needs: &str) {
    let line = format!("did not run: {test} needs {needs} on the PATH\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(std::env::var_os("CI").is_none(), "{line}");
}
