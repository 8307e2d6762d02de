//! What all tests share: one redis-server, a Python client, and two real Celery workers.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::Process;
use crate::support::lab::PATIENCE;
use crate::support::{did_not_run, free_port};

/// How many databases there are; the first two are the shared Celery workers'.
const DATABASES: usize = 256;

/// Where these tests' Python is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/celery")
}

/// Celery's programs: `CELERY_VENV`, or where `scripts/celery.sh install` puts them.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/celery");
    let venv = std::env::var_os("CELERY_VENV").map_or(usual, PathBuf::from);
    venv.join("bin").join(program).canonicalize().ok().map(|_| venv.join("bin").join(program))
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The shared redis-server and Python.
struct Stage {
    redis: u16,
    python: u16,
    databases: AtomicUsize,
    workers: [OnceLock<Process>; 2],
    /// That redis-server, and that Python.
    processes: [Process; 2],
}

impl Stage {
    fn start() -> Option<Self> {
        let python = installed("python")?;
        let redis = which("redis-server")?;
        let ports = [free_port(), free_port()];
        let [redis_port, python_port] = ports.map(|port| port.to_string());
        let mut redis = Command::new(redis);
        redis.args(["--port", &redis_port, "--bind", "127.0.0.1", "--save", ""]);
        let redis = Process::start(redis.args(["--databases", &DATABASES.to_string()]));
        let mut python = Command::new(python);
        let python = python.args(["-B", "client.py", &python_port]).current_dir(folder());
        let python = Process::start(python);
        redis.wait_for("it listens", || listens(ports[0]));
        python.wait_for("it listens", || listens(ports[1]));
        Some(Self {
            redis: ports[0],
            python: ports[1],
            databases: AtomicUsize::new(2),
            workers: Default::default(),
            processes: [redis, python],
        })
    }

    fn url(&self, database: usize) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.redis)
    }
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// What these tests need and may not find.
fn shared() -> Option<&'static Stage> {
    static STAGE: OnceLock<Option<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(Stage::start).as_ref();
    if stage.is_none() {
        let thread = std::thread::current();
        let needs = "Celery (scripts/celery.sh install), and redis-server";
        did_not_run(thread.name().unwrap_or_default(), needs);
    }
    stage
}

/// A pool of Celery's.
#[derive(Clone, Copy)]
pub(crate) enum Pool {
    Prefork,
    Threads,
}

impl Pool {
    pub(crate) const BOTH: [Self; 2] = [Self::Prefork, Self::Threads];

    fn name(self) -> &'static str {
        match self {
            Self::Prefork => "prefork",
            Self::Threads => "threads",
        }
    }
}

/// One test's place: a database, and a Python that sends to it.
pub(crate) struct Place {
    pub(crate) url: String,
    python: BufReader<TcpStream>,
}

impl Place {
    /// A database that nobody else uses. None where there is no Celery.
    pub(crate) fn alone() -> Option<Self> {
        let stage = shared()?;
        let database = stage.databases.fetch_add(1, Ordering::Relaxed);
        assert!(database < DATABASES, "every test has had its database");
        Some(Self::at(stage.url(database)))
    }

    /// The database of the shared Celery worker with this pool; it is ready.
    pub(crate) fn before_celery(pool: Pool) -> Option<Self> {
        let stage = shared()?;
        let url = stage.url(pool as usize);
        stage.workers[pool as usize].get_or_init(|| {
            let worker = celery_worker(&url, &["--pool", pool.name(), "--concurrency", "4"], &[]);
            worker.until(" ready.");
            worker
        });
        Some(Self::at(url))
    }

    /// The broker at `url`, whichever it is. None where there is no Celery.
    pub(crate) fn before(url: &str) -> Option<Self> {
        shared()?;
        Some(Self::at(url.to_owned()))
    }

    fn at(url: String) -> Self {
        let stage = shared().expect("it was there a moment ago");
        let mut python = TcpStream::connect(("127.0.0.1", stage.python)).unwrap();
        python.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        writeln!(python, "{}", json!({ "url": url })).unwrap();
        Self { url, python: BufReader::new(python) }
    }

    fn ask(&mut self, code: &str) -> Value {
        writeln!(self.python.get_mut(), "{}", json!({ "code": code })).unwrap();
        let mut answer = String::new();
        let read = self.python.read_line(&mut answer);
        read.unwrap_or_else(|_| panic!("Python is still at\n{code}"));
        let log = || shared().map(|stage| stage.processes[1].log()).unwrap_or_default();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("Python is gone:\n{}", log()))
    }

    /// Runs Python; the value of its last expression.
    pub(crate) fn python(&mut self, code: &str) -> Value {
        let answer = self.ask(code);
        let raised = &answer["raised"]["traceback"];
        assert!(raised.is_null(), "{code}\n{}", raised.as_str().unwrap_or_default());
        answer["value"].clone()
    }

    /// Runs Python that raises: `module.Type(arguments)`, with the arguments as JSON.
    pub(crate) fn python_raises(&mut self, code: &str) -> String {
        let answer = self.ask(code);
        let raised = &answer["raised"];
        assert!(!raised.is_null(), "{code} raises nothing: {answer}");
        let arguments: Vec<_> =
            raised["args"].as_array().unwrap().iter().map(Value::to_string).collect();
        let [module, class] = [&raised["module"], &raised["type"]].map(|it| it.as_str().unwrap());
        format!("{module}.{class}({})", arguments.join(", "))
    }

    /// Sends a command written as in redis-cli; no argument has a space.
    pub(crate) fn redis<T: redis::FromRedisValue>(&self, line: &str) -> T {
        let mut connection =
            redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.query(&mut connection).unwrap()
    }

    /// Runs Celery's command line; what it prints.
    pub(crate) fn celery(&self, arguments: &[&str]) -> String {
        let (done, said) = self.try_celery(arguments);
        assert!(done, "celery {arguments:?}\n{said}");
        said
    }

    /// Runs Celery's command line; whether it succeeds, and what it prints.
    pub(crate) fn try_celery(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = python("celery", &self.url);
        let output = command.args(["-A", "tasks"]).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Waits until none of these keys is there.
    pub(crate) fn until_gone(&self, keys: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.redis::<i64>(&format!("EXISTS {keys}")) > 0 {
            assert!(Instant::now() < deadline, "one of {keys} stays");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A Celery worker of this test's own; it is ready.
    pub(crate) fn celery_worker(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
        let worker = celery_worker(&self.url, arguments, settings);
        worker.until(" ready.");
        worker
    }
}

/// A program of Celery's, told where the broker is.
pub(crate) fn python(program: &str, url: &str) -> Command {
    let mut command = Command::new(installed(program).expect("it was there a moment ago"));
    command.current_dir(folder()).env("REDIS_URL", url).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn celery_worker(url: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
    let mut command = python("celery", url);
    // A worker looks for neighbours for a second, and for what it missed; here it has none.
    let usual = ["-A", "tasks", "worker", "--loglevel", "INFO"];
    let usual = usual.into_iter().chain(["--without-mingle", "--without-gossip"]);
    command.args(usual).args(arguments).envs(settings.iter().copied());
    Process::start(&command)
}
