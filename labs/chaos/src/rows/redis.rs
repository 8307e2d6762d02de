//! Rows in which Redis is killed, halted, full, read-only or busy reading its file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskqueue::Broker;
use tokio::time::sleep;

use crate::audit::Expected;
use crate::load::{Load, Sent, work};
use crate::report::{Report, thousands};
use crate::stage::{Bench, Stage, seconds};
use crate::trouble::Trouble;
use crate::worker::Orders;

/// Commands in the file of a Redis that shall be busy reading it.
const FILLER: usize = 20_000;

pub(crate) async fn killed(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, kills) = bench.scale((10_000, 10), (600, 3));
    let mut stage = bench.durable_stage(Orders::default()).await?;
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire()?;
    let mut longest = Duration::ZERO;
    for moment in stage.moments(kills, tasks) {
        stage.until_done(moment).await?;
        stage.redis.kill().await?;
        stage.redis.start_again(&[]).await?;
        stage.redis.answers().await?;
        longest = longest.max(until_work_goes_on(&stage).await?);
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{kills} × Redis killed"));
    // The last one is left at work, so all that were hired are: none has exited.
    let exits = stage.crew.fallen()?;
    report.at_most(exits, "exits of the worker", 0);
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    // Redis may have died between writing and answering, and stayed away for longer than a caller waits.
    if ghosts > 0 {
        report.fact(format!("{ghosts} run though the answer was lost"));
    }
    // That it is at work again was waited for; how soon, the short form does not judge.
    let limit = bench.scale(Some(Duration::from_secs(2)), None);
    report.within(longest, "at work again after", limit);
    Ok(report)
}

/// How long it takes from now until a task starts.
async fn until_work_goes_on(stage: &Stage) -> Result<Duration, Trouble> {
    let (began, started) = (Instant::now(), stage.ledger.facts(|facts| facts.started)?);
    stage.ledger.until("work to go on", |facts| facts.started > started).await?;
    Ok(began.elapsed())
}

pub(crate) async fn halted(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, halts, callers) = bench.scale((10_000, 5, 100), (400, 1, 20));
    let mut stage = bench.stage(Orders::default()).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    let mut all = Sent::default();
    stage.crew.hire_and_wait().await?;
    let part = tasks / halts;
    for halt in 0..halts {
        // The sender is done before the halt: whether an answer that is lost in it was a yes, nobody could tell.
        let load = Load { work_ms: 4, ahead: usize::MAX, ..Load::of(part) };
        let sent = load.send(&stage.redis.url(), &format!("task-{halt}"), &stage.ledger)?.await??;
        all.append(sent);
        stage.redis.halt().await?;
        all.append(refused(&broker, callers, halt).await);
        // Longer than the callers waited, so that what they wrote would be late.
        sleep(Duration::from_millis(500)).await;
        stage.redis.go_on().await?;
        stage.redis.answers().await?;
        stage.until_drained().await?;
    }
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(part * halts)));
    report.fact(format!("{halts} × Redis halted"));
    report.fact(format!("{} refused", thousands(all.refused.len())));
    report.must(all.refused.len() == halts * callers, "each caller during a halt is refused");
    let longest = all.longest_refusal();
    let ghosts = stage.reckon(&all, 0, Expected::Nothing, &mut report).await?;
    report.at_most(ghosts, "sent later", 0);
    // That each was refused while Redis was still halted was waited for. A second, and some time for
    // a machine that is busy; the short form only tells it.
    let limit = bench.scale(Some(Duration::from_millis(1500)), None);
    report.within(longest, "refused after", limit);
    Ok(report)
}

/// So many callers at the same moment.
async fn refused(broker: &Arc<Broker>, callers: usize, halt: usize) -> Sent {
    let mut calls = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let broker = Arc::clone(broker);
        calls.spawn(async move {
            let mut sent = Sent::default();
            sent.send(&broker, work(1), &format!("during-{halt}-{caller}")).await;
            sent
        });
    }
    let mut all = Sent::default();
    while let Some(sent) = calls.join_next().await {
        all.append(sent.unwrap_or_default());
    }
    all
}

pub(crate) async fn connections(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, kills) = bench.scale((10_000, 50), (600, 15));
    let mut stage = bench.stage(Orders::default()).await?;
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire_and_wait().await?;
    for moment in stage.moments(kills, tasks) {
        stage.until_done(moment).await?;
        let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
        stage.redis.ask::<i64>(&kill).await?;
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{kills} × all connections killed"));
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn full(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, attempts) = bench.scale((10_000, 100), (400, 20));
    let lease_ms = 2000;
    let mut stage = bench.stage(Orders { lease_ms, ..Orders::default() }).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    let load = Load { ahead: usize::MAX, ..Load::of(tasks) };
    let mut all = stage.send(load)?.await??;
    // Some of them take longer than a lease, which has to be renewed in a Redis that is full.
    for number in 0..4 {
        all.send(&broker, work(3 * lease_ms), &format!("long-{number}")).await;
    }
    stage.redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await?;
    stage.crew.hire()?;
    stage.crew.orders.early = true;
    stage.crew.hire()?;
    let mut clearly = 0;
    for attempt in 0..attempts {
        all.send(&broker, work(1), &format!("full-{attempt}")).await;
        clearly += all
            .refused
            .last()
            .map_or(0, |refused| usize::from(refused.error.contains("maxmemory is reached")));
    }
    stage.until_drained().await?;
    stage.redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await?;
    for number in 0..10 {
        all.send(&broker, work(1), &format!("later-{number}")).await;
    }
    // A retry that found no room is still in the hands of the worker that acknowledged it early.
    stage.until_done(all.accepted.len()).await?;
    let mut report = Report::default();
    report.fact(format!("{} tasks drained from a full Redis", thousands(tasks + 4)));
    report.fact(format!("{} refused", thousands(all.refused.len())));
    report.must(clearly == attempts, format!("each refusal says why: {clearly} of {attempts}"));
    let ghosts = stage.reckon(&all, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn read_only(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, times) = bench.scale((10_000, 5), (400, 1));
    let mut stage = bench.stage(Orders::default()).await?;
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire_and_wait().await?;
    for moment in stage.moments(times, tasks) {
        stage.until_done(moment).await?;
        let outages = stage.ledger.facts(|facts| facts.outages.len())?;
        stage.redis.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await?;
        let told = "the worker to say that Redis is read-only";
        stage.ledger.until(told, |facts| facts.outages.len() > outages).await?;
        sleep(Duration::from_secs(2)).await;
        stage.redis.ask::<()>(&["REPLICAOF", "NO", "ONE"]).await?;
        until_work_goes_on(&stage).await?;
    }
    let sent = sending.await??;
    let why = stage.ledger.facts(|facts| facts.outages.join("; "))?;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{times} × read-only"));
    report.must(why.contains("READONLY"), format!("the worker names the cause: {why:?}"));
    report.at_most(stage.crew.fallen()?, "exits of the worker", 0);
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn loading(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, times) = bench.scale((10_000, 3), (400, 1));
    let mut stage = bench.durable_stage(Orders::default()).await?;
    stage.redis.lengthen_file(FILLER).await?;
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire_and_wait().await?;
    let (mut longest, mut seen) = (Duration::ZERO, true);
    for moment in stage.moments(times, tasks) {
        stage.until_done(moment).await?;
        stage.redis.kill().await?;
        // So many microseconds for each command of its file: it is busy with that for some seconds,
        // and after every 1,024 of them it looks up and answers.
        let delay = (2_500_000 / (FILLER + 25 * moment)).max(1);
        stage.redis.start_again(&["--key-load-delay", &delay.to_string()]).await?;
        let began = Instant::now();
        seen &= stage.redis.answers().await? > 0;
        longest = longest.max(began.elapsed());
        until_work_goes_on(&stage).await?;
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{times} × loading, {} at most", seconds(longest)));
    report.must(seen, "Redis answers LOADING each time");
    report.at_most(stage.crew.fallen()?, "exits of the worker", 0);
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    if ghosts > 0 {
        report.fact(format!("{ghosts} run though the answer was lost"));
    }
    Ok(report)
}
