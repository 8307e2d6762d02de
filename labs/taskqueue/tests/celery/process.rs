//! A process that never outlives its test, however the test ends.
//!
//! A shell stands between: it starts the program as a process group of its own, and kills the group
//! when the pipe to this process closes. That happens when the value is dropped, when the test
//! panics, and also when the test process itself is killed or just exits, which drops nothing.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// $1 is a directory for this process alone, the rest is the program.
const GUARD: &str = r#"
set -m
scratch=$1; shift
"$@" >"$scratch/log" 2>&1 </dev/null &
child=$!
echo $child
cat >/dev/null
kill -KILL -- -$child 2>/dev/null
wait $child 2>/dev/null
rm -rf "$scratch"
"#;

pub(crate) struct Process {
    guard: Child,
    pipe: Option<ChildStdin>,
    pid: String,
    scratch: PathBuf,
}

impl Process {
    /// Starts what `command` says; what it prints is its log.
    pub(crate) fn start(command: &Command) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("celery-test-{}-{number}", std::process::id());
        let scratch = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&scratch).unwrap();
        let mut guarded = Command::new("bash");
        guarded.args(["-c", GUARD, "guard"]).arg(&scratch);
        guarded.arg(command.get_program()).args(command.get_args()).env("TMPDIR", &scratch);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        // A Ctrl-C in the terminal is for the tests; this one ends with them.
        guarded.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Where the shell says "Killed".
        let mut guard = guarded.stderr(Stdio::null()).spawn().unwrap();
        let mut pid = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let pipe = guard.stdin.take();
        Self { guard, pipe, pid: pid.trim().to_owned(), scratch }
    }

    /// Everything that it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.join("log")).unwrap_or_default()
    }

    /// Waits until it has said `words`.
    pub(crate) fn until(&self, words: &str) {
        self.wait_for(words, || self.log().contains(words));
    }

    /// Waits until `reached`, which is called `what` if it never is.
    pub(crate) fn wait_for(&self, what: &str, reached: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached() {
            assert!(Instant::now() < deadline, "{what}: never; it said\n{}", self.log());
            // The process needs the processor more than whoever looks.
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether it has not ended.
    pub(crate) fn lives(&self) -> bool {
        self.signalled("0")
    }

    /// Sends a signal to the process, not to its children.
    pub(crate) fn signal(&self, name: &str) {
        assert!(self.signalled(name), "it has ended; it said\n{}", self.log());
    }

    fn signalled(&self, name: &str) -> bool {
        let mut kill = Command::new("kill");
        kill.args([&format!("-{name}"), &self.pid]).stderr(Stdio::null());
        kill.status().unwrap().success()
    }

    /// SIGKILL, for it and all its children at once.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.guard.wait();
    }
}
