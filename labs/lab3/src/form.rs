//! The feedback form: one page at `/`, one at `/success/`, over HTTP/1.1; and `/progress/`, a stream
//! from which the second hears how its task comes along.
//!
//! As in Django's version: a valid POST to `/` leads to 302 and `/success/`; an invalid one gets the
//! form again with status 200, the fields marked and what was typed kept.
//! What a valid form leads to is given from outside, as an [`OnSubmit`]: this module knows neither
//! mail nor queue, so step 2 and step 7 serve the same pages. It prints nothing either: it reports
//! [`FormEvent`]s.
//!
//! A visitor's way through the files:
//! `server` accepts → `connection` bounds it → `request` reads and refuses → `site` handles, with
//! `submissions` in between so that a form sent twice is one submission → `answer` dresses the page.
//! The redirect carries a `receipt` to the page behind it: the form itself remembers nobody, so it
//! can be stopped and started while its visitors wait.
//!
//! What is *not* promised: a visitor who leaves early takes nothing back. What was submitted is
//! carried to its end, and the outcome is kept for whoever sends the same form again.

pub(crate) mod answer;
mod answers;
mod connection;
mod event;
mod limits;
mod places;
mod receipt;
mod rejection;
pub(crate) mod request;
pub(crate) mod server;
mod site;
mod stream;
mod submissions;
mod urlencoded;
mod visitors;

use std::future::Future;
use std::time::{Duration, SystemTime};

use crate::clock::LabClock;
use crate::feedback::Feedback;

pub(crate) use answer::Answer;
pub(crate) use answers::Answers;
pub use event::FormEvent;
pub use limits::Limits;
pub(crate) use receipt::Receipt;
pub(crate) use rejection::Rejection;
pub use server::serve;
pub(crate) use stream::Events;

/// What a valid form leads to.
pub trait OnSubmit: Send + Sync + 'static {
    /// Step 2 sends the mail here; step 7 only writes the message.
    ///
    /// It runs to its end even if the visitor has left.
    fn on_submit(
        &self,
        submission: Submission,
    ) -> impl Future<Output = Result<Accepted, Refused>> + Send;

    /// What has become of a task, for the page at `/success/?task=<id>`; `None` where there are no
    /// tasks. If that is what was `seen` already, waits until it is something else.
    ///
    /// The id comes from a URL, but has only `A-Z a-z 0-9 _ . : -`, and at most 255 of them.
    fn progress(
        &self,
        task_id: &str,
        seen: Option<&Progress>,
    ) -> impl Future<Output = Option<Progress>> + Send {
        let _ = (task_id, seen);
        async { None }
    }

    /// The clock by which the pages tell durations: real time, unless said otherwise.
    fn clock(&self) -> LabClock {
        LabClock::new(1.0)
    }
}

/// A valid form, once: however often the browser sends it, and however often it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Another for every form and every text, and the same when that is sent again, to a form that was
    /// started since as well. Used as the task's or the mail's id, a repetition stays one task.
    pub id: String,
    /// What the visitor wrote.
    pub feedback: Feedback,
    /// When it was handed over, in whole milliseconds: the page counts from it how long queue and
    /// work take.
    pub at: SystemTime,
}

/// The form was taken; it says how far things have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// All is done: 302 to `/success/`.
    Sent {
        /// How long the work took, in real time and [whole microseconds](crate::clock::since).
        worked: Duration,
    },
    /// A task will do it: 302 to `/success/?task=<id>`.
    Queued {
        /// What `progress` is asked for later.
        task_id: String,
    },
}

/// The form was not taken: 503, the form with a banner, and what was typed is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What happened, in a sentence for the visitor: "No Redis answers at 127.0.0.1:6379."
    pub reason: String,
    /// What the visitor can do: "Start one with `cargo run --bin step5_broker`, then send again."
    pub next: String,
}

impl Refused {
    /// The refusal that an error is for the visitor: its first line, and its `next:`.
    pub fn because(error: impl std::error::Error) -> Self {
        let text = error.to_string();
        let (reason, next) = text.split_once("\n  next: ").unwrap_or((&text, "try again later"));
        Self { reason: reason.to_owned(), next: next.to_owned() }
    }
}

/// How far a task has come, for the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Celery's word: PENDING, STARTED, RETRY, SUCCESS, FAILURE or REVOKED; `None` while it can't
    /// be asked for.
    pub state: Option<String>,
    /// Why it is tried again, or will not be.
    pub reason: Option<String>,
    /// The redis-cli line that shows the same.
    pub command: String,
    /// Whether the state will not change any more; until then the page looks again.
    pub done: bool,
    /// When it came to its end, if that is known.
    pub done_at: Option<SystemTime>,
}
