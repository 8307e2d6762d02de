//! `crash`: two workers are killed hard, once with early and once with late acknowledgement.
//!
//! Both times the same two moments: before a mail is sent, and after one is sent and before its
//! message is acknowledged. Early acknowledgement loses the first and does not notice the second;
//! late acknowledgement loses nothing, and sends the second twice.

use taskqueue::AsyncResult;

use super::bench::Bench;
use super::crew::Crew;
use super::ledger::Ledger;
use super::report::Report;
use super::worker_process::Orders;
use super::{Exit, Measured};
use crate::feedback::Feedback;
use crate::narration::Word;
use crate::smtp_server::{Behaviour, MailServer};
use crate::tasks::send_feedback_email_task;

/// How many mails each way has.
const MAILS: usize = 10;
/// Whose worker is killed before its mail is sent.
const BEFORE: usize = 3;
/// Whose worker is killed after its mail is sent.
const AFTER: usize = 7;

pub(super) async fn play(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let early = run(bench, "early", false).await?;
    let late = run(bench, "late", true).await?;
    bench.verdict(
        "crash",
        "early: accepted 10 · delivered 9 · lost 1 · twice 0",
        format!("early: {}", early.1),
    )?;
    bench.verdict(
        "crash",
        "late: accepted 10 · delivered 10 · lost 0 · twice 1",
        format!("late: {}", late.1),
    )?;
    Ok(vec![early.0, late.0])
}

async fn run(bench: &Bench, name: &str, acks_late: bool) -> Result<(Measured, Ledger), Exit> {
    let how = if acks_late { "after its task" } else { "before its task" };
    bench.narrator.heading(&format!("A message is acknowledged {how}"));
    let server = MailServer::start([Behaviour::accepts()]).await?;
    let ids: Vec<String> = (1..=MAILS).map(|number| format!("{name}-{number}")).collect();
    let [before, after] = [BEFORE, AFTER].map(|number| ids[number - 1].clone());
    queue(bench, &ids).await?;

    let (url, smtp, clock) = (bench.url.clone(), server.url(), bench.narrator.clock);
    let orders = Orders { url, smtp, clock, acks_late, idempotent: false, halt: None };
    let mut crew = Crew::new(bench, orders);
    let why = format!("before the mail of {before} was sent");
    crew.killed_at(Report::Working(before.clone()), &why).await?;
    let why = format!("after the mail of {after} was sent and before its task ended");
    crew.killed_at(Report::Sent(after), &why).await?;
    let lanes = crew.finish().await?;
    bench.narrator.chart(&lanes);

    let state = AsyncResult::new(before.clone(), &bench.queue()?).state().await?;
    let state = if state.is_ready() { state.to_string() } else { format!("{state}, for ever") };
    bench.narrator.tell(Word::Now("state"), format!("{before}, whose worker was killed: {state}"));
    bench.narrator.command(format!("GET celery-task-meta-{before}"));
    let ledger = Ledger::of(&ids, &server.letters());
    bench.narrator.tell(Word::Now("ledger"), ledger);
    let name = if acks_late { "crash, late ack" } else { "crash, early ack" };
    let row = Measured { name, attempts: lanes.len(), lost: ledger.lost, twice: ledger.twice };
    Ok((row, ledger))
}

/// Gives the mails to the queue.
pub(super) async fn queue(bench: &Bench, ids: &[String]) -> Result<(), Exit> {
    let queue = bench.queue()?;
    for id in ids {
        let feedback = Feedback::parse("ann@example.com", id)?;
        bench.send(&queue, &send_feedback_email_task(&feedback), id).await?;
    }
    bench.narrator.tell(Word::Now("queued"), format!("{} in the list celery", ids.join(" ")));
    bench.narrator.command("LLEN celery");
    Ok(())
}
