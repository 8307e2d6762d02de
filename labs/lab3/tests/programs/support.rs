//! A program under observation, and the brokers that it talks to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longer than anything here takes; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running program; it is killed when the test ends.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    /// Starts it with its output piped, and nobody to ask.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// The first line from now on that contains `text`.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("{text:?} was never said; this was:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// What it has printed so far.
    pub(crate) fn said(&self) -> String {
        self.seen.join("\n")
    }

    /// Until a form listens.
    pub(crate) fn listens_on(&self, port: u16) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens on {port}");
            std::thread::yield_now();
        }
    }

    /// Waits for its end; all that it printed.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.seen.extend(self.lines.iter());
        (status, self.seen.join("\n"))
    }

    #[allow(dead_code, reason = "for the tests under pressure")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends it a signal, such as TERM.
    pub(crate) fn signal(&self, name: &str) {
        let (name, id) = (format!("-{name}"), self.child.id().to_string());
        let sent = Command::new("kill").args([name, id]).status();
        assert!(sent.unwrap().success());
    }

    /// Until the program has heard the first one, a second may count as the same.
    pub(crate) fn interrupt_again(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            self.interrupt();
            std::thread::yield_now();
        }
    }

    /// SIGKILL, or what the system has in its place.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that a student would type, without colours and without questions.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_remove("REDIS_URL").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// A broker that step 5 runs, on a port of its own.
pub(crate) struct Step5 {
    pub(crate) program: Program,
    pub(crate) url: String,
}

impl Step5 {
    pub(crate) fn start(kind: &str) -> Self {
        Self::start_at(free_port(), kind)
    }

    pub(crate) fn start_at(port: u16, kind: &str) -> Self {
        let mut command = command(env!("CARGO_BIN_EXE_step5_broker"));
        let mut program = Program::start(command.args([kind, "--port", &port.to_string()]));
        program.until("step6_worker");
        Self { program, url: format!("redis://127.0.0.1:{port}/0") }
    }

    /// A program that is killed can't stop the redis-server that it started.
    fn stop_server(&self) {
        if let Ok(client) = redis::Client::open(self.url.as_str())
            && let Ok(mut redis) = client.get_connection_with_timeout(PATIENCE)
        {
            // It answers by closing the connection.
            let _ = redis::cmd("SHUTDOWN").arg("NOSAVE").query::<()>(&mut redis);
        }
    }

    pub(crate) fn redis(&self) -> redis::Connection {
        redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap()
    }
}

impl Drop for Step5 {
    fn drop(&mut self) {
        self.stop_server();
    }
}

/// Runs `scenario` on the built-in broker, and on a redis-server where there is one.
pub(crate) fn on_each_broker(test: &str, scenario: impl Fn(Step5)) {
    scenario(Step5::start("--builtin"));
    if lab3::broker::installed().is_some() {
        scenario(Step5::start("--redis-server"));
    } else {
        did_not_run(test, "redis-server");
    }
}

/// Says so past libtest's capture; in CI, where everything is installed, it is a failure.
pub(crate) fn did_not_run(test: &str, needs: &str) {
    let line = format!("did not run: {test} needs {needs} on the PATH\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(std::env::var_os("CI").is_none(), "{line}");
}

/// The lab's own commands without the `--broker` that they need on a port of a test's own.
#[allow(dead_code, reason = "for the tests of the documents")]
pub(crate) fn at_the_usual_broker(output: &str, port: &str) -> String {
    let option = format!(" --broker redis://:{port}");
    let mut lines: Vec<String> = Vec::new();
    let mut why = false;
    for line in output.lines() {
        let told = line.replace(&format!(" --{option} "), " -- ");
        let told = told.replace(&format!(" --{option}"), "");
        match lines.last_mut() {
            // What made the line too wide is gone: what was put on a line of its own comes back.
            Some(last) if why || (told != line && line.starts_with("    cargo")) => {
                let gap = if why { "   " } else { " " };
                *last = format!("{last}{gap}{}", told.trim());
                why = false;
            }
            _ => {
                why = told != line && told.starts_with("  next:") && !told.contains("   ");
                lines.push(told);
            }
        }
    }
    lines.join("\n")
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Status and page of one request, written by hand.
pub(crate) fn http(port: u16, request: &str) -> (u16, String) {
    http_at(SocketAddr::from(([127, 0, 0, 1], port)), request)
}

/// The same at one of the addresses.
pub(crate) fn http_at(address: SocketAddr, request: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no HTTP: {answer:?}")), answer)
}

pub(crate) fn get(port: u16, path: &str) -> (u16, String) {
    http(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"),
    )
}

pub(crate) fn post(port: u16, form: &str) -> (u16, String) {
    let (kind, length) = ("application/x-www-form-urlencoded", form.len());
    http(
        port,
        &format!(
            "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{form}"
        ),
    )
}

pub(crate) const FEEDBACK: &str = "email=a%40example.com&message=hi";

/// The task that a redirect leads to.
pub(crate) fn task_id(answer: &str) -> String {
    let location = answer.lines().find(|line| line.to_lowercase().starts_with("location:"));
    let (_, id) = location.unwrap().split_once("task=").expect("the redirect names a task");
    id.trim().split('&').next().unwrap().to_owned()
}

/// A file of this test's own, removed before and after.
pub(crate) struct TempFile(pub(crate) PathBuf);

impl TempFile {
    pub(crate) fn new(name: &str) -> Self {
        let file = std::env::temp_dir().join(format!("lab3-{name}-{}", free_port()));
        let _ = std::fs::remove_file(&file);
        Self(file)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
