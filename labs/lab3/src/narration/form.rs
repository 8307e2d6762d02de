//! The form's events in words, the bar of each visitor who waits, and the chart when both waits are known.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskqueue::AsyncResult;

use super::{Bar, Narrator, Word};
use crate::chart::Lane;
use crate::form::FormEvent;
use crate::printable::printable;

/// What a form's listener has told so far.
#[derive(Clone)]
pub struct Visits {
    narrator: Narrator,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The submission that a request brought.
    submitted: HashMap<u64, String>,
    /// What is known of each submission.
    visits: HashMap<String, Visit>,
    first_wait: Option<Duration>,
}

/// One submission, until the visitor has the answer and the work is done.
#[derive(Default)]
struct Visit {
    bar: Option<Bar>,
    waited: Option<Duration>,
    worked: Option<Duration>,
}

impl Visits {
    /// A listener that speaks through `narrator`.
    #[must_use]
    pub fn at(narrator: &Narrator) -> Self {
        Self { narrator: narrator.clone(), state: Arc::default() }
    }

    /// How redis-cli has to be called here.
    #[must_use]
    pub fn redis_cli(&self) -> &str {
        self.narrator.redis_cli()
    }

    /// The work for the submission `id` has come this far, from 0 to 1.
    pub fn progress(&self, id: &str, done: f64) {
        if let Some(Visit { bar: Some(bar), .. }) = self.lock().visits.get(id) {
            bar.set(done);
        }
    }

    /// The mail of the submission `id` is out, this long after it came.
    pub fn worked(&self, id: &str, after: Duration) {
        self.lock().visits.entry(id.to_owned()).or_default().worked = Some(after);
        self.chart_when_known(id);
    }

    /// Follows `task` to its end; until then a line counts how long its mail has been owed.
    pub async fn watch(self, task: AsyncResult, accepted: Instant) {
        let owed = self.narrator.gauge("accepted, not sent yet");
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        let mut end = pin!(task.get(Duration::MAX));
        let done = loop {
            tokio::select! {
                done = &mut end => break done,
                _ = seconds.tick() => owed.note(self.narrator.clock.tell(accepted.elapsed())),
            }
        };
        drop(owed);
        match done {
            Ok(_) => {
                self.narrator.tell(Word::Good("sent"), format!("the mail of task {}", &task.id));
                self.worked(&task.id, accepted.elapsed());
            }
            Err(error) => self.narrator.tell(Word::Bad("failed"), error),
        }
    }

    /// How long the first visitor waited whose mail is out.
    #[must_use]
    pub fn first_wait(&self) -> Option<Duration> {
        self.lock().first_wait
    }

    /// Says what happened.
    pub fn event(&self, event: FormEvent) {
        match event {
            FormEvent::Submitted { request, id, email, repeated } => {
                self.submitted(request, id, &email, repeated);
            }
            FormEvent::Answered { request, method, path, status, elapsed } => {
                self.answered(request, &format!("{method} {path}"), status, elapsed);
            }
            other => {
                if let Some((word, sentence)) = self.sentence(&other) {
                    self.narrator.tell(word, sentence);
                }
            }
        }
    }

    fn sentence(&self, event: &FormEvent) -> Option<(Word, String)> {
        Some(match event {
            FormEvent::Waiting { request } => {
                (Word::Wait("waits"), format!("visitor {request}: every thread is busy"))
            }
            FormEvent::Invalid { request, errors } => {
                (Word::Bad("invalid"), format!("visitor {request}:{}", invalid(errors)))
            }
            FormEvent::Refused { request, refused } => {
                let reason = printable(&refused.reason, 300);
                (Word::Bad("refused"), format!("visitor {request}: {reason}"))
            }
            FormEvent::Left { request, elapsed, .. } => {
                let after = self.narrator.clock.tell(*elapsed);
                (Word::Bad("left"), format!("visitor {request} gave up after {after}"))
            }
            FormEvent::Dropped { reason } => {
                (Word::Bad("dropped"), format!("a connection: {}", printable(reason, 300)))
            }
            FormEvent::NotAccepting { reason } => {
                (Word::Bad("full"), format!("no connection left: {}", printable(reason, 300)))
            }
            FormEvent::Stopped { unfinished } if *unfinished > 0 => {
                (Word::Bad("cut"), format!("{unfinished} visitors still waited"))
            }
            FormEvent::Received { .. }
            | FormEvent::Stopped { .. }
            | FormEvent::Submitted { .. }
            | FormEvent::Answered { .. } => return None,
        })
    }

    fn submitted(&self, request: u64, id: String, email: &str, repeated: bool) {
        let again = if repeated { " (the same form again: nothing new to do)" } else { "" };
        self.narrator.tell(
            Word::Now("submitted"),
            format!("visitor {request}: {}{again}", printable(email, 40)),
        );
        let bar = self.narrator.bar(&format!("visitor {request} waits"));
        let mut state = self.lock();
        state.visits.entry(id.clone()).or_default().bar.get_or_insert(bar);
        state.submitted.insert(request, id);
    }

    fn answered(&self, request: u64, what: &str, status: u16, elapsed: Duration) {
        let submission = self.lock().submitted.remove(&request);
        // Styles, icons and the page's reloads are no news.
        if submission.is_none() && (200..400).contains(&status) {
            return;
        }
        let word = if status < 400 { Word::Good("answered") } else { Word::Bad("answered") };
        let waited = self.narrator.clock.tell(elapsed);
        self.narrator.tell(
            word,
            format!("{} → {status}; visitor {request} waited {waited}", printable(what, 30)),
        );
        let Some(id) = submission else { return };
        if status == 302 {
            let mut state = self.lock();
            let visit = state.visits.entry(id.clone()).or_default();
            visit.bar = None;
            visit.waited = Some(elapsed);
        } else {
            self.lock().visits.remove(&id);
        }
        self.chart_when_known(&id);
    }

    fn chart_when_known(&self, id: &str) {
        let known = {
            let mut state = self.lock();
            let known = state.visits.get(id).and_then(|visit| visit.waited.zip(visit.worked));
            if let Some((waited, _)) = known {
                state.visits.remove(id);
                state.first_wait.get_or_insert(waited);
            }
            known
        };
        if let Some((waited, worked)) = known {
            let lab = |real| self.narrator.clock.lab(real);
            let lanes = [
                Lane::new("visitor waits", lab(waited)),
                Lane::new("until the mail is out", lab(worked)),
            ];
            self.narrator.chart(&lanes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(errors: &crate::feedback::FieldErrors) -> String {
    let field = |name: &str, error: &Option<crate::feedback::FieldError>| {
        error.as_ref().map(|error| format!(" {name}: {error}")).unwrap_or_default()
    };
    format!("{}{}", field("email", &errors.email), field("message", &errors.message))
}
