//! What happens at the form, as values; somebody else has the words.
//!
//! Requests are numbered from 1 in the order of their arrival. For each there is one `Received` and,
//! at its end, one `Answered` or `Left`, both with the time since the arrival: what a visitor waited.
//! Visitors have numbers of their own; a request has one if it brings a form, or waits for one.
//! Text in here comes from outside as it came; it must go through
//! [`printable`](crate::printable::printable) before it reaches a terminal.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Refused;
use crate::clock::since;
use crate::feedback::FieldErrors;

/// Something happened at the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormEvent {
    /// The head of a request has been read.
    Received {
        /// The request's number.
        request: u64,
        /// GET, HEAD, POST, or whatever was sent.
        method: String,
        /// Without the query.
        path: String,
    },
    /// All of [`Limits::at_once`](super::Limits) are being handled; this request waits its turn.
    Waiting {
        /// The request's number.
        request: u64,
        /// The visitor's number; none where it is the page behind a form, or an address of no form.
        visitor: Option<u64>,
    },
    /// A valid form: now the visitor waits for [`OnSubmit`](super::OnSubmit).
    Submitted {
        /// The request's number.
        request: u64,
        /// The visitor's number.
        visitor: u64,
        /// The submission's id.
        id: String,
        /// The visitor's address.
        email: String,
        /// The same form came before and was not refused: it shares that one's outcome.
        repeated: bool,
    },
    /// A form with mistakes, shown again.
    Invalid {
        /// The request's number.
        request: u64,
        /// The visitor's number.
        visitor: u64,
        /// What is wrong with each field.
        errors: FieldErrors,
    },
    /// A valid form that could not be taken.
    Refused {
        /// The request's number.
        request: u64,
        /// The visitor's number.
        visitor: u64,
        /// Why, and what to do.
        refused: Refused,
    },
    /// The answer is ready; `elapsed` is what the visitor waited.
    Answered {
        /// The request's number.
        request: u64,
        /// The visitor's number, where the request has one.
        visitor: Option<u64>,
        /// As in `Received`.
        method: String,
        /// As in `Received`.
        path: String,
        /// The answer's status.
        status: u16,
        /// Since the head of the request was read, or of the first with the same form, where that was
        /// still under way; the same number that the page has.
        elapsed: Duration,
    },
    /// The visitor left before the answer. What was submitted is still carried to its end.
    Left {
        /// The request's number.
        request: u64,
        /// The visitor's number, where the request has one.
        visitor: Option<u64>,
        /// As in `Received`.
        method: String,
        /// As in `Received`.
        path: String,
        /// Since the head of the request was read.
        elapsed: Duration,
    },
    /// A connection ended without an answer: too slow, or not HTTP.
    Dropped {
        /// Why.
        reason: String,
    },
    /// The system has no connection to give, usually for want of file descriptors; the form goes on.
    NotAccepting {
        /// The system's words.
        reason: String,
    },
    /// The form was told to stop and has.
    Stopped {
        /// What was still running at the end of [`Limits::grace`](super::Limits), and was cut.
        unfinished: usize,
    },
}

/// Who is told.
pub(super) type Observe = Arc<dyn Fn(FormEvent) + Send + Sync>;

/// One request from `Received` to `Answered`, or to `Left` when it is dropped before.
pub(super) struct Visit {
    pub(super) request: u64,
    /// Once it is known.
    pub(super) visitor: Option<u64>,
    method: String,
    path: String,
    pub(super) arrived: Instant,
    /// With what was measured for it.
    answered: Option<(u16, Duration)>,
    observe: Observe,
}

impl Visit {
    pub(super) fn begin(request: u64, method: &str, path: &str, observe: Observe) -> Self {
        observe(FormEvent::Received { request, method: method.to_owned(), path: path.to_owned() });
        Self {
            request,
            visitor: None,
            method: method.to_owned(),
            path: path.to_owned(),
            arrived: Instant::now(),
            answered: None,
            observe,
        }
    }

    /// `waited` is what the visitor was told already.
    pub(super) fn answered(mut self, status: u16, waited: Option<Duration>) {
        self.answered = Some((status, waited.unwrap_or_else(|| since(self.arrived))));
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let (request, visitor) = (self.request, self.visitor);
        let method = std::mem::take(&mut self.method);
        let path = std::mem::take(&mut self.path);
        (self.observe)(match self.answered {
            Some((status, elapsed)) => {
                FormEvent::Answered { request, visitor, method, path, status, elapsed }
            }
            None => {
                let elapsed = since(self.arrived);
                FormEvent::Left { request, visitor, method, path, elapsed }
            }
        });
    }
}
