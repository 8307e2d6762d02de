//! What the tour compares: ways of the same mail, as a chart and as a table; and who makes them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use taskqueue::{AsyncResult, Broker, BrokerError, Stop, Summary, Worker, WorkerOptions};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::chart::Lane;
use crate::clock::{LabClock, since, words};
use crate::form::{self, Accepted, Limits, OnSubmit, Refused, Submission};
use crate::narration::{Told, Visits};
use crate::settings::Exit;
use crate::slow_mail::SlowMail;
use crate::tasks;
use crate::visitor::{self, Answer};

/// One form's way from the click to the mail.
#[derive(Debug, Clone)]
pub struct Trip {
    /// How it went.
    pub name: &'static str,
    /// How long the visitor waited.
    pub waited: Duration,
    /// How long after the click the mail was out.
    pub mail_after: Duration,
    /// How often it was tried.
    pub attempts: u64,
}

impl Trip {
    /// A trip as it was measured, at the first attempt.
    #[must_use]
    pub fn new(name: &'static str, waited: Duration, mail_after: Duration) -> Self {
        Self { name, waited, mail_after, attempts: 1 }
    }

    /// The same after so many attempts.
    #[must_use]
    pub fn after(self, attempts: u64) -> Self {
        Self { attempts, ..self }
    }
}

/// The tour did not do what it says.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// A form did not take a valid feedback.
    #[error("the form answered {0} to a valid feedback\n  next: read the line above that says why")]
    Refused(u16),
    /// The queued form named no task.
    #[error(
        "the form named no task\n  next: run step 7 by itself: cargo run --bin step7_async_form"
    )]
    NoTask,
    /// The clock went back while the task ran, or the result does not say when it was stored.
    #[error("nobody knows how long the mail took\n  next: run the tour again")]
    NoTime,
    /// The queue made nobody's wait shorter.
    #[error(
        "the queued form was not faster\n  next: with --work 0s there is nothing to win; leave it out"
    )]
    NotFaster,
    /// The refused mail did not arrive at the third attempt, and once.
    #[error(
        "the refused mail was not tried as it should be\n  next: read the lines of step 9 above"
    )]
    NotRetried,
}

/// The end of the story.
pub struct Outcome {
    /// Two lanes for each trip.
    pub lanes: Vec<Lane>,
    /// The same as a table.
    pub table: Vec<[String; 4]>,
}

/// Chart and table of `trips`, in lab time.
#[must_use]
pub fn outcome(trips: &[Trip], clock: LabClock) -> Outcome {
    let mut lanes = Vec::new();
    let mut table = vec![["", "user waited", "mail after", "attempts"].map(str::to_owned)];
    for Trip { name, waited, mail_after, attempts } in trips {
        let [waited, mail_after] = [waited, mail_after].map(|real| clock.lab(*real));
        lanes.push(Lane::new(format!("visitor {name}"), waited));
        lanes.push(Lane::new(format!("work    {name}"), mail_after));
        table.push([(*name).to_owned(), words(waited), words(mail_after), attempts.to_string()]);
    }
    Outcome { lanes, table }
}

/// One form, one visitor.
///
/// # Errors
/// The form can't be reached, or does not take the feedback.
pub async fn visit(on_submit: impl OnSubmit, visits: &Visits) -> Result<Answer, Exit> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address: SocketAddr = listener.local_addr()?;
    let (stop, told) = (CancellationToken::new(), visits.clone());
    let observe = move |event| told.event(event);
    let form = form::serve(listener, Arc::new(on_submit), observe, stop.clone(), Limits::default());
    let serving = tokio::spawn(form);
    let answer = visitor::submit(address, "visitor@example.com", "The lab is fun.").await?;
    stop.cancel();
    serving.await?;
    if answer.status == 302 { Ok(answer) } else { Err(TourError::Refused(answer.status).into()) }
}

/// Step 2's way.
pub struct MailNow {
    /// The work and the mail.
    pub mail: SlowMail,
    /// Whose bar moves.
    pub visits: Visits,
}

impl OnSubmit for MailNow {
    async fn on_submit(&self, form: Submission) -> Result<Accepted, Refused> {
        let began = Instant::now();
        let progress = |done| self.visits.progress(&form.id, done);
        self.mail.send(form.feedback, &form.id, progress).await.map_err(Refused::because)?;
        Ok(Accepted::Sent { worked: since(began) })
    }
}

/// Step 7's way.
struct MailLater {
    queue: Arc<Broker>,
}

impl OnSubmit for MailLater {
    async fn on_submit(&self, form: Submission) -> Result<Accepted, Refused> {
        let signature = tasks::send_feedback_email_task(&form.feedback).task_id(form.id).once();
        let task = signature.delay(&self.queue).await.map_err(Refused::because)?;
        Ok(Accepted::Queued { task_id: task.id })
    }
}

/// A worker in this process, for as long as the tour needs it.
pub struct HiredWorker {
    stop: Stop,
    working: JoinHandle<Result<Summary, BrokerError>>,
}

impl HiredWorker {
    /// Starts it; returns when it waits for messages.
    ///
    /// # Errors
    /// Those of a worker's options.
    pub async fn start(queue: &Arc<Broker>, told: &Told, mail: SlowMail) -> Result<Self, Exit> {
        let bars = told.clone();
        let registry = tasks::registry(mail, Arc::new(move |id, done| bars.progress(id, done)));
        let options = WorkerOptions { track_started: true, ..WorkerOptions::default() };
        let worker = Worker::new(Arc::clone(queue), registry, options, told.observer())?;
        let stop = Stop::new();
        let working = tokio::spawn(worker.run(stop.clone()));
        told.ready().await;
        Ok(Self { stop, working })
    }

    /// Lets it finish; what it did.
    ///
    /// # Errors
    /// Those of [`Worker::run`].
    pub async fn stop(self) -> Result<Summary, Exit> {
        self.stop.warm();
        Ok(self.working.await??)
    }
}

/// One visitor whose mail is handed to the queue, until it is out; the trip and the task's id.
///
/// # Errors
/// The form does not take the feedback, or the task fails.
pub async fn by_the_queue(
    name: &'static str,
    queue: &Arc<Broker>,
    visits: &Visits,
) -> Result<(Trip, String), Exit> {
    let answer = visit(MailLater { queue: Arc::clone(queue) }, visits).await?;
    let id = answer.task_id().ok_or(TourError::NoTask)?.to_owned();
    let task = AsyncResult::new(&id, queue);
    task.get(Duration::MAX).await?;
    // The number of the page and of step 7's chart: from the queue to the end that the worker noted.
    let done = task.meta().await?.done_at();
    let mail_after = answer.sent.zip(done).and_then(|(sent, done)| done.duration_since(sent).ok());
    Ok((Trip::new(name, answer.waited, mail_after.ok_or(TourError::NoTime)?), id))
}
