//! Step 2: the form that sends its mail inside the request.
//!
//! ```text
//! terminal 1   cargo run --bin step2_sync_form
//! browser      http://localhost:8000
//! ```
//!
//! The visitor's browser waits for twenty seconds of work and the mail. With `--threads 1` the
//! second visitor waits behind the first. Compare with step 7: `diff` shows what a queue changes.

use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use lab3::form::{self, Accepted, Limits, OnSubmit, Refused, Submission};
use lab3::interrupt::Interrupt;
use lab3::narration::{Banner, Question, Visits};
use lab3::settings::{self, FormPort, Mail, Talk};
use lab3::slow_mail::SlowMail;

/// Step 2: a form that sends its mail inside the request
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    form: FormPort,
    #[command(flatten)]
    mail: Mail,
    #[command(flatten)]
    talk: Talk,
    /// How many visitors are served at the same time
    #[arg(long, default_value = "256")]
    threads: usize,
}

const QUESTION: Question = Question {
    asks: "the mail costs 20 s of work. How long does the visitor wait?",
    answers: &[
        ("not at all", "The answer comes after the mail: nobody else is there to do the work."),
        ("as long as the mail takes", "So it is: what happens inside the request is waited for."),
        ("until the browser gives up", "Browsers wait for minutes. Visitors don't."),
    ],
};

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let mail = arguments.mail.slow_mail(&narrator)?;
    let listener = arguments.form.listen().await?;
    narrator.banner(&Banner {
        step: Some(2),
        title: "a form that sends its mail inside the request",
        see: &["The browser waits while the mail is sent. Send the form twice, in two tabs."],
        facts: &[(
            "mail",
            format!("after {} of work, to {}", lab3::clock::words(mail.work), mail.mailer),
        )],
        elsewhere: &[("browser", &arguments.form.url()), ("stop", "Ctrl-C")],
    });
    let said = narrator.ask(&QUESTION);

    let visits = Visits::at(&narrator);
    let told = visits.clone();
    let mail_now = Arc::new(MailNow { mail, visits: visits.clone() });
    let limits = Limits { at_once: arguments.threads, ..Limits::default() };
    let stop = Interrupt::listen().once().clone();
    form::serve(listener, mail_now, move |event| told.event(event), stop, limits).await?;

    narrator.compare(&QUESTION, said, visits.rows().first().map(|(waited, _)| *waited));
    narrator.next("cargo run --bin step5_broker", "the first part of a queue");
    Ok(())
}

/// The visitor waits for all of it.
struct MailNow {
    mail: SlowMail,
    visits: Visits,
}

impl OnSubmit for MailNow {
    async fn on_submit(&self, form: Submission) -> Result<Accepted, Refused> {
        let began = Instant::now();
        let progress = |done| self.visits.progress(&form.id, done);
        self.mail.send(form.feedback, &form.id, progress).await.map_err(Refused::because)?;
        self.visits.worked(&form.id, began.elapsed());
        Ok(Accepted::Sent)
    }
}
