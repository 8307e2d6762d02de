//! A row of messages that nobody should have sent: none may bring a worker down, none may vanish.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use taskqueue::{AsyncResult, Broker, DeadLetter, State, keys};

use crate::audit::Expected;
use crate::load::{Sent, work};
use crate::odd_messages;
use crate::report::Report;
use crate::stage::{Bench, Stage};
use crate::trouble::Trouble;
use crate::worker::Orders;

/// How many good messages stand between them.
const GOOD: usize = 100;
/// Entries in `unacked` that are no messages either.
const ABANDONED: [&str; 2] = ["garbage", "[{\"headers\": {}}, \"\", \"celery\"]"];

pub(crate) async fn odd(bench: &Bench) -> Result<Report, Trouble> {
    let mut stage = bench.stage(Orders { lease_ms: 1000, ..Orders::default() }).await?;
    let broker = Arc::new(Broker::new(&stage.redis.url())?);
    let odd = odd_messages::all()?;
    let sent = send(&stage, &broker, &odd).await?;
    stage.crew.hire()?;
    stage.until_drained().await?;
    let exits = stage.crew.fallen()?;
    let mut report = Report::default();
    report.fact(format!("{} odd messages", odd.len() + ABANDONED.len()));
    let aside = kept_aside(&stage, &broker, &mut report).await?;
    let ended = ends(&broker, &odd).await?;
    let count = |state: State| ended.values().filter(|ended| **ended == state).count();
    report.fact(format!("{} put aside with a reason", aside.len()));
    let told = |text: &&String| id(text).is_some_and(|id| ended[&id] == State::Failure);
    let only_failed = count(State::Failure) - aside.iter().filter(told).count();
    report.fact(format!("{only_failed} more are FAILURE"));
    report.fact(format!("{} ran, as in Celery", count(State::Success)));
    // Whoever wants no result waits for none.
    let none_wanted = |id: &String| {
        let wants = |text: &&String| text.contains("\"ignore_result\":\"yes\"");
        odd.iter().filter(wants).any(|text| self::id(text).as_ref() == Some(id))
    };
    let waiting = ended.iter().filter(|(id, state)| !state.is_ready() && !none_wanted(id));
    let waiting: Vec<_> = waiting.collect();
    report.at_most(waiting.len(), "waited for in vain", 0);
    report.names.extend(waiting.iter().map(|(id, _)| format!("waited for in vain {id:?}")));
    let kept = |text: &String| aside.contains(text) || id(text).is_some();
    let vanished: Vec<&String> = odd.iter().filter(|text| !kept(text)).collect();
    report.at_most(vanished.len(), "vanished", 0);
    report.names.extend(vanished.iter().map(|text| format!("vanished {text:.200}")));
    report.at_most(exits, "workers brought down", 0);
    report.fact(format!("{GOOD} good ones"));
    let count = u64::try_from(aside.len()).unwrap_or_default();
    stage.reckon(&sent, 0, Expected::Aside(count), &mut report).await?;
    Ok(report)
}

/// Good and odd messages in turn, and what nobody holds any more.
async fn send(stage: &Stage, broker: &Arc<Broker>, odd: &[String]) -> Result<Sent, Trouble> {
    let mut sent = Sent::default();
    for number in 0..GOOD.max(odd.len()) {
        if number < GOOD {
            sent.send(broker, work(2), &format!("task-{number}")).await;
        }
        if let Some(message) = odd.get(number) {
            stage.redis.ask::<()>(&["LPUSH", keys::DEFAULT_QUEUE, message]).await?;
        }
    }
    for (number, entry) in ABANDONED.iter().enumerate() {
        let tag = format!("{}nobody:{number}", keys::LEASE);
        stage.redis.ask::<()>(&["HSET", keys::UNACKED, &tag, entry]).await?;
        stage.redis.ask::<()>(&["ZADD", keys::UNACKED_INDEX, "1", &tag]).await?;
    }
    Ok(sent)
}

/// The texts that were put aside; each has a reason.
async fn kept_aside(
    stage: &Stage,
    broker: &Broker,
    report: &mut Report,
) -> Result<Vec<String>, Trouble> {
    let letters = DeadLetter::newest(broker, keys::DEFAULT_QUEUE, 1000).await?;
    // It is put aside by Redis, and told of a moment later.
    let told = stage.ledger.until("every tale", |facts| facts.aside.len() >= letters.len());
    told.await?;
    let told = stage.ledger.facts(|facts| facts.aside.clone())?;
    let without = letters.iter().filter(|letter| letter.reason.is_empty()).count();
    report.must(without == 0, "each has a reason");
    report.must(told.len() == letters.len(), "the worker tells of each that it puts aside");
    Ok(letters.into_iter().map(|letter| letter.message).collect())
}

/// How those ended that have an id.
async fn ends(broker: &Arc<Broker>, odd: &[String]) -> Result<HashMap<String, State>, Trouble> {
    let mut ended = HashMap::new();
    for id in odd.iter().filter_map(|message| id(message)) {
        let state = AsyncResult::new(id.clone(), broker).state().await?;
        ended.insert(id, state);
    }
    Ok(ended)
}

/// The id under which somebody may wait.
fn id(message: &str) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    match &message["headers"]["id"] {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => message["properties"]["correlation_id"].as_str().map(str::to_owned),
    }
}
