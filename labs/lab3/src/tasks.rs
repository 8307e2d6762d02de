//! `send_feedback_email_task`: the one place where queue and mail meet.
//!
//! Sent, it is a name and two strings; run, it is the same slow mail as in step 2.
//! Its arguments may come from anyone who can write to Redis, so they are checked like a form.

use std::sync::Arc;
use std::time::Duration;

use taskqueue::{Breaker, Jitter, Registry, Request, RetryPolicy, Signature, Task, TaskError};

use crate::clock::LabClock;
use crate::feedback::Feedback;
use crate::mail::{Class, SendError};
use crate::slow_mail::SlowMail;

/// The task's name, as in the Django project.
pub const SEND_FEEDBACK_EMAIL: &str = "feedback.tasks.send_feedback_email_task";

/// Is told how far the task with this id has come, from 0 to 1.
pub type Progress = Arc<dyn Fn(&str, f64) + Send + Sync>;

/// `send_feedback_email_task.s(email_address, message)`.
#[must_use]
pub fn send_feedback_email_task(feedback: &Feedback) -> Signature {
    Signature::new(SEND_FEEDBACK_EMAIL).arg(feedback.email()).arg(feedback.message())
}

/// What a worker of the lab can run.
#[must_use]
pub fn registry(mail: SlowMail, progress: Progress) -> Registry {
    let (policy, breaker) = (retry_policy(mail.clock), breaker(mail.clock));
    Registry::new([mail_task(mail, progress).retry(policy).breaker(breaker)])
}

/// The task itself, before anybody has said when it is tried again.
#[must_use]
pub fn mail_task(mail: SlowMail, progress: Progress) -> Task {
    let send =
        move |request, arguments| send(mail.clone(), Arc::clone(&progress), request, arguments);
    Task::new(SEND_FEEDBACK_EMAIL, ["email_address", "message"], send)
}

/// Only what another attempt can cure is tried again: at once at first, then ever more rarely, never
/// all together, and not for longer than an hour: who wrote expects no thanks tomorrow.
#[must_use]
pub fn retry_policy(clock: LabClock) -> RetryPolicy {
    let real = |seconds| clock.real(Duration::from_secs_f64(seconds));
    RetryPolicy::default()
        .autoretry_for(["MailServerAway", "TemporaryMailError", "MailMaybeSent"])
        .max_retries(Some(5))
        .max_elapsed(real(3600.0))
        .retry_backoff(real(2.0).as_secs_f64())
        .retry_backoff_max(real(60.0))
        .retry_jitter(Jitter::Full { floor: real(0.5) })
}

/// An outage of the mail server is found out by a few mails for all: the others wait in Redis and
/// keep their retries for troubles of their own.
fn breaker(clock: LabClock) -> Breaker {
    let real = |seconds| clock.real(Duration::from_secs(seconds));
    Breaker::opens_for(["MailServerAway"]).failures(5).pause(real(10)).pause_max(real(60))
}

async fn send(
    mail: SlowMail,
    progress: Progress,
    request: Arc<Request>,
    (email_address, message): (String, String),
) -> Result<(), TaskError> {
    let feedback = Feedback::parse(&email_address, &message)
        .map_err(|error| TaskError::new("ValueError", error))?;
    // The Message-ID is made from the task's id: it is the same on every attempt.
    mail.send(feedback, &request.id, |done| progress(&request.id, done))
        .await
        .map_err(|error| exception(&error))
}

/// The project's own exceptions, one for each class of trouble.
fn exception(error: &SendError) -> TaskError {
    let class = match error.class() {
        Class::Away => "MailServerAway",
        Class::Later => "TemporaryMailError",
        Class::Unknown => "MailMaybeSent",
        Class::Configuration => "MailConfigurationError",
        Class::Permanent => "PermanentMailError",
    };
    TaskError::in_module("feedback.tasks", class, error)
}
