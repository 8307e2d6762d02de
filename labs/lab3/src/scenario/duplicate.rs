//! `duplicate`: a worker dies between the mail and its acknowledgement, without and with a key.
//!
//! No broker can prevent this: it can't know that the mail is out. The task can, if it notes it
//! under a key and looks there first. What remains is the moment between the mail and the note.

use super::bench::Bench;
use super::crash::queue;
use super::crew::Crew;
use super::ledger::Ledger;
use super::report::Report;
use super::worker_process::Orders;
use super::{Exit, Measured};
use crate::narration::Word;
use crate::smtp_server::{Behaviour, MailServer};

pub(super) async fn play(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let without = run(bench, "plain", false).await?;
    let with = run(bench, "keyed", true).await?;
    bench.verdict(
        "duplicate",
        "no key: accepted 1 · delivered 1 · lost 0 · twice 1",
        format!("no key: {}", without.1),
    )?;
    bench.verdict(
        "duplicate",
        "key: accepted 1 · delivered 1 · lost 0 · twice 0",
        format!("key: {}", with.1),
    )?;
    Ok(vec![without.0, with.0])
}

async fn run(bench: &Bench, id: &str, idempotent: bool) -> Result<(Measured, Ledger), Exit> {
    let how = if idempotent { "With" } else { "Without" };
    bench.narrator.heading(&format!("{how} an idempotency key"));
    let server = MailServer::start([Behaviour::accepts()]).await?;
    let ids = [id.to_owned()];
    queue(bench, &ids).await?;

    let (url, smtp, clock) = (bench.url.clone(), server.url(), bench.narrator.clock);
    let orders = Orders { url, smtp, clock, acks_late: true, idempotent, halt: None };
    let mut crew = Crew::new(bench, orders);
    let why = "after the mail was sent and before the acknowledgement";
    crew.killed_at(Report::Sent(id.to_owned()), why).await?;
    if idempotent {
        bench.narrator.tell(Word::Now("key"), "that the mail was sent is noted, for a day");
        bench.narrator.command(format!("TTL {}", taskqueue::keys::idempotency(id)));
    }
    let lanes = crew.finish().await?;
    bench.narrator.chart(&lanes);

    let ledger = Ledger::of(&ids, &server.letters());
    bench.narrator.tell(Word::Now("ledger"), ledger);
    let name = if idempotent { "duplicate, key" } else { "duplicate, no key" };
    let row = Measured { name, attempts: lanes.len(), lost: ledger.lost, twice: ledger.twice };
    Ok((row, ledger))
}
