//! The judge: a real redis-server 7.0, started for one test and killed with it.
//!
//! Without one on the PATH the test says so on the real stderr (which libtest does not capture)
//! and passes; where CI is set, it fails.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::wire::Wire;

pub(crate) struct Judge {
    pub(crate) addr: SocketAddr,
    child: Child,
    dir: PathBuf,
    /// Held, so that the server can go on writing.
    _log: BufReader<ChildStdout>,
}

impl Judge {
    /// Starts a redis-server, or says that the named test did not run.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let started = ["redis-server", "valkey-server"].iter().find_map(|name| Self::spawn(name));
        if started.is_none() {
            did_not_run(test, "redis-server 7.0");
        }
        started
    }

    fn spawn(program: &str) -> Option<Self> {
        let version = Command::new(program).arg("--version").output().ok()?;
        // Only a 7.0 answers in the words that this server has learned.
        if !String::from_utf8_lossy(&version.stdout).contains("v=7.0.") {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let dir =
            std::env::temp_dir().join(format!("pocket-redis-judge-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).ok()?;
        let mut child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .arg("--dir")
            .arg(&dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut log = BufReader::new(child.stdout.take()?);
        let mut line = String::new();
        while !line.contains("Ready to accept connections") {
            line.clear();
            assert_ne!(log.read_line(&mut line).ok()?, 0, "redis-server ended at its start");
        }
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        Some(Self { addr, child, dir, _log: log })
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.addr)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// Says that a test did not run, and why.
pub(crate) fn did_not_run(test: &str, needs: &str) {
    let line = format!("did not run: {test} needs {needs} on the PATH\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
    assert!(std::env::var_os("CI").is_none(), "{line}");
}
