//! `chaos`: breaks the queue on purpose, and counts what is lost.
//!
//! Each row of its table plays one fault against a redis-server of its own and worker processes of
//! its own, while tasks run. What really ran stands in a ledger outside the queue; from it alone
//! is counted what was lost and what ran twice. A row prints one counted line and whether it holds;
//! the exit code is 0 only if all do.
//!
//! ```text
//! scripts/chaos.sh                       the full table, some minutes
//! scripts/chaos.sh --quick               the short one, as in CI
//! scripts/chaos.sh sigkill full          these rows alone
//! scripts/chaos.sh sigkill --names       and each duplicate by its name
//! ```
//!
//! This file knows no fault: `row` names them, `rows/` play them.

mod audit;
mod crew;
mod evidence;
mod ledger;
mod load;
mod narration;
mod odd_messages;
mod proxy;
mod redis_server;
mod report;
mod row;
mod rows;
mod signal;
mod stage;
mod trouble;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use tokio::sync::Semaphore;

use evidence::evidence;
use narration::say;
use row::{Played, Row};
use stage::Bench;
use trouble::Trouble;
use worker::WorkerArguments;

/// How many rows of the short table are played at the same time: they mostly wait.
const AT_ONCE: usize = 4;

/// Breaks the queue on purpose, and counts what is lost
#[derive(Parser)]
struct Arguments {
    /// The faults to play; all of them if none is named
    rows: Vec<Row>,
    /// Fewer tasks and shorter waits
    #[arg(long)]
    quick: bool,
    /// What chance is made from: the same seed chooses the same moments
    #[arg(long, default_value = "1")]
    seed: u64,
    /// Name each task that was lost or ran twice
    #[arg(long)]
    names: bool,
    #[command(flatten)]
    worker: WorkerArguments,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Trouble> {
    let Arguments { rows, quick, seed, names, worker } = Arguments::parse();
    let early = worker.orders.early;
    if let Some(working) = worker.work() {
        working.await?;
        return Ok(ExitCode::SUCCESS);
    }
    let (directory, redis) = (std::env::temp_dir(), Arc::default());
    let bench = Bench { quick, seed, early, directory, redis };
    let rows = if rows.is_empty() { Row::value_variants().to_vec() } else { rows };
    say(format!("seed {seed}, {} rows{}", rows.len(), if quick { ", the short form" } else { "" }));
    tokio::select! {
        held = play(rows, &bench, names) => Ok(ExitCode::from(u8::from(!held))),
        () = signal::told_to_end() => {
            say("stopped; nothing is left running");
            Ok(ExitCode::from(130))
        }
    }
}

/// Plays the rows and tells how each ended, in their order; whether all hold.
async fn play(rows: Vec<Row>, bench: &Bench, names: bool) -> bool {
    let turns = Arc::new(Semaphore::new(if bench.quick { AT_ONCE } else { 1 }));
    let playing: Vec<_> = rows
        .into_iter()
        .map(|row| (row, Playing(tokio::spawn(play_one(row, bench.clone(), Arc::clone(&turns))))))
        .collect();
    let (mut held, mut failed, count, began) = (0, Vec::new(), playing.len(), Instant::now());
    for (row, mut playing) in playing {
        match told(row, (&mut playing.0).await, names) {
            Verdict::Holds => held += 1,
            Verdict::Fails => failed.push(row.name()),
            Verdict::DidNotRun => {}
        }
    }
    say(format!("{held} of {count} rows hold · {}", stage::seconds(began.elapsed())));
    if !failed.is_empty() {
        say(format!("not: {}", failed.join(", ")));
    }
    failed.is_empty()
}

/// Whoever is stopped stops its rows, and they their children.
struct Playing(tokio::task::JoinHandle<Ended>);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a row ended.
struct Ended {
    played: Result<Played, Trouble>,
    took: Duration,
    directory: PathBuf,
    /// Of one that failed: all that is needed to understand it afterwards.
    evidence: Vec<String>,
}

async fn play_one(row: Row, bench: Bench, turns: Arc<Semaphore>) -> Ended {
    let _turn = turns.acquire().await;
    let name = format!("chaos-{}-{}", std::process::id(), row.name());
    let directory = bench.directory.join(name);
    let bench = Bench { directory: directory.clone(), redis: Arc::default(), ..bench };
    let began = Instant::now();
    let played = match std::fs::create_dir_all(&bench.directory) {
        Ok(()) => row.play(&bench).await,
        Err(error) => Err(error.into()),
    };
    let took = began.elapsed();
    let evidence = match &played {
        Ok(Played::Report(report)) if !report.holds() => {
            evidence(row, &bench, &report.suspects).await
        }
        Err(_) => evidence(row, &bench, &[]).await,
        Ok(_) => Vec::new(),
    };
    Ended { played, took, directory, evidence }
}

/// Whether a row did what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    DidNotRun,
}

/// Says how a row ended; the files of one that failed are kept.
fn told(row: Row, ended: Result<Ended, tokio::task::JoinError>, names: bool) -> Verdict {
    let Ended { played, took, directory, evidence } = match ended {
        Ok(ended) => ended,
        Err(error) => {
            narration::trouble(row, &error);
            return Verdict::Fails;
        }
    };
    let verdict = match &played {
        Ok(Played::Report(report)) => {
            narration::row(row, report, took, names);
            if report.holds() { Verdict::Holds } else { Verdict::Fails }
        }
        Ok(Played::DidNotRun(why)) => {
            narration::did_not_run(row, why);
            Verdict::DidNotRun
        }
        Err(error) => {
            narration::trouble(row, error);
            Verdict::Fails
        }
    };
    evidence.iter().for_each(|line| say(format!("      {}", line.replace('\n', " "))));
    if verdict == Verdict::Fails {
        say(format!("      its files: {}", directory.display()));
    } else {
        let _ = std::fs::remove_dir_all(&directory);
    }
    verdict
}
