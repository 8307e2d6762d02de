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
use std::time::Duration;

use clap::Parser;
use lab3::broker::{self, Choice};
use lab3::examine;
use lab3::handout::TOUR;
use lab3::interrupt::Interrupt;
use lab3::narration::{Narrator, Told, Visits, Word};
use lab3::settings::{self, Mail, Talk};
use lab3::slow_mail::SlowMail;
use lab3::smtp_server::{At, Behaviour, MailServer};
use lab3::tour::{HiredWorker, MailNow, TourError, Trip, by_the_queue, outcome, visit};
use taskqueue::Broker;

/// How long the tour's own mail server may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
    let trips = trips?;
    narrator.outcome(&outcome(&trips, narrator.clock));
    narrator.close(&TOUR, said, Some(trips[1].waited));
    Ok(())
}

async fn tour(
    narrator: &Narrator,
    mail: SlowMail,
    choice: Choice,
) -> Result<[Trip; 3], settings::Exit> {
    narrator.heading("Step 2: the mail is sent inside the request");
    let visits = Visits::at(narrator);
    let answer = visit(MailNow { mail: mail.clone(), visits: visits.clone() }, &visits).await?;
    let worked = answer.worked.unwrap_or(answer.waited);
    let inside = Trip::new("inside the request", answer.waited, worked);

    narrator.heading("Step 5: a broker keeps messages");
    let server = broker::Broker::start(choice, 0, false).await?;
    narrator.look_at(&server.url);
    narrator.tell(Word::Good("broker"), format!("{server}, {}", broker::ask(&server.url).await?));

    narrator.heading("Step 6: a worker waits for them");
    let told = Told::by(narrator);
    let queue = Arc::new(Broker::at(server.url.clone())?.observed_by(told.observer()));
    let worker = HiredWorker::start(&queue, &told, mail.clone()).await?;

    narrator.heading("Step 7: the mail is handed to the queue");
    let (queued, id) = by_the_queue("by the queue", &queue, &visits).await?;

    narrator.heading("Step 8: what it leaves in Redis");
    let command = ["GET".to_owned(), format!("celery-task-meta-{id}")];
    narrator.command(command.join(" "));
    narrator.answer(&examine::run(&mut broker::connect(&server.url).await?, &command).await?);
    worker.stop().await?;

    narrator.heading("Step 9: the mail server refuses twice, and the worker tries again");
    let away = Behaviour::replies(At::Greeting, "421 4.3.2 come back later");
    let refusing = MailServer::start([away.clone(), away, Behaviour::accepts()]).await?;
    let mailer = refusing.mailer(PATIENCE)?;
    let mail = SlowMail { work: Duration::ZERO, mailer, ..mail };
    let worker = HiredWorker::start(&queue, &told, mail).await?;
    let (refused, _) = by_the_queue("refused twice", &queue, &visits).await?;
    let refused = refused.after(worker.stop().await?.retried + 1);
    server.stop().await;

    if refused.attempts != 3 || refusing.letters().len() != 1 {
        return Err(TourError::NotRetried.into());
    }
    if queued.waited >= inside.waited {
        Err(TourError::NotFaster)
    } else {
        Ok([inside, queued, refused])
    }
    .map_err(Into::into)
}
