//! `timeout`: a mail server that falls silent, and what ends the wait.
//!
//! At the soft limit a task is told, and may put its things in order; at the hard limit it is cut.
//! The worker has one slot, so that whatever hangs there keeps all others waiting.

use std::sync::Arc;
use std::time::Duration;

use taskqueue::{Request, Signature, Task, TaskError};

use super::bench::Bench;
use super::{Exit, Measured};
use crate::clock::words;
use crate::feedback::Feedback;
use crate::narration::{Told, Word};
use crate::slow_mail::SlowMail;
use crate::smtp_server::{At, Behaviour, MailServer};
use crate::tasks::{mail_task, send_feedback_email_task};

/// Ends in order when it is told to.
const POLITE: &str = "feedback.tasks.polite_email_task";
/// Hears the soft limit and goes on all the same.
const DEAF: &str = "feedback.tasks.deaf_email_task";

pub(super) async fn play(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let silent = || Behaviour::stalls(At::Greeting);
    let server = MailServer::start([silent(), silent(), Behaviour::accepts()]).await?;
    // A client without patience of its own: an hour is for ever here.
    let mailer = server.mailer(Duration::from_secs(3600))?;
    let mail = SlowMail { work: Duration::from_secs(1), clock: bench.narrator.clock, mailer };
    let (queue, told) = (bench.queue()?, Told::by(&bench.narrator));
    let usual = mail_task(mail.clone(), told.progress_on_a_terminal());
    let limited = |name, ends_in_order| silent_mail(bench, name, mail.clone(), ends_in_order);
    let tasks = [limited(POLITE, true), limited(DEAF, false), usual];
    let worker = bench.hire(&queue, told, tasks).await?;
    let [soft, hard] = limits(bench).map(|real| words(bench.narrator.clock.lab(real)));
    let limits = format!("soft {soft}, hard {hard}; three mails, one slot");
    bench.narrator.tell(Word::Now("limits"), limits);

    let feedback = Feedback::parse("ann@example.com", "Hi")?;
    let call = |name: &str| Signature::new(name).arg(feedback.email()).arg(feedback.message());
    let polite = bench.send(&queue, &call(POLITE), "slow").await?;
    let deaf = bench.send(&queue, &call(DEAF), "deaf").await?;
    let next = bench.send(&queue, &send_feedback_email_task(&feedback), "next").await?;
    // The third comes to its end only if the two before it were cut.
    let sent = next.get(bench.real(60.0).max(Duration::from_secs(60))).await.is_ok();
    let attempts = worker.leave(bench).await?.count();

    let ends = [polite.meta().await?.error().exc_type, deaf.meta().await?.error().exc_type];
    let sent = if sent && server.letters() == ["<next@lab3.example.com>"] { "sent" } else { "not" };
    bench.narrator.command("GET celery-task-meta-deaf");
    bench.narrator.tell(
        Word::Bad("without"),
        "with no limit the first mail would keep the only slot for as long as its client waits, \
         here an hour, and nothing else would move",
    );
    let measured = format!("polite {} · deaf {} · next {sent}", ends[0], ends[1]);
    let expected = "polite MailServerSilent · deaf TimeLimitExceeded · next sent";
    bench.verdict("timeout", expected, measured)?;
    Ok(vec![Measured { name: "timeout", attempts, lost: 0, twice: 0 }])
}

/// A mail with a soft and a hard limit.
fn silent_mail(bench: &Bench, name: &str, mail: SlowMail, ends_in_order: bool) -> Task {
    let run = move |request: Arc<Request>, (email, message): (String, String)| {
        send(mail.clone(), request, email, message, ends_in_order)
    };
    let [soft, hard] = limits(bench);
    Task::new(name, ["email_address", "message"], run).soft_time_limit(soft).time_limit(hard)
}

/// The soft limit and the hard one. What hears the soft one has a second of real time to end, so
/// that it does so on a busy machine, too.
fn limits(bench: &Bench) -> [Duration; 2] {
    let soft = bench.real(3.0);
    [soft, soft + bench.real(2.0).max(Duration::from_secs(1))]
}

async fn send(
    mail: SlowMail,
    request: Arc<Request>,
    email: String,
    message: String,
    ends_in_order: bool,
) -> Result<(), TaskError> {
    let feedback =
        Feedback::parse(&email, &message).map_err(|e| TaskError::new("ValueError", e))?;
    let told = async {
        request.soft_time_limit().await;
        if !ends_in_order {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        sent = mail.send(feedback, &request.id, |_| ()) => {
            sent.map(drop).map_err(|error| TaskError::new("MailServerAway", error))
        }
        () = told => {
            let why = "told at the soft limit, and ended in order";
            Err(TaskError::in_module("feedback.tasks", "MailServerSilent", why))
        }
    }
}
