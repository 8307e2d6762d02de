//! `transient`, `permanent`, `exhausted`: the same task, three answers of a mail server.
//!
//! 421 means *not now*, and another attempt can cure it. 550 means *never*, and an attempt more
//! would be refused as well. The task's own retry policy tells them apart by the class of error.

use std::time::Duration;

use taskqueue::{AsyncResult, Jitter, ResultError, RetryPolicy};

use super::bench::Bench;
use super::{Exit, Measured};
use crate::feedback::Feedback;
use crate::narration::{Told, Word};
use crate::slow_mail::SlowMail;
use crate::smtp_server::{At, Behaviour, MailServer};
use crate::tasks::{self, mail_task, send_feedback_email_task};

/// One mail's fate.
struct Fate {
    states: Vec<String>,
    attempts: usize,
    letters: usize,
    /// What stands in its result, if it failed.
    error: String,
}

pub(super) async fn transient(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let script = [busy(), busy(), Behaviour::accepts()];
    let fate = post(bench, "busy", script, policy(bench)).await?;
    let states = fate.states.join(" → ");
    let measured = format!("{} attempts · {} sent · {states}", fate.attempts, fate.letters);
    bench.verdict("transient", "3 attempts · 1 sent · PENDING → RETRY → SUCCESS", measured)?;
    Ok(vec![fate.row("transient")])
}

pub(super) async fn permanent(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let nobody = Behaviour::replies(At::Rcpt, "550 5.1.1 nobody of that name here");
    let fate = post(bench, "gone", [nobody], policy(bench)).await?;
    let states = fate.states.join(" → ");
    let measured = format!("{} attempt · {} sent · {states}", fate.attempts, fate.letters);
    bench.verdict("permanent", "1 attempt · 0 sent · PENDING → FAILURE", measured)?;
    Ok(vec![fate.row("permanent")])
}

pub(super) async fn exhausted(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let policy = policy(bench).max_retries(Some(3)).retry_backoff_max(bench.real(4.0));
    let fate = post(bench, "shut", [busy()], policy).await?;
    let own = if fate.error.contains("answered 421") { "the server's own 421" } else { "another" };
    let states = fate.states.join(" → ");
    let measured = format!("{} attempts · {states} · error: {own}", fate.attempts);
    let expected = "4 attempts · PENDING → RETRY → FAILURE · error: the server's own 421";
    bench.verdict("exhausted", expected, measured)?;
    Ok(vec![fate.row("exhausted")])
}

fn busy() -> Behaviour {
    Behaviour::replies(At::Greeting, "421 4.3.2 too busy, try again later")
}

/// The mail task's own, with waits that can be seen at any speed.
fn policy(bench: &Bench) -> RetryPolicy {
    let floor = bench.real(1.0).max(Duration::from_millis(150));
    tasks::retry_policy(bench.narrator.clock).retry_jitter(Jitter::Full { floor })
}

/// Sends one mail by the queue to a server with this script, and waits for its end.
async fn post(
    bench: &Bench,
    id: &str,
    script: impl IntoIterator<Item = Behaviour>,
    policy: RetryPolicy,
) -> Result<Fate, Exit> {
    let server = MailServer::start(script).await?;
    let mailer = server.mailer(Duration::from_secs(30))?;
    let mail = SlowMail { work: Duration::from_secs(1), clock: bench.narrator.clock, mailer };
    let (queue, told) = (bench.queue()?, Told::by(&bench.narrator));
    let task = mail_task(mail, told.progress_on_a_terminal()).retry(policy);
    let worker = bench.hire(&queue, told, [task]).await?;
    let feedback = Feedback::parse("ann@example.com", "Hi")?;
    let task = bench.send(&queue, &send_feedback_email_task(&feedback), id).await?;
    let states = follow(&task).await?;
    let error = match task.get(Duration::ZERO).await {
        Err(ResultError::Failed { error, .. }) => error.to_string(),
        _ => String::new(),
    };
    let attempts = worker.leave(bench).await?.count();
    bench.narrator.tell(Word::Now("state"), format!("{id}: {}", states.join(" → ")));
    bench.narrator.command(format!("GET celery-task-meta-{id}"));
    Ok(Fate { states, attempts, letters: server.letters().len(), error })
}

/// The states that it was seen in, each as often as it is news.
async fn follow(task: &AsyncResult) -> Result<Vec<String>, Exit> {
    let mut states: Vec<String> = Vec::new();
    loop {
        let state = task.state().await?;
        let word = state.to_string();
        if !states.contains(&word) {
            states.push(word);
        }
        if state.is_ready() {
            return Ok(states);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Fate {
    fn row(&self, name: &'static str) -> Measured {
        Measured { name, attempts: self.attempts, lost: 0, twice: 0 }
    }
}
