//! Rows in which workers end: killed, told to stop, or brought down by a task.

use std::sync::Arc;

use taskqueue::{Broker, Signature, keys};

use crate::audit::Expected;
use crate::load::{Load, Sent, work};
use crate::report::{Report, thousands};
use crate::stage::Bench;
use crate::trouble::Trouble;
use crate::worker::{Orders, POISON};

/// As many as Celery had when it was measured.
const SLOTS: usize = 2;

pub(crate) async fn sigkill(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, kills) = bench.scale((10_000, 20), (600, 6));
    let orders = Orders { slots: SLOTS, lease_ms: 1000, ..Orders::default() };
    let mut stage = bench.stage(orders).await?;
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire()?;
    for moment in stage.moments(kills, tasks) {
        stage.until_done(moment).await?;
        stage.crew.kill().await?;
        stage.crew.hire()?;
    }
    let sent = sending.await??;
    stage.until_drained().await?;
    let sent_back = stage.send_back().await?;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{kills} kills"));
    if sent_back > 0 {
        report.fact(format!("{sent_back} put aside and sent back"));
    }
    let ghosts = stage.reckon(&sent, kills * SLOTS, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn sigterm(bench: &Bench) -> Result<Report, Trouble> {
    let (tasks, stops) = bench.scale((10_000, 20), (600, 6));
    let mut stage = bench.stage(Orders { slots: SLOTS, ..Orders::default() }).await?;
    let sending = stage.send(Load::of(tasks))?;
    stage.crew.hire()?;
    for moment in stage.moments(stops, tasks) {
        stage.until_done(moment).await?;
        stage.crew.hire()?;
        stage.crew.tell_to_stop().await?;
    }
    let sent = sending.await??;
    let mut report = Report::default();
    report.fact(format!("{} tasks", thousands(tasks)));
    report.fact(format!("{stops} SIGTERMs"));
    let ghosts = stage.reckon(&sent, 0, Expected::Nothing, &mut report).await?;
    report.must(ghosts == 0, "what was refused is not run");
    Ok(report)
}

pub(crate) async fn poison(bench: &Bench) -> Result<Report, Trouble> {
    let (neighbours, poisons) = bench.scale((200, 40), (100, 3));
    let orders = Orders { slots: 4, lease_ms: 1000, ..Orders::default() };
    let mut stage = bench.stage(orders).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    let (mut sent, mut poison) = (Sent::default(), Sent::default());
    for number in 0..neighbours {
        if number % (neighbours / poisons) == 0 && number / (neighbours / poisons) < poisons {
            let deadly = Signature::new(POISON).arg(0).arg(0);
            poison.send(&broker, deadly, &format!("poison-{number}")).await;
        }
        sent.send(&broker, work(20), &format!("task-{number}")).await;
    }
    let mut deaths = 0;
    let mut progress = stage.ledger.progress();
    while stage.redis.ask::<u64>(&["EXISTS", keys::DEFAULT_QUEUE, keys::UNACKED]).await? > 0 {
        deaths += stage.crew.fallen()?;
        if stage.crew.is_empty() {
            stage.crew.hire()?;
        }
        progress.check("the poison to be put aside").await?;
    }
    let aside = stage.ledger.facts(|facts| facts.aside.join("; "))?;
    let mut report = Report::default();
    report.fact(format!("{neighbours} tasks and {poisons} poisonous ones, which are put aside"));
    report.at_most(deaths, "workers brought down", 3 * poisons);
    report.must(aside.contains("handed out 3 times"), format!("its reason is told: {aside:?}"));
    let limit = poisons * (3 * (stage.crew.orders.slots - 1) + 1);
    stage.reckon(&sent, limit, Expected::Aside(poisons as u64), &mut report).await?;
    Ok(report)
}
