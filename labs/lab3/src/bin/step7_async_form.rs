//! Step 7: the form that hands its mail to a queue.
//!
//! ```text
//! terminal 1   cargo run --bin step5_broker
//! terminal 2   cargo run --bin step6_worker
//! terminal 3   cargo run --bin step7_async_form
//! browser      http://localhost:8000
//! ```
//!
//! The page is back at once; the worker sends the mail. `--wait-result` waits for it all the same.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use lab3::clock::LabClock;
use lab3::form::{self, Accepted, Limits, OnSubmit, Progress, Refused, Submission};
use lab3::handout::STEP7;
use lab3::interrupt::Interrupt;
use lab3::narration::{Told, Visits};
use lab3::progress::{self, MOST_WAITING};
use lab3::settings::{self, BrokerOption, FormPort, Talk};
use lab3::tasks::send_feedback_email_task;
use taskqueue::{AsyncResult, Broker, Purpose};

/// Step 7: a form that hands its mail to a queue
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    form: FormPort,
    #[command(flatten)]
    broker: BrokerOption,
    #[command(flatten)]
    talk: Talk,
    /// Wait for the task's result before answering, which is the mistake to try once
    #[arg(long)]
    wait_result: bool,
    /// Publish an event for every message sent, for Flower and `celery events`
    #[arg(short = 'E', long)]
    task_events: bool,
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let url = arguments.broker.url()?;
    narrator.look_at(&url);
    let mut broker = Broker::at(url.clone())?.most_waiting(MOST_WAITING);
    if arguments.task_events {
        broker = broker.task_send_sent_event();
    }
    let broker = Arc::new(broker.observed_by(Told::by(&narrator).observer()));
    let listeners = arguments.form.listen()?;
    let facts = [("broker", broker.url().to_string()), ("browser", arguments.form.url())];
    let said = narrator.open(&STEP7, &facts);
    narrator.check(&broker, Purpose::Send).await?;
    tokio::spawn(narrator.clone().warn(url));

    let visits = Visits::at(&narrator);
    let told = visits.clone();
    let mail_later =
        Arc::new(MailLater { broker, visits: visits.clone(), wait_result: arguments.wait_result });
    let finishing = "answering whoever still waits; Ctrl-C again stops at once";
    let interrupt = Interrupt::announced(&narrator, finishing);
    let stop = interrupt.once().clone();
    let limits = Limits::of_this_system();
    let form = form::serve(listeners, mail_later, move |event| told.event(event), stop, limits);
    interrupt.twice().run_until_cancelled(form).await;

    narrator.close(&STEP7, said, visits.first_wait());
    Ok(())
}

/// The visitor waits for one write to Redis.
struct MailLater {
    broker: Arc<Broker>,
    visits: Visits,
    wait_result: bool,
}

impl OnSubmit for MailLater {
    async fn on_submit(&self, form: Submission) -> Result<Accepted, Refused> {
        let signature = send_feedback_email_task(&form.feedback).task_id(form.id).once();
        let task = signature.delay(&self.broker).await.map_err(Refused::because)?;
        if self.wait_result {
            task.get(Duration::MAX).await.map_err(Refused::because)?;
        }
        tokio::spawn(self.visits.clone().watch(task.clone(), form.at));
        Ok(Accepted::Queued { task_id: task.id })
    }

    async fn progress(&self, task_id: &str, seen: Option<&Progress>) -> Option<Progress> {
        let task = AsyncResult::new(task_id, &self.broker);
        Some(progress::of(&task, self.visits.redis_cli(), seen).await)
    }

    fn clock(&self) -> LabClock {
        self.visits.clock()
    }
}
