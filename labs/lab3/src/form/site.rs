//! One request from its arrival to its answer.
//!
//! Reading a request is the visitor's pace and costs nobody else anything; handling it takes one of
//! [`Limits::at_once`] turns. What is handled runs in a task of its own: hyper drops a request's
//! future when the visitor closes the page, and a mail must not be cut in the middle for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::OnSubmit;
use super::answer::{self, Answer};
use super::answers::Answers;
use super::event::{FormEvent, Observe, Visit};
use super::limits::Limits;
use super::receipt::Receipt;
use super::rejection::Rejection;
use super::request::{self, Fields, Wanted};
use super::stream;
use super::submissions::Submissions;
use crate::feedback::{Feedback, FieldErrors};
use crate::page;

/// Which request, and since when its visitor waits.
#[derive(Clone, Copy)]
struct Arrival {
    number: u64,
    at: Instant,
}

/// What all requests share.
pub(super) struct Site<S> {
    pub(super) limits: Limits,
    pub(super) observe: Observe,
    /// Everything that runs, so that the server can wait for it.
    pub(super) tasks: TaskTracker,
    /// Asks everything that runs to come to its end.
    pub(super) stopping: CancellationToken,
    /// Ends everything that runs.
    pub(super) cut: CancellationToken,
    /// What the form is for.
    pub(super) on_submit: Arc<S>,
    /// A place for every page that watches its task.
    pub(super) streams: Arc<Semaphore>,
    submissions: Submissions,
    turns: Arc<Semaphore>,
    requests: AtomicU64,
}

impl<S: OnSubmit> Answers for Site<S> {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    fn running(&self) -> usize {
        self.limits.at_once - self.turns.available_permits()
    }

    fn observe(&self, event: FormEvent) {
        (self.observe)(event);
    }

    /// Every request's visit is reported.
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrived: impl FnOnce() + Send,
    ) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (method, path) = (request.method().as_str(), request.uri().path());
        let visit = Visit::begin(number, method, path, Arc::clone(&self.observe));
        let wanted = request::read(request, &self.limits).await;
        arrived();
        let answer = match wanted {
            Ok(wanted) => self.in_turn(Arrival { number, at: visit.arrived }, wanted).await,
            Err(rejection) => answer::rejected(&rejection),
        };
        visit.answered(answer.status().as_u16());
        answer
    }
}

impl<S: OnSubmit> Site<S> {
    pub(super) fn new(
        on_submit: Arc<S>,
        observe: Observe,
        stopping: CancellationToken,
        limits: Limits,
    ) -> Self {
        let limits = Limits { at_once: limits.at_once.clamp(1, Semaphore::MAX_PERMITS), ..limits };
        let turns = Arc::new(Semaphore::new(limits.at_once));
        let streams = limits.streams.min(Semaphore::MAX_PERMITS);
        Self {
            streams: Arc::new(Semaphore::new(streams)),
            limits,
            observe,
            tasks: TaskTracker::new(),
            stopping,
            cut: CancellationToken::new(),
            on_submit,
            submissions: Submissions::default(),
            turns,
            requests: AtomicU64::new(1),
        }
    }

    /// A visitor who leaves while waiting gives the turn up; one who leaves later does not end it.
    async fn in_turn(self: &Arc<Self>, arrival: Arrival, wanted: Wanted) -> Answer {
        let turn = self.turn(arrival.number).await;
        let site = Arc::clone(self);
        let handling = async move {
            let answer = site.handle(arrival, wanted).await;
            drop(turn);
            answer
        };
        let bounded = self.cut.clone().run_until_cancelled_owned(handling);
        match self.tasks.spawn(bounded).await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => answer::rejected(&Rejection::Crashed),
        }
    }

    async fn turn(&self, request: u64) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.turns).try_acquire_owned();
        if free.is_err() {
            (self.observe)(FormEvent::Waiting { request });
            return Arc::clone(&self.turns).acquire_owned().await.ok();
        }
        free.ok()
    }

    async fn handle(self: &Arc<Self>, arrival: Arrival, wanted: Wanted) -> Answer {
        match wanted {
            Wanted::Form => answer::html(StatusCode::OK, &self.form(&Fields::blank()).empty()),
            Wanted::Success(receipt) => self.success(&receipt).await,
            Wanted::Progress(receipt) => {
                let stream = stream::open(self, receipt).await;
                stream.unwrap_or_else(|rejection| answer::rejected(&rejection))
            }
            Wanted::Submit(fields) => self.submit(arrival, fields).await,
        }
    }

    fn form<'a>(&self, fields: &'a Fields) -> page::Form<'a> {
        let Fields { email, message, token } = fields;
        page::Form { email, message, token, clock: self.on_submit.clock() }
    }

    async fn success(&self, receipt: &Receipt) -> Answer {
        let progress = match &receipt.task {
            Some(id) => self.on_submit.progress(id, None).await,
            None => None,
        };
        let (clock, now) = (self.on_submit.clock(), SystemTime::now());
        answer::html(StatusCode::OK, &page::success(receipt, progress.as_ref(), clock, now))
    }

    async fn submit(&self, arrival: Arrival, fields: Fields) -> Answer {
        match Feedback::parse(&fields.email, &fields.message) {
            Ok(feedback) => self.submit_valid(arrival, &fields, feedback).await,
            Err(errors) => self.show_again(arrival.number, &fields, errors),
        }
    }

    /// Status 200, as Django answers: the request was understood, and this is its page.
    fn show_again(&self, request: u64, fields: &Fields, errors: FieldErrors) -> Answer {
        let page = self.form(fields).invalid(&errors);
        (self.observe)(FormEvent::Invalid { request, errors });
        answer::html(StatusCode::OK, &page)
    }

    async fn submit_valid(&self, arrival: Arrival, fields: &Fields, feedback: Feedback) -> Answer {
        let request = arrival.number;
        let token = fields.token.clone();
        let (entry, repeated) = self.submissions.enter(token, feedback);
        (self.observe)(FormEvent::Submitted {
            request,
            id: entry.submission.id.clone(),
            email: entry.submission.feedback.email().to_owned(),
            repeated,
        });
        match entry.submit(&*self.on_submit).await {
            Ok(receipt) => {
                let waited = Some(arrival.at.elapsed());
                answer::redirect(&Receipt { waited, ..receipt })
            }
            Err(refused) => {
                let answer = answer::refused(&self.form(fields), &refused);
                (self.observe)(FormEvent::Refused { request, refused });
                answer
            }
        }
    }
}
