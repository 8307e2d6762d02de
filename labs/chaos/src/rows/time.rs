//! Rows about time: ETAs, long tasks, what waiting costs in memory, and a clock that is wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use taskqueue::{Broker, Signature, keys};

use crate::audit::Expected;
use crate::ledger::unix_millis;
use crate::load::{Load, Sent, work};
use crate::report::{Report, thousands};
use crate::stage::{Bench, Stage};
use crate::trouble::Trouble;
use crate::worker::{FLAKY, Orders};

/// How far ahead a worker's clock is.
const AHEAD: u64 = 4000;
/// How much a worker's memory may grow.
const GROWTH: u64 = 8 * 1024 * 1024;
const MIB: f64 = 1024.0 * 1024.0;

pub(crate) async fn eta(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, eta, lease) = bench.scale((20, 30, 5), (20, 5, 2));
    let stage = impatient_stage(bench, lease).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    let (mut sent, due) = (Sent::default(), unix_millis() + eta * 1000);
    for number in 0..tasks {
        let later = work(10).countdown(Duration::from_secs(eta));
        sent.send(&broker, later, &format!("eta-{number}")).await;
    }
    let mut report = Report::default();
    report.fact(format!("{tasks} tasks with an ETA of {eta} s, leases and timeouts of {lease} s"));
    stage.until_drained().await?;
    report.at_most(early(&stage, due)?, "early", 0);
    stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    Ok(report)
}

pub(crate) async fn long(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, takes, lease) = bench.scale((8, 20, 5), (8, 5, 2));
    let stage = impatient_stage(bench, lease).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    let mut sent = Sent::default();
    for number in 0..tasks {
        sent.send(&broker, work(takes * 1000), &format!("long-{number}")).await;
    }
    let mut report = Report::default();
    report.fact(format!("{tasks} tasks of {takes} s, leases and timeouts of {lease} s"));
    stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    Ok(report)
}

/// Two workers that are quick to take what another one holds.
async fn impatient_stage(bench: &Bench, lease: u64) -> Result<Stage, Trouble> {
    let (lease_ms, visibility_ms) = (lease * 1000, lease * 1000);
    let mut stage = bench.stage(Orders { lease_ms, visibility_ms, ..Orders::default() }).await?;
    stage.crew.hire_and_wait().await?;
    stage.crew.hire_and_wait().await?;
    Ok(stage)
}

/// Attempts that began before `due`.
fn early(stage: &Stage, due: u64) -> Result<usize, Trouble> {
    let early = stage
        .ledger
        .facts(|facts| facts.starts.values().flatten().filter(|started| **started < due).count())?;
    Ok(early)
}

pub(crate) async fn memory(bench: &Bench) -> Result<Report, Trouble> {
    // In the short form nothing is due before all is parked, however slow the machine is.
    let (tasks, eta) = bench.scale((20_000, 45), (2_000, 3600));
    let mut stage = bench.stage(Orders { lease_ms: 5000, ..Orders::default() }).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    stage.crew.hire_and_wait().await?;
    // What a worker needs once, it has after these.
    let warm_up = Load { work_ms: 0, ahead: usize::MAX, ..Load::of(500) };
    let mut sent = warm_up.send(&stage.redis.url(), "warm-up", &stage.ledger)?.await??;
    stage.until_drained().await?;
    let before = stage.crew.memory();
    let due = Utc::now() + Duration::from_secs(eta);
    for number in 0..tasks {
        sent.send(&broker, work(0).eta(due.fixed_offset()), &format!("eta-{number}")).await;
    }
    let mut progress = stage.ledger.progress();
    while stage.redis.ask::<usize>(&["ZCARD", keys::UNACKED_ETA]).await? < tasks && Utc::now() < due
    {
        progress.check("the tasks to be parked").await?;
    }
    let (parked, in_time) = (stage.crew.memory(), Utc::now() < due);
    let mut report = Report::default();
    report.fact(format!("{} tasks with an ETA", thousands(tasks)));
    report.must(in_time, "all are parked before they are due");
    grown(&mut report, before, parked);
    let early_ones = |stage: &Stage| {
        let due = u64::try_from(due.timestamp_millis()).unwrap_or_default();
        stage.ledger.facts(|facts| {
            let etas = facts.starts.iter().filter(|((id, _), _)| id.starts_with("eta-"));
            etas.flat_map(|(_, starts)| starts).filter(|started| **started < due).count()
        })
    };
    if bench.quick {
        let parked = forget_parked(&stage).await?;
        report.must(parked == tasks, format!("all wait in Redis: {parked} of {tasks} do"));
        sent.accepted.retain(|id| !id.starts_with("eta-"));
    }
    stage.until_drained().await?;
    report.at_most(early_ones(&stage)?, "early", 0);
    stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    Ok(report)
}

/// Takes away what waits for an ETA that nobody waits for; how many had all that belongs to them.
async fn forget_parked(stage: &Stage) -> Result<usize, Trouble> {
    let held: [usize; 3] = [
        stage.redis.ask(&["ZCARD", keys::UNACKED_ETA]).await?,
        stage.redis.ask(&["ZCARD", keys::UNACKED_INDEX]).await?,
        stage.redis.ask(&["HLEN", keys::UNACKED]).await?,
    ];
    let keys = ["DEL", keys::UNACKED_ETA, keys::UNACKED_INDEX, keys::UNACKED];
    stage.redis.ask::<i64>(&keys).await?;
    Ok(held.into_iter().min().unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn grown(report: &mut Report, before: Option<u64>, after: Option<u64>) {
    let (Some(before), Some(after)) = (before, after) else {
        return report.fact("memory not measured here");
    };
    let grown = after.saturating_sub(before);
    report.fact(format!("memory +{:.1} MiB (limit 8 MiB)", grown as f64 / MIB));
    report.must(grown < GROWTH, "the worker's memory grows by less than 8 MiB");
}

/// What makes a process' clock wrong, where the system has it.
pub(crate) fn clock_ahead() -> Option<Vec<(&'static str, String)>> {
    let libraries = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let below = |folder: &PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let folders = libraries.iter().flat_map(below).chain(libraries.clone());
    let library = folders
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())?;
    Some(vec![
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("FAKETIME", format!("+{AHEAD}s")),
        // Only the time of day is wrong; how long something takes is not.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ])
}

pub(crate) async fn clock(
    bench: &Bench,
    environment: Vec<(&'static str, String)>,
) -> Result<Report, Trouble> {
    let (tasks, countdown) = bench.scale((200, 10), (50, 3));
    let orders = Orders { lease_ms: 2000, visibility_ms: 2000, ..Orders::default() };
    let mut stage = bench.stage(orders).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    stage.crew.hire_and_wait().await?;
    stage.crew.environment = environment;
    stage.crew.hire_and_wait().await?;
    let (mut sent, began) = (Sent::default(), unix_millis());
    for number in 0..tasks {
        let again = Signature::new(FLAKY).arg(50).arg(countdown * 1000);
        sent.send(&broker, again, &format!("again-{number}")).await;
        let later = work(50).countdown(Duration::from_secs(countdown));
        sent.send(&broker, later, &format!("eta-{number}")).await;
    }
    stage.until_drained().await?;
    let (by_both, due) = (AHEAD * 1000, began + countdown * 1000);
    // By a clock that is right: one that is ahead says 4,000 s more.
    let counted = stage.ledger.facts(|facts| {
        let runs = facts.starts.iter().flat_map(|((id, retries), starts)| {
            starts.iter().map(move |at| (id.starts_with("eta-") || *retries > 0, *at))
        });
        let ahead = |at: u64| at > began + by_both / 2;
        let runs: Vec<_> = runs.collect();
        let by_ahead = runs.iter().filter(|(_, at)| ahead(*at)).count();
        let right = |at: u64| if ahead(at) { at - by_both } else { at };
        let early = runs.iter().filter(|(waits, at)| *waits && right(*at) < due).count();
        (by_ahead, early)
    })?;
    let (by_ahead, early) = counted;
    let mut report = Report::default();
    report.fact(format!("{} tasks with an ETA or a retry in {countdown} s", 2 * tasks));
    report.fact(format!("{by_ahead} attempts by a worker 4,000 s ahead"));
    report.must(by_ahead > 0, "the worker whose clock is ahead takes part");
    report.at_most(early, "early", 0);
    stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    Ok(report)
}
