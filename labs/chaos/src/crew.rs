//! The worker processes of a row: hired, killed, told to stop, each by its pid.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::ledger::Ledger;
use crate::signal::signal;
use crate::trouble::Trouble;
use crate::worker::{DIARY, Orders};

/// How long a worker may take to finish what it runs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Crew {
    url: String,
    ledger: Ledger,
    pub(crate) orders: Orders,
    /// What the environment of the next ones has besides ours.
    pub(crate) environment: Vec<(&'static str, String)>,
    log: PathBuf,
    at_work: Vec<Worker>,
    /// Those that were told to stop.
    leaving: Vec<Worker>,
}

/// One of them; it ends with this value, if not before.
struct Worker {
    child: Child,
    /// While this is open it works.
    _stdin: Option<ChildStdin>,
}

impl Crew {
    pub(crate) fn new(url: String, ledger: Ledger, orders: Orders) -> Self {
        let log = ledger.path().with_file_name(DIARY);
        let (at_work, leaving, environment) = (Vec::new(), Vec::new(), Vec::new());
        Self { url, ledger, orders, environment, log, at_work, leaving }
    }

    /// From now on, workers find Redis at `url`.
    pub(crate) fn work_at(&mut self, url: &str) {
        url.clone_into(&mut self.url);
    }

    /// Starts one.
    pub(crate) fn hire(&mut self) -> Result<(), Trouble> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let ledger = self.ledger.path().to_string_lossy().into_owned();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(self.orders.arguments(&self.url, &ledger))
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.kill_on_drop(true).spawn()?;
        // Taken out of the child, because waiting for its end closes what is in it.
        let stdin = child.stdin.take();
        self.at_work.push(Worker { child, _stdin: stdin });
        Ok(())
    }

    /// Starts one and waits until it takes messages.
    pub(crate) async fn hire_and_wait(&mut self) -> Result<(), Trouble> {
        let online = self.ledger.facts(|facts| facts.online)?;
        self.hire()?;
        self.ledger.until("a worker to come online", |facts| facts.online > online).await
    }

    /// Kills the first one (SIGKILL) in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) -> Result<(), Trouble> {
        if !self.at_work.is_empty() {
            self.at_work.remove(0).child.kill().await?;
        }
        Ok(())
    }

    /// Tells the first one to stop (SIGTERM), and does not wait for it.
    pub(crate) async fn tell_to_stop(&mut self) -> Result<(), Trouble> {
        if !self.at_work.is_empty() {
            let worker = self.at_work.remove(0);
            signal("TERM", worker.child.id()).await?;
            self.leaving.push(worker);
        }
        Ok(())
    }

    /// Whether nobody is at work.
    pub(crate) fn is_empty(&self) -> bool {
        self.at_work.is_empty()
    }

    /// Those that have ended by themselves, which leave the crew.
    pub(crate) fn fallen(&mut self) -> Result<usize, Trouble> {
        let before = self.at_work.len();
        let mut standing = Vec::new();
        for mut worker in std::mem::take(&mut self.at_work) {
            if worker.child.try_wait()?.is_none() {
                standing.push(worker);
            }
        }
        self.at_work = standing;
        Ok(before - self.at_work.len())
    }

    /// Resident memory of the first one, in bytes; none where the system does not tell.
    pub(crate) fn memory(&self) -> Option<u64> {
        let id = self.at_work.first()?.child.id()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }

    /// All stop warmly; how many did not end well.
    pub(crate) async fn leave(&mut self) -> Result<usize, Trouble> {
        let mut unwell = self.fallen()?;
        while !self.at_work.is_empty() {
            self.tell_to_stop().await?;
        }
        for mut worker in std::mem::take(&mut self.leaving) {
            let ended = timeout(PATIENCE, worker.child.wait()).await;
            let well = matches!(ended, Ok(Ok(status)) if ExitStatus::success(&status));
            unwell += usize::from(!well);
        }
        Ok(unwell)
    }
}
