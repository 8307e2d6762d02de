//! A form that is sent twice is submitted once.
//!
//! Every form carries a random token. The first POST with it runs, a second one waits for the first's
//! outcome and gets the same answer: the impatient double click becomes one mail, and one wait, from the
//! first click. A refused
//! submission may be tried again, under the same id. The same token with other text is a new form:
//! the visitor went back and changed it.
//!
//! A submission's id follows from its token and its text, so that it is the same in a form that was
//! started since, and after this one's bounded memory has lost it: the oldest of 256 is forgotten.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::OnceCell;
use tokio::time::Instant;
use uuid::Uuid;

use super::receipt::Receipt;
use super::{Accepted, OnSubmit, Refused, Submission};
use crate::clock;
use crate::feedback::Feedback;

const REMEMBERED: usize = 256;
/// The namespace of the ids, in the words of RFC 9562: drawn once, at random.
const FORMS: Uuid = Uuid::from_u128(0x8a3f_5c1e_47d2_4b0f_9c66_1f0b_e7a4_d353);

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
    /// While it is under way: when its first visitor, or the first click, came.
    awaited_since: Mutex<Option<Instant>>,
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
        let id = id(&token, &feedback);
        Self {
            token,
            submission: Submission { id, feedback, at: SystemTime::UNIX_EPOCH },
            accepted: OnceCell::new(),
            refused: AtomicBool::new(false),
            awaited_since: Mutex::default(),
        }
    }

    /// Runs unless it ran; waits if it is running. After a refusal the next caller runs it again.
    /// The visitor came at `arrived`, or waits since an earlier click already; how long is in the receipt.
    pub(super) async fn submit<S: OnSubmit>(
        &self,
        on_submit: &S,
        arrived: Instant,
    ) -> Result<Receipt, Refused> {
        let since = *self.awaited_since().get_or_insert(arrived);
        let run = || async {
            let at = clock::now();
            let submission = Submission { at, ..self.submission.clone() };
            Ok(receipt(on_submit.on_submit(submission).await?, at))
        };
        let outcome = self.accepted.get_or_try_init(run).await.cloned();
        self.refused.store(outcome.is_err(), Ordering::Relaxed);
        *self.awaited_since() = None;
        Ok(Receipt { waited: Some(clock::since(since)), ..outcome? })
    }

    fn awaited_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.awaited_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No field has a NUL, so nobody else's token and text look the same in a row.
fn id(token: &str, feedback: &Feedback) -> String {
    let name = [token, feedback.email(), feedback.message()].join("\0");
    Uuid::new_v5(&FORMS, name.as_bytes()).to_string()
}

fn receipt(accepted: Accepted, at: SystemTime) -> Receipt {
    match accepted {
        Accepted::Sent { worked } => Receipt { worked: Some(worked), ..Receipt::default() },
        Accepted::Queued { task_id } => {
            Receipt { task: Some(task_id), sent: Some(at), ..Receipt::default() }
        }
    }
}
