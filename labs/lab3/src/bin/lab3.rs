//! The tour: the whole lab by itself, in one terminal, on a broker of its own.
//!
//! ```text
//! cargo run                  about a minute
//! cargo run -- --speed 10    a tenth of it
//! ```
//!
//! Every part is the real one: forms that listen, a visitor who sends them over TCP, a broker, a
//! worker and a mail. It ends well only if each of them did what it says.

use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use lab3::broker::{self, Choice};
use lab3::handout::TOUR;
use lab3::interrupt::Interrupt;
use lab3::narration::{Narrator, Told, Visits, Word};
use lab3::settings::{self, Mail, Talk};
use lab3::slow_mail::SlowMail;
use lab3::tour::{MailLater, MailNow, TourError, Trip, outcome, visit};
use lab3::{examine, tasks};
use taskqueue::{AsyncResult, Broker, Stop, Worker, WorkerOptions};

/// Lab 3: what a task queue is for, in about a minute
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    mail: Mail,
    #[command(flatten)]
    talk: Talk,
    /// Use the built-in broker even where a redis-server is installed
    #[arg(long)]
    builtin: bool,
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let mail = arguments.mail.slow_mail(&narrator)?;
    let facts = [("work", format!("{} for a mail", lab3::clock::words(mail.work)))];
    let said = narrator.open(&TOUR, &facts);
    let choice = if arguments.builtin { Choice::BuiltIn } else { Choice::Best };
    let tour = tour(&narrator, mail, choice);
    let Some(trips) = Interrupt::listen().once().run_until_cancelled(tour).await else {
        narrator.say("\n  stopped; nothing is left running");
        std::process::exit(130);
    };
    let [inside, queued] = trips?;
    narrator.outcome(&outcome(&[&inside, &queued], narrator.clock));
    narrator.close(&TOUR, said, Some(queued.waited));
    Ok(())
}

async fn tour(
    narrator: &Narrator,
    mail: SlowMail,
    choice: Choice,
) -> Result<[Trip; 2], settings::Exit> {
    narrator.heading("Step 2: the mail is sent inside the request");
    let visits = Visits::at(narrator);
    let answer = visit(MailNow { mail: mail.clone(), visits: visits.clone() }, &visits).await?;
    let inside = Trip::new("inside the request", answer.waited, answer.waited);

    narrator.heading("Step 5: a broker keeps messages");
    let server = broker::Broker::start(choice, 0, false).await?;
    narrator.look_at(&server.url);
    narrator.tell(Word::Good("broker"), format!("{server}, {}", broker::ask(&server.url).await?));

    narrator.heading("Step 6: a worker waits for them");
    let told = Told::by(narrator);
    let (observe, bars) = (told.clone(), told.clone());
    let observe: taskqueue::Observer = Arc::new(move |event| observe.event(event));
    let queue = Arc::new(Broker::new(&server.url)?.observed_by(Arc::clone(&observe)));
    let registry = tasks::registry(mail, Arc::new(move |id, done| bars.progress(id, done)));
    let options = WorkerOptions { track_started: true, ..WorkerOptions::default() };
    let stop = Stop::new();
    let worker = Worker::new(Arc::clone(&queue), registry, options, observe)?;
    let working = tokio::spawn(worker.run(stop.clone()));
    told.ready().await;

    narrator.heading("Step 7: the mail is handed to the queue");
    let clicked = Instant::now();
    let answer = visit(MailLater { queue: Arc::clone(&queue) }, &visits).await?;
    let task = AsyncResult::new(answer.task_id().ok_or(TourError::NoTask)?, &queue);
    task.get(narrator.clock.real(TourError::PATIENCE)).await?;
    let queued = Trip::new("by the queue", answer.waited, clicked.elapsed());

    narrator.heading("Step 8: what it leaves in Redis");
    let command = ["GET".to_owned(), format!("celery-task-meta-{}", task.id)];
    narrator.command(command.join(" "));
    narrator.answer(&examine::run(&mut broker::connect(&server.url).await?, &command).await?);
    stop.warm();
    working.await??;
    server.stop().await;
    if queued.waited >= inside.waited { Err(TourError::NotFaster) } else { Ok([inside, queued]) }
        .map_err(Into::into)
}
