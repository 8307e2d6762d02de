//! Worker processes, one after the other: all but the last are killed hard.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::bench::Bench;
use super::report::Report;
use super::worker_process::Orders;
use crate::broker;
use crate::chart::Lane;
use crate::narration::Word;
use crate::settings::{Exit, REDIS_URL};

/// How often the queue is asked whether it is empty.
const LOOK: Duration = Duration::from_millis(20);

/// Windows' word for a process that a Ctrl-C does not reach.
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// The workers of one scenario, and what they were seen doing.
pub(super) struct Crew<'a> {
    bench: &'a Bench,
    orders: Orders,
    began: Instant,
    hired: u32,
    /// The task in hand, and since when.
    in_hand: Option<(String, Duration)>,
    lanes: Vec<Lane>,
}

/// One of them. It dies with this value, if not before.
struct Process {
    child: Child,
    /// While this is open it works.
    stdin: Option<ChildStdin>,
    reports: Lines<BufReader<ChildStdout>>,
}

/// A worker process ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("worker {0} ended before its time\n  next: look at what it said above, and run it again")]
struct Gone(u32);

impl<'a> Crew<'a> {
    pub(super) fn new(bench: &'a Bench, orders: Orders) -> Self {
        let (began, lanes) = (Instant::now(), Vec::new());
        Self { bench, orders, began, hired: 0, in_hand: None, lanes }
    }

    /// A worker works until `moment`, and is killed in it.
    pub(super) async fn killed_at(&mut self, moment: Report, why: &str) -> Result<(), Exit> {
        let mut process = self.hire(Some(moment.clone()))?;
        loop {
            let line = process.reports.next_line().await?.ok_or(Gone(self.hired))?;
            if self.told(&line) == Some(moment.clone()) {
                break;
            }
        }
        tokio::time::sleep(self.bench.real(0.2)).await;
        process.child.kill().await?;
        self.end("killed");
        let number = self.hired;
        let narrator = &self.bench.narrator;
        narrator.tell(Word::Bad("killed"), format!("worker {number}, {why}"));
        narrator.command("HLEN unacked");
        Ok(())
    }

    /// The last worker works until nothing is left to do.
    pub(super) async fn finish(mut self) -> Result<Vec<Lane>, Exit> {
        let mut process = self.hire(None)?;
        let mut redis = broker::connect(&self.bench.url).await?;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                line = process.reports.next_line() => match line? {
                    Some(line) => drop(self.told(&line)),
                    None => break,
                },
                _ = look.tick(), if process.stdin.is_some() => {
                    let mut left = redis::pipe();
                    left.atomic().llen("celery").hlen("unacked");
                    if left.query_async::<(u64, u64)>(&mut redis).await? == (0, 0) {
                        process.stdin = None;
                    }
                }
            }
        }
        process.child.wait().await?;
        self.bench.narrator.command("LLEN celery");
        Ok(self.lanes)
    }

    fn hire(&mut self, halt: Option<Report>) -> Result<Process, Exit> {
        self.hired += 1;
        let orders = Orders { halt, ..self.orders.clone() };
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(orders.arguments())
            .env(REDIS_URL, orders.url.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // The terminal's Ctrl-C is for us; what becomes of the workers is our affair.
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(windows)]
        command.creation_flags(CREATE_NEW_PROCESS_GROUP);
        let mut child = command.kill_on_drop(true).spawn()?;
        let stdin = child.stdin.take();
        let reports = child.stdout.take().ok_or(Gone(self.hired))?;
        Ok(Process { child, stdin, reports: BufReader::new(reports).lines() })
    }

    /// Tells what a worker reported, and keeps it for the timeline.
    fn told(&mut self, line: &str) -> Option<Report> {
        let report: Report = line.parse().ok()?;
        let (worker, id) = (format!("worker {}", self.hired), report.id());
        let (word, sentence) = match &report {
            Report::Ready => (Word::Good("ready"), format!("{worker}, a process of its own")),
            Report::Restored(_) => {
                (Word::Wait("restored"), format!("{id}: its worker gives no sign of life"))
            }
            Report::Working(_) => (Word::Now("started"), format!("{id} at {worker}")),
            Report::Sent(_) => (Word::Good("sent"), format!("the mail of {id}")),
            Report::Skipped(_) => (Word::Good("skipped"), format!("{id}: seen before: skipped")),
            Report::Done(_) => (Word::Good("done"), format!("{id} at {worker}")),
            Report::Failed(_) => (Word::Bad("failed"), format!("{id} at {worker}")),
        };
        self.bench.narrator.tell(word, sentence);
        match &report {
            Report::Working(id) => self.in_hand = Some((id.clone(), self.began.elapsed())),
            Report::Skipped(_) => self.end("skipped"),
            Report::Done(_) => self.end("done"),
            Report::Failed(_) => self.end("failed"),
            Report::Ready | Report::Restored(_) | Report::Sent(_) => {}
        }
        Some(report)
    }

    /// The attempt in hand has ended like this.
    fn end(&mut self, how: &str) {
        let Some((id, from)) = self.in_hand.take() else { return };
        let clock = self.bench.narrator.clock;
        let name = format!("{id:<9}worker {} {how}", self.hired);
        self.lanes.push(Lane { name, from: clock.lab(from), to: clock.lab(self.began.elapsed()) });
    }
}
