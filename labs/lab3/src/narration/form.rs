//! The form's events in words, the bar of each visitor who waits, and the chart when both waits are known.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskqueue::AsyncResult;

use super::{Bar, Narrator, Word};
use crate::chart::Lane;
use crate::clock::LabClock;
use crate::form::FormEvent;
use crate::printable::printable;

/// How many tasks are followed to their ends at a time; each costs a line and a connection.
const MOST_FOLLOWED: usize = 16;

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
    followed: usize,
    first_wait: Option<Duration>,
}

/// One submission, until nobody waits for its answer any more and its work is done, or not followed.
#[derive(Default)]
struct Visit {
    bar: Option<Bar>,
    /// How many requests wait for it: two after a double click.
    waiting: usize,
    waited: Option<Duration>,
    worked: Option<Duration>,
    ended: bool,
}

impl Visits {
    /// A listener that speaks through `narrator`.
    #[must_use]
    pub fn at(narrator: &Narrator) -> Self {
        Self { narrator: narrator.clone(), state: Arc::default() }
    }

    /// By which durations are told here.
    #[must_use]
    pub fn clock(&self) -> LabClock {
        self.narrator.clock
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
        self.change(id, |visit| (visit.worked, visit.ended) = (Some(after), true));
    }

    /// Follows `task` to its end, unless many are followed already; until then a line counts how
    /// long its mail has been owed.
    pub async fn watch(self, task: AsyncResult, accepted: Instant) {
        if !self.may_follow() {
            let told = format!("task {} is not followed here: {MOST_FOLLOWED} are", &task.id);
            self.narrator.tell(Word::Wait("many"), told);
            return self.change(&task.id, |visit| visit.ended = true);
        }
        self.follow(&task, accepted).await;
        self.lock().followed -= 1;
    }

    fn may_follow(&self) -> bool {
        let mut state = self.lock();
        let may = state.followed < MOST_FOLLOWED;
        state.followed += usize::from(may);
        may
    }

    async fn follow(&self, task: &AsyncResult, accepted: Instant) {
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
            Err(error) => {
                self.narrator.tell(Word::Bad("failed"), error);
                self.change(&task.id, |visit| visit.ended = true);
            }
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
                if let FormEvent::Left { request, .. } = other {
                    self.no_longer_waits(request, |_| {});
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
        let mut state = self.lock();
        if repeated && !state.visits.contains_key(&id) {
            return;
        }
        let visit = state.visits.entry(id.clone()).or_default();
        visit.waiting += 1;
        visit.bar.get_or_insert_with(|| self.narrator.bar(&format!("visitor {request} waits")));
        state.submitted.insert(request, id);
    }

    fn answered(&self, request: u64, what: &str, status: u16, elapsed: Duration) {
        let submitted = self.lock().submitted.contains_key(&request);
        // Styles, icons and the page's reloads are no news.
        if !submitted && (200..300).contains(&status) {
            return;
        }
        let word = if status < 400 { Word::Good("answered") } else { Word::Bad("answered") };
        let waited = self.narrator.clock.tell(elapsed);
        self.narrator.tell(
            word,
            format!("{} → {status}; visitor {request} waited {waited}", printable(what, 30)),
        );
        self.no_longer_waits(request, |visit| {
            visit.bar = None;
            match status {
                302 => visit.waited = Some(elapsed),
                _ => visit.ended = true,
            }
        });
    }

    fn no_longer_waits(&self, request: u64, and: impl FnOnce(&mut Visit)) {
        let submission = self.lock().submitted.remove(&request);
        if let Some(id) = submission {
            self.change(&id, |visit| {
                visit.waiting -= 1;
                and(visit);
            });
        }
    }

    /// Changes what is known of a submission. When all is known it is forgotten, with a chart if
    /// there was something to compare.
    fn change(&self, id: &str, change: impl FnOnce(&mut Visit)) {
        let known = {
            let mut state = self.lock();
            let Some(visit) = state.visits.get_mut(id) else { return };
            change(visit);
            if visit.waiting > 0 || !visit.ended {
                return;
            }
            let known = visit.waited.zip(visit.worked);
            state.visits.remove(id);
            if let Some((waited, _)) = known {
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
