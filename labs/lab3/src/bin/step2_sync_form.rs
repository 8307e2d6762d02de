//! Step 2: the form that sends its mail inside the request.
//!
//! ```text
//! terminal 1   cargo run --bin step2_sync_form
//! browser      http://localhost:8000
//! ```
//!
//! The visitor's browser waits for twenty seconds of work and the mail. With `--threads 1` the
//! second visitor waits behind the first. Compare with step 7: `diff` shows what a queue changes.

use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::Parser;
use lab3::clock::{LabClock, since, words};
use lab3::form::{self, Accepted, Limits, OnSubmit, Refused, Submission};
use lab3::handout::STEP2;
use lab3::interrupt::Interrupt;
use lab3::narration::Visits;
use lab3::settings::{self, FormPort, Mail, Talk};
use lab3::slow_mail::SlowMail;
use tokio::time::Instant;

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
    threads: NonZeroUsize,
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let mail = arguments.mail.slow_mail(&narrator)?;
    let listeners = arguments.form.listen()?;
    let mail_costs = format!("{} of work, to {}", words(mail.work), mail.mailer);
    let said = narrator.open(&STEP2, &[("mail", mail_costs), ("browser", arguments.form.url())]);

    let visits = Visits::at(&narrator);
    let told = visits.clone();
    let mail_now = Arc::new(MailNow { mail, visits: visits.clone() });
    let limits = Limits { at_once: arguments.threads.get(), ..Limits::of_this_system() };
    let finishing = "answering whoever still waits; Ctrl-C again stops at once";
    let interrupt = Interrupt::announced(&narrator, finishing);
    let stop = interrupt.once().clone();
    let form = form::serve(listeners, mail_now, move |event| told.event(event), stop, limits);
    interrupt.twice().run_until_cancelled(form).await;

    narrator.close(&STEP2, said, visits.first_wait());
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
        let worked = since(began);
        self.visits.worked(&form.id, worked);
        Ok(Accepted::Sent { worked })
    }

    fn clock(&self) -> LabClock {
        self.visits.clock()
    }
}
