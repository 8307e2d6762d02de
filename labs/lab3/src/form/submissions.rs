//! A form that is sent twice is submitted once.
//!
//! Every form carries a random token. The first POST with it runs, a second one waits for the first's
//! outcome and gets the same answer: the impatient double click becomes one mail. A refused
//! submission may be tried again, under the same id. The same token with other text is a new form:
//! the visitor went back and changed it.
//!
//! The memory is bounded: the oldest of 256 is forgotten, and a form that is sent again after that
//! many others is a new one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::OnceCell;
use uuid::Uuid;

use super::receipt::Receipt;
use super::{Accepted, OnSubmit, Refused, Submission};
use crate::clock;
use crate::feedback::Feedback;

const REMEMBERED: usize = 256;

/// The forms of late, by token.
#[derive(Default)]
pub(super) struct Submissions {
    recent: Mutex<VecDeque<Arc<Entry>>>,
}

/// One form and, once it was taken, its outcome.
pub(super) struct Entry {
    token: String,
    /// All of it but the time, which each attempt has of its own.
    pub(super) submission: Submission,
    accepted: OnceCell<Receipt>,
    refused: AtomicBool,
}

impl Submissions {
    /// The form's entry, and whether its outcome is known or under way already.
    pub(super) fn enter(&self, token: String, feedback: Feedback) -> (Arc<Entry>, bool) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |e: &&Arc<Entry>| e.token == token && e.submission.feedback == feedback;
        if let Some(known) = recent.iter().find(same) {
            return (Arc::clone(known), !known.refused.load(Ordering::Relaxed));
        }
        let entry = Arc::new(Entry::new(token, feedback));
        recent.truncate(REMEMBERED - 1);
        recent.push_front(Arc::clone(&entry));
        (entry, false)
    }
}

impl Entry {
    fn new(token: String, feedback: Feedback) -> Self {
        let id = Uuid::new_v4().to_string();
        Self {
            token,
            submission: Submission { id, feedback, at: SystemTime::UNIX_EPOCH },
            accepted: OnceCell::new(),
            refused: AtomicBool::new(false),
        }
    }

    /// Runs unless it ran; waits if it is running. After a refusal the next caller runs it again.
    pub(super) async fn submit<S: OnSubmit>(&self, on_submit: &S) -> Result<Receipt, Refused> {
        let run = || async {
            let at = clock::now();
            let submission = Submission { at, ..self.submission.clone() };
            Ok(receipt(on_submit.on_submit(submission).await?, at))
        };
        let outcome = self.accepted.get_or_try_init(run).await.cloned();
        self.refused.store(outcome.is_err(), Ordering::Relaxed);
        outcome
    }
}

fn receipt(accepted: Accepted, at: SystemTime) -> Receipt {
    match accepted {
        Accepted::Sent { worked } => Receipt { worked: Some(worked), ..Receipt::default() },
        Accepted::Queued { task_id } => {
            Receipt { task: Some(task_id), sent: Some(at), ..Receipt::default() }
        }
    }
}
