//! A worker in a process of its own: this same program, started again with hidden options.
//!
//! It has to be a process, because only a process can be killed without warning. It reports on
//! stdout, and stops warmly when its stdin ends, which happens as well when the program that
//! started it is gone: so none is left behind. With `--halt` it stands still after that report,
//! so that the kill hits the moment that the scenario is about and not the one after it.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use taskqueue::{
    Broker, BrokerUrl, Event, IdempotencyKey, Registry, Request, Stop, Task, TaskError, Worker,
    WorkerOptions,
};

use super::report::Report;
use crate::clock::LabClock;
use crate::feedback::Feedback;
use crate::mail::{Mailer, SmtpServer};
use crate::narration::Narrator;
use crate::settings::{BrokerOption, Exit};
use crate::slow_mail::SlowMail;
use crate::tasks::SEND_FEEDBACK_EMAIL;

/// A mail costs this much work before it, and this much after it; lab time.
const WORK: Duration = Duration::from_millis(400);
/// How long a worker that gives no sign of life keeps its message; lab time.
const LEASE: Duration = Duration::from_secs(2);
/// How long it may take to come to an end; lab time.
const GRACE: Duration = Duration::from_secs(5);
/// How long it is remembered that a mail was sent.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The hidden options of a worker process.
#[derive(Debug, Clone, Args)]
pub struct WorkerArguments {
    /// The URL itself stands in the environment: other users can read a program's arguments.
    #[arg(long, hide = true, requires = "worker_smtp")]
    worker: bool,
    #[arg(long, hide = true)]
    worker_smtp: Option<String>,
    #[arg(long, hide = true)]
    acks_late: bool,
    #[arg(long, hide = true)]
    idempotent: bool,
    #[arg(long, hide = true)]
    halt: Option<Report>,
}

/// What a worker process needs to know.
#[derive(Debug, Clone)]
pub(super) struct Orders {
    pub(super) url: BrokerUrl,
    pub(super) smtp: String,
    pub(super) acks_late: bool,
    pub(super) idempotent: bool,
    pub(super) halt: Option<Report>,
    pub(super) clock: LabClock,
}

impl Orders {
    /// The same as arguments of the program.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--worker".to_owned()];
        arguments.extend(["--worker-smtp".to_owned(), self.smtp.clone()]);
        arguments.extend(["--speed".to_owned(), self.clock.speed().to_string()]);
        arguments.extend(self.acks_late.then(|| "--acks-late".to_owned()));
        arguments.extend(self.idempotent.then(|| "--idempotent".to_owned()));
        if let Some(halt) = &self.halt {
            arguments.extend(["--halt".to_owned(), halt.to_string()]);
        }
        arguments
    }
}

impl WorkerArguments {
    /// What this process was started for, if it is a worker.
    ///
    /// # Errors
    /// The environment names no broker.
    pub fn work(
        &self,
        clock: LabClock,
    ) -> Result<Option<impl Future<Output = Result<(), Exit>>>, Exit> {
        let Some(smtp) = self.worker_smtp.clone().filter(|_| self.worker) else {
            return Ok(None);
        };
        let orders = Orders {
            url: BrokerOption::default().url()?,
            smtp,
            acks_late: self.acks_late,
            idempotent: self.idempotent,
            halt: self.halt.clone(),
            clock,
        };
        Ok(Some(work(orders)))
    }
}

async fn work(orders: Orders) -> Result<(), Exit> {
    let queue = Arc::new(Broker::at(orders.url)?);
    let desk = Arc::new(Desk {
        narrator: Narrator::new(true, false, orders.clock),
        halt: orders.halt,
        keys: orders.idempotent.then(|| Arc::clone(&queue)),
        mail: SlowMail {
            work: WORK,
            clock: orders.clock,
            mailer: Mailer::Smtp(SmtpServer::from_url(&orders.smtp)?),
        },
    });
    let options = WorkerOptions {
        concurrency: 1,
        acks_late: orders.acks_late,
        track_started: true,
        lease: orders.clock.real(LEASE).max(Duration::from_secs(1)),
        ..WorkerOptions::default()
    };
    let listener = Arc::clone(&desk);
    let task =
        Task::new(SEND_FEEDBACK_EMAIL, ["email_address", "message"], move |request, letter| {
            Arc::clone(&desk).send(request, letter)
        });
    let observe = Arc::new(move |event| listener.event(event));
    let worker = Worker::new(queue, Registry::new([task]), options, observe)?;
    let stop = Stop::new();
    stop_when_stdin_ends(stop.clone(), orders.clock.real(GRACE));
    worker.run(stop).await?;
    Ok(())
}

/// Warmly first; coldly if that takes long, for instance because the broker is gone as well.
fn stop_when_stdin_ends(stop: Stop, grace: Duration) {
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.warm();
        std::thread::sleep(grace);
        stop.cold();
    });
}

/// Where the mails are written and sent.
struct Desk {
    narrator: Narrator,
    halt: Option<Report>,
    mail: SlowMail,
    /// Where it is noted what was sent; none where nobody takes notes.
    keys: Option<Arc<Broker>>,
}

impl Desk {
    async fn send(
        self: Arc<Self>,
        request: Arc<Request>,
        (email, message): (String, String),
    ) -> Result<&'static str, TaskError> {
        let id = request.id.clone();
        self.report(Report::Working(id.clone())).await;
        let key = self.keys.as_ref().map(|queue| IdempotencyKey::new(queue, &id));
        if let Some(key) = &key
            && key.is_done().await.map_err(broker_away)?
        {
            self.report(Report::Skipped(id)).await;
            return Ok("seen before: skipped");
        }
        let feedback = Feedback::parse(&email, &message)
            .map_err(|error| TaskError::new("ValueError", error))?;
        let sent = self.mail.send(feedback, &id, |_| ()).await;
        sent.map_err(|error| TaskError::new("MailServerAway", error))?;
        if let Some(key) = &key {
            key.done(REMEMBERED).await.map_err(broker_away)?;
        }
        self.report(Report::Sent(id)).await;
        // What a task has to do after its mail: the gap in which a worker can die.
        tokio::time::sleep(self.mail.clock.real(WORK)).await;
        Ok("sent")
    }

    async fn report(&self, report: Report) {
        self.narrator.say(&report);
        if self.halt.as_ref() == Some(&report) {
            std::future::pending().await
        }
    }

    fn event(&self, event: Event) {
        self.narrator.say(match event {
            Event::WorkerOnline => Report::Ready,
            Event::TaskRestored { id, .. } => Report::Restored(id),
            Event::TaskSucceeded { request, .. } => Report::Done(request.id.clone()),
            Event::TaskFailed { request, .. } => Report::Failed(request.id.clone()),
            _ => return,
        });
    }
}

fn broker_away(error: taskqueue::BrokerError) -> TaskError {
    TaskError::new("ConnectionError", error)
}
