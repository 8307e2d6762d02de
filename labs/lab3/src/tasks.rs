//! `send_feedback_email_task`: the one place where queue and mail meet.
//!
//! Sent, it is a name and two strings; run, it is the same slow mail as in step 2.
//! Its arguments may come from anyone who can write to Redis, so they are checked like a form.

use std::sync::Arc;

use taskqueue::{Registry, Request, Signature, Task, TaskError};

use crate::feedback::Feedback;
use crate::mail::{SendError, Stage};
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
    Registry::new([Task::new(
        SEND_FEEDBACK_EMAIL,
        ["email_address", "message"],
        move |request, arguments| send(mail.clone(), Arc::clone(&progress), request, arguments),
    )])
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

/// The exception that Python's smtplib would have raised.
fn exception(error: &SendError) -> TaskError {
    let smtplib = |exc_type| TaskError::in_module("smtplib", exc_type, error);
    match error {
        SendError::Lost { .. } => smtplib("SMTPServerDisconnected"),
        SendError::Silent { .. } => TaskError::new("TimeoutError", error),
        SendError::Answered { stage: Stage::Rcpt, .. } => smtplib("SMTPRecipientsRefused"),
        SendError::Answered { .. } => smtplib("SMTPResponseException"),
        SendError::NoUtf8 { .. } => smtplib("SMTPNotSupportedError"),
        SendError::Sender(_) => smtplib("SMTPSenderRefused"),
        SendError::Letter(_) | SendError::BadId => TaskError::new("ValueError", error),
        SendError::File { .. } => TaskError::new("OSError", error),
    }
}
