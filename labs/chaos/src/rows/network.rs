//! Rows in which the network between worker or sender and Redis misbehaves.

use std::time::Duration;

use redis::Script;

use crate::audit::Expected;
use crate::load::Load;
use crate::proxy::Proxy;
use crate::report::{Report, thousands};
use crate::stage::{Bench, Stage};
use crate::trouble::Trouble;
use crate::worker::Orders;

/// Longer than a worker waits for an answer.
const STALL: Duration = Duration::from_secs(6);

/// The scripts whose answers are swallowed.
const SCRIPTS: [&str; 4] = [
    include_str!("../../../taskqueue/src/broker/fetch.lua"),
    include_str!("../../../taskqueue/src/broker/settle.lua"),
    include_str!("../../../taskqueue/src/broker/retry.lua"),
    include_str!("../../../taskqueue/src/broker/publish.lua"),
];

/// A stage whose worker speaks with Redis through a proxy.
async fn behind_a_proxy(bench: &Bench) -> Result<(Stage, Proxy), Trouble> {
    let mut stage = bench.stage(Orders::default()).await?;
    let proxy = Proxy::before(&stage.redis.url(), bench.seed).await?;
    stage.crew.work_at(&proxy.url);
    Ok((stage, proxy))
}

pub(crate) async fn resets(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, resets) = bench.scale((10_000, 200), (600, 40));
    let (mut stage, proxy) = behind_a_proxy(bench).await?;
    let sending = Load::of(tasks).send(&proxy.url, "task", &stage.ledger)?;
    stage.crew.hire_and_wait().await?;
    for moment in stage.moments(resets, tasks) {
        stage.until_done(moment).await?;
        proxy.reset();
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{} resets", proxy.mischief().done));
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn delays(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, stalls) = bench.scale((10_000, 5), (400, 1));
    let (mut stage, proxy) = behind_a_proxy(bench).await?;
    stage.crew.orders.slots = 32;
    proxy.mischief().delay = Duration::from_millis(20);
    // The sender's answers are not stalled: it gives up after a second, and then nobody could tell.
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire_and_wait().await?;
    for moment in stage.moments(stalls, tasks) {
        stage.until_done(moment).await?;
        proxy.mischief().stalls = (1, STALL);
        let mut progress = stage.ledger.progress();
        while proxy.mischief().stalls.0 > 0 {
            progress.check("an answer to stall").await?;
        }
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("answers up to 20 ms late, {} by 6 s", proxy.mischief().done));
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn cuts(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, cuts) = bench.scale((10_000, 100), (600, 30));
    let (mut stage, proxy) = behind_a_proxy(bench).await?;
    let sending = Load::of(tasks).send(&proxy.url, "task", &stage.ledger)?;
    stage.crew.hire_and_wait().await?;
    for moment in stage.moments(cuts, tasks) {
        stage.until_done(moment).await?;
        proxy.mischief().cuts += 1;
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    let done = proxy.mischief().done;
    report.fact(format!("{done} answers cut in the middle"));
    report.must(done * 10 >= cuts * 9, format!("{cuts} answers are cut"));
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn swallowed(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, each) = bench.scale((10_000, 50), (600, 10));
    let (mut stage, proxy) = behind_a_proxy(bench).await?;
    let digests = SCRIPTS.map(|script| (Script::new(script).get_hash().to_owned(), 0));
    proxy.mischief().swallow = digests.to_vec();
    // A third of them is tried again, so that there is a retry for each swallowed answer to one.
    let load = Load { flaky_every: 3, ..Load::of(tasks) };
    let sending = load.send(&proxy.url, "task", &stage.ledger)?;
    stage.crew.hire_and_wait().await?;
    // One after the other: a sender that hears nothing for a second can't know what was taken.
    for moment in stage.moments(each, tasks) {
        stage.until_done(moment).await?;
        proxy.mischief().swallow.iter_mut().for_each(|(_, left)| *left += 1);
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    let swallowed = proxy.mischief().done;
    report.fact(format!("{swallowed} answers to fetch, settle, retry and publish swallowed"));
    // The last moment may come when no retry is left to swallow the answer to.
    let left: Vec<usize> = proxy.mischief().swallow.iter().map(|(_, left)| *left).collect();
    let most = left.iter().all(|left| left * 10 <= each);
    report.must(most, format!("{each} of each are swallowed: {left:?} are left"));
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.at_most(ghosts, "extra", 0);
    Ok(report)
}
