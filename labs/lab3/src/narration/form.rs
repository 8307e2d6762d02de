//! The form's events in words, the bar of each visitor who waits, and the chart when both waits are known.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

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

    /// The mail of the submission `id` is out, after so much work.
    pub fn worked(&self, id: &str, after: Duration) {
        self.change(id, |visit| (visit.worked, visit.ended) = (Some(after), true));
    }

    /// Follows `task` to its end, unless many are followed already; until then a line counts how
    /// long its mail has been owed. `sent` is when the form handed it over.
    pub async fn watch(self, task: AsyncResult, sent: SystemTime) {
        if !self.may_follow() {
            let told = format!("task {} is not followed here: {MOST_FOLLOWED} are", &task.id);
            self.narrator.tell(Word::Wait("many"), told);
            return self.change(&task.id, |visit| visit.ended = true);
        }
        self.follow(&task, sent).await;
        self.lock().followed -= 1;
    }

    fn may_follow(&self) -> bool {
        let mut state = self.lock();
        let may = state.followed < MOST_FOLLOWED;
        state.followed += usize::from(may);
        may
    }

    async fn follow(&self, task: &AsyncResult, sent: SystemTime) {
        let owed = self.narrator.gauge("accepted, not sent yet");
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        let mut end = pin!(task.until(|meta| meta.state.is_ready()));
        let meta = loop {
            tokio::select! {
                meta = &mut end => break meta,
                _ = seconds.tick() => {
                    owed.note(self.narrator.clock.tell(sent.elapsed().unwrap_or_default()));
                }
            }
        };
        drop(owed);
        let succeeded = meta.state == taskqueue::State::Success;
        if succeeded {
            self.narrator.tell(Word::Good("sent"), format!("the mail of task {}", &task.id));
        } else {
            self.narrator.tell(Word::Bad("failed"), meta.error());
        }
        // The page's number: from the queue to the end that the worker noted.
        let took = meta.done_at().and_then(|done| done.duration_since(sent).ok());
        let worked = took.filter(|_| succeeded);
        self.change(&task.id, |visit| (visit.worked, visit.ended) = (worked, true));
    }

    /// How long the first visitor waited whose mail is out.
    #[must_use]
    pub fn first_wait(&self) -> Option<Duration> {
        self.lock().first_wait
    }

    /// Says what happened.
    pub fn event(&self, event: FormEvent) {
        match event {
            FormEvent::Submitted { request, visitor, id, email, repeated } => {
                let again = if repeated { " (the same form again: nothing new to do)" } else { "" };
                let email = printable(&email, 40);
                self.narrator
                    .tell(Word::Now("submitted"), format!("visitor {visitor}: {email}{again}"));
                self.waits((request, visitor), id, repeated);
            }
            FormEvent::Answered { request, visitor, method, path, status, elapsed } => {
                let what = printable(&format!("{method} {path}"), 30);
                if is_news(&method, visitor, status) {
                    let who =
                        visitor.map_or_else(String::new, |number| format!("; visitor {number}"));
                    let waited = self.narrator.clock.tell(elapsed);
                    let word = if status < 400 { Word::Good } else { Word::Bad };
                    self.narrator
                        .tell(word("answered"), format!("{what} → {status}{who} waited {waited}"));
                }
                self.answered(request, status, elapsed);
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
            FormEvent::Waiting { visitor, .. } => {
                let who = visitor.map_or("a page".to_owned(), |number| format!("visitor {number}"));
                (Word::Wait("waits"), format!("{who}: every thread is busy"))
            }
            FormEvent::Invalid { visitor, errors, .. } => {
                (Word::Bad("invalid"), format!("visitor {visitor}:{}", invalid(errors)))
            }
            FormEvent::Refused { visitor, refused, .. } => {
                let [reason, next] =
                    [&refused.reason, &refused.next].map(|text| printable(text, 300));
                (Word::Bad("refused"), format!("visitor {visitor}: {reason}\nnext: {next}"))
            }
            FormEvent::Left { visitor: Some(visitor), elapsed, .. } => {
                let after = self.narrator.clock.tell(*elapsed);
                (Word::Wait("left"), format!("visitor {visitor} gave up after {after}"))
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
            | FormEvent::Left { visitor: None, .. }
            | FormEvent::Stopped { .. }
            | FormEvent::Submitted { .. }
            | FormEvent::Answered { .. } => return None,
        })
    }

    fn waits(&self, (request, visitor): (u64, u64), id: String, repeated: bool) {
        let mut state = self.lock();
        if repeated && !state.visits.contains_key(&id) {
            return;
        }
        let visit = state.visits.entry(id.clone()).or_default();
        visit.waiting += 1;
        visit.bar.get_or_insert_with(|| self.narrator.bar(&format!("visitor {visitor} waits")));
        state.submitted.insert(request, id);
    }

    fn answered(&self, request: u64, status: u16, elapsed: Duration) {
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
            // Who had to wait for a turn first has the work at the end of the wait.
            let from = lab(waited.saturating_sub(worked));
            let lanes = [
                Lane::new("visitor waits", lab(waited)),
                Lane { from, to: from + lab(worked), name: "until the mail is out".to_owned() },
            ];
            self.narrator.chart(&lanes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page that was asked for is no news, nor is an address that has none: browsers try some; nor a stream
/// that is not to be had: its page asks now and then instead. What a visitor was told to wait for is,
/// and what was refused.
fn is_news(method: &str, visitor: Option<u64>, status: u16) -> bool {
    match status {
        404 | 503 => method == "POST",
        200..300 => visitor.is_some() && method == "GET",
        _ => true,
    }
}

fn invalid(errors: &crate::feedback::FieldErrors) -> String {
    let field = |name: &str, error: &Option<crate::feedback::FieldError>| {
        error.as_ref().map(|error| format!(" {name}: {error}")).unwrap_or_default()
    };
    format!("{}{}", field("email", &errors.email), field("message", &errors.message))
}
