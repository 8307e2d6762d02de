//! A browser that obeys: chromedriver as a child, and as much of WebDriver as the tests need.
//!
//! No client crate: fantoccini without default features brings 130 crates and 36 s of building for
//! what is a POST with a piece of JSON here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::support::{PATIENCE, did_not_run, free_port};

/// Runs the driver until our end of its input is closed, however we end: then nothing of the process
/// group is left, and no profile.
const KEEPER: &str = r#"
chromedriver --port=0 &
trap '' TERM
read -r _
kill -TERM 0
wait
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// No sandbox, because a container's root has none; a fresh profile, and no home page of Debian's.
const ARGUMENTS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost",
];

/// A running browser; it ends when the last test lets go of it.
pub(crate) struct Driver {
    keeper: Child,
    port: u16,
    session: String,
}

/// The browser of all tests that run now, started by the first of them.
pub(crate) fn shared(test: &str) -> Option<Arc<Driver>> {
    static RUNNING: Mutex<Weak<Driver>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = running.upgrade() {
        return Some(driver);
    }
    if ["chromium", "chromedriver"].iter().any(|program| which::which(program).is_err()) {
        did_not_run(test, "chromium and chromedriver");
        return None;
    }
    let driver = Arc::new(Driver::start());
    *running = Arc::downgrade(&driver);
    Some(driver)
}

impl Driver {
    fn start() -> Self {
        let profile =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", free_port()));
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&profile).process_group(0);
        let mut keeper = keeper
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = announced_port(&mut keeper);
        let mut driver = Self { keeper, port, session: String::new() };
        let session = driver.ask("POST", "/session", &capabilities(&profile));
        driver.session = session["sessionId"].as_str().unwrap().to_owned();
        driver
    }

    /// One command of the session, such as `POST /url`; fails in WebDriver's own words.
    pub(crate) fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    /// The same where an error is an answer, too.
    pub(crate) fn try_command(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, Value> {
        self.try_ask(method, &format!("/session/{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let (port, length) = (self.port, body.len());
        let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        connection.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = read_answer(connection);
        let value = answer["value"].take();
        if value.get("error").is_some() { Err(value) } else { Ok(value) }
    }
}

impl Drop for Driver {
    /// An orderly end if possible, and an end in any case.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = self.try_command("DELETE", "", &Value::Null);
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn announced_port(keeper: &mut Child) -> u16 {
    let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("started successfully")).expect("a chromedriver");
    // Whatever else it prints must go somewhere, or it would block one day.
    std::thread::spawn(move || lines.for_each(drop));
    line.trim_end_matches('.').rsplit(' ').next().unwrap().parse().unwrap()
}

fn capabilities(profile: &Path) -> Value {
    let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        // Otherwise each command would wait while a page loads, and nobody could watch step 2 wait.
        "pageLoadStrategy": "none",
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        "goog:chromeOptions": {
            "args": arguments,
            "prefs": {"session": {"restore_on_startup": 4, "startup_urls": ["about:blank"]}},
        },
    }}})
}

fn read_answer(connection: TcpStream) -> Value {
    let mut answer = BufReader::new(connection);
    let (mut line, mut length) = (String::new(), 0);
    while answer.read_line(&mut line).unwrap() > 2 {
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}
