//! Step 6: the worker, which takes messages from the queue and runs their tasks.
//!
//! ```text
//! terminal 1   cargo run --bin step5_broker
//! terminal 2   cargo run --bin step6_worker
//! ```
//!
//! Ctrl-C once finishes what runs; twice, or SIGQUIT, stops at once and gives back what is not
//! acknowledged. Neither waits for Redis for longer than ten seconds; what it did not take by then
//! is named, and the exit code is 1.

use std::sync::Arc;

use chrono::Utc;
use clap::Parser;
use lab3::digest;
use lab3::handout::STEP6;
use lab3::interrupt::Interrupt;
use lab3::narration::Told;
use lab3::settings::{self, BrokerOption, Mail, Talk, Work};
use lab3::tasks;
use taskqueue::{Broker, Purpose, Stop, Summary, Worker};

/// Step 6: a worker that sends the mail
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    broker: BrokerOption,
    #[command(flatten)]
    mail: Mail,
    #[command(flatten)]
    talk: Talk,
    #[command(flatten)]
    work: Work,
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let finishing = "finishing what runs; Ctrl-C again stops at once";
    let interrupt = Interrupt::of_worker(&narrator, finishing);
    let url = arguments.broker.url()?;
    narrator.look_at(&url);
    let options = arguments.work.options(narrator.clock);
    let schedule = arguments.work.beat_schedule(narrator.clock)?;
    let mail = arguments.mail.slow_mail(&narrator)?;
    let broker = Arc::new(Broker::at(url.clone())?);
    let acknowledges = if options.acks_late { "after the run" } else { "before the run" };
    let mut facts = vec![
        ("name", options.hostname.clone()),
        ("broker", broker.url().to_string()),
        ("queues", options.queues.join(", ")),
        ("concurrency", format!("{} at a time", options.concurrency)),
        ("acknowledge", acknowledges.to_owned()),
        ("tasks", format!("{}, and 2 that report", tasks::SEND_FEEDBACK_EMAIL)),
        ("mail", format!("after {} of work, to {}", lab3::clock::words(mail.work), mail.mailer)),
    ];
    let plan = digest::plan(&schedule, narrator.clock, Utc::now());
    facts.extend(plan.into_iter().map(|line| ("beat", line)));

    let told = Told::by(&narrator).at(arguments.work.loglevel);
    let bars = told.clone();
    let registry = tasks::registry(mail, Arc::new(move |id, done| bars.progress(id, done)))
        .with(digest::tasks(&url, told.reports()));
    let worker = Worker::new(Arc::clone(&broker), registry, options, told.observer())?
        .beat_schedule(schedule);
    let _ = narrator.open(&STEP6, &facts);
    narrator.check(&broker, Purpose::Work).await?;
    tokio::spawn(narrator.clone().warn(url));
    let stop = Stop::new();
    tokio::spawn(stop_on_ctrl_c(stop.clone(), interrupt));
    let done = worker.run(stop).await?;

    let Summary { succeeded, failed, retried, unsettled } = done;
    narrator.say(format!("\n  {succeeded} succeeded, {failed} failed, {retried} tried again"));
    narrator.close(&STEP6, None, None);
    // Not by returning: a task that keeps its thread would be waited for.
    std::process::exit(i32::from(unsettled > 0))
}

/// Warm at the first Ctrl-C, cold at the second or at SIGQUIT, as in Celery.
async fn stop_on_ctrl_c(stop: Stop, interrupt: Interrupt) {
    interrupt.once().cancelled().await;
    stop.warm();
    interrupt.twice().cancelled().await;
    stop.cold();
}
