//! One request from its arrival to its answer.
//!
//! Reading a request is the visitor's pace and costs nobody else anything; handling it takes one of
//! [`Limits::at_once`] turns. What is handled runs in a task of its own: hyper drops a request's
//! future when the visitor closes the page, and a mail must not be cut in the middle for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

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
use super::visitors::Visitors;
use crate::feedback::{Feedback, FieldErrors};
use crate::page;

/// With which request a form was sent, and since when its visitor waits.
#[derive(Clone, Copy)]
struct Arrival {
    request: u64,
    at: Instant,
}

/// An answer, with the wait that it tells the visitor of.
struct Handled {
    answer: Answer,
    waited: Option<Duration>,
}

impl From<Answer> for Handled {
    fn from(answer: Answer) -> Self {
        Self { answer, waited: None }
    }
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
    visitors: Visitors,
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
        let mut visit = Visit::begin(number, method, path, Arc::clone(&self.observe));
        let wanted = request::read(request, &self.limits).await;
        arrived();
        let (Handled { answer, waited }, turn) = match wanted {
            Ok(wanted) => self.in_turn(&mut visit, wanted).await,
            // Who closes the page while it is being sent has left, and is answered in vain.
            Err(gone @ Rejection::BrokenOff) => return answer::rejected(&gone),
            Err(rejection) => (answer::rejected(&rejection).into(), None),
        };
        visit.answered(answer.status().as_u16(), waited);
        // The next one's turn comes when this one's end has been told.
        drop(turn);
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
            visitors: Visitors::default(),
            turns,
            requests: AtomicU64::new(1),
        }
    }

    /// A visitor who leaves while waiting gives the turn up; one who leaves later does not end it.
    async fn in_turn(
        self: &Arc<Self>,
        visit: &mut Visit,
        wanted: Wanted,
    ) -> (Handled, Option<OwnedSemaphorePermit>) {
        let turn = self.turn(visit, &wanted).await;
        let (site, request, at) = (Arc::clone(self), visit.request, visit.arrived);
        let handling = async move {
            let handled = match wanted {
                Wanted::Submit(fields) => site.submit(Arrival { request, at }, fields).await,
                other => site.show(other).await.into(),
            };
            (handled, turn)
        };
        let bounded = self.cut.clone().run_until_cancelled_owned(handling);
        match self.tasks.spawn(bounded).await {
            Ok(Some(handled)) => handled,
            Ok(None) | Err(_) => (answer::rejected(&Rejection::Crashed).into(), None),
        }
    }

    /// Whoever has to wait is mentioned, and so has a number from then on.
    async fn turn(&self, visit: &mut Visit, wanted: &Wanted) -> Option<OwnedSemaphorePermit> {
        if let Wanted::Submit(fields) = wanted {
            visit.visitor = Some(self.visitors.number(&fields.token));
        }
        let free = Arc::clone(&self.turns).try_acquire_owned();
        if free.is_err() {
            if let Wanted::Form(fields) = wanted {
                visit.visitor = Some(self.visitors.number(&fields.token));
            }
            let (request, visitor) = (visit.request, visit.visitor);
            (self.observe)(FormEvent::Waiting { request, visitor });
            return Arc::clone(&self.turns).acquire_owned().await.ok();
        }
        free.ok()
    }

    async fn show(self: &Arc<Self>, wanted: Wanted) -> Answer {
        match wanted {
            Wanted::Form(fields) | Wanted::Submit(fields) => {
                answer::html(StatusCode::OK, &self.form(&fields).empty())
            }
            Wanted::Success(receipt) => self.success(&receipt).await,
            Wanted::Progress(receipt) => {
                let stream = stream::open(self, receipt).await;
                stream.unwrap_or_else(|rejection| answer::rejected(&rejection))
            }
            Wanted::State(receipt) => {
                let now = stream::now(self, &receipt).await;
                now.map_or_else(|rejection| answer::rejected(&rejection), answer::json)
            }
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

    async fn submit(&self, arrival: Arrival, fields: Fields) -> Handled {
        match Feedback::parse(&fields.email, &fields.message) {
            Ok(feedback) => self.submit_valid(arrival, &fields, feedback).await,
            Err(errors) => self.show_again(arrival.request, &fields, errors).into(),
        }
    }

    /// Status 200, as Django answers: the request was understood, and this is its page.
    fn show_again(&self, request: u64, fields: &Fields, errors: FieldErrors) -> Answer {
        let page = self.form(fields).invalid(&errors);
        let visitor = self.visitors.number(&fields.token);
        (self.observe)(FormEvent::Invalid { request, visitor, errors });
        answer::html(StatusCode::OK, &page)
    }

    async fn submit_valid(&self, arrival: Arrival, fields: &Fields, feedback: Feedback) -> Handled {
        let (request, visitor) = (arrival.request, self.visitors.number(&fields.token));
        let token = fields.token.clone();
        let (entry, repeated) = self.submissions.enter(token, feedback);
        (self.observe)(FormEvent::Submitted {
            request,
            visitor,
            id: entry.submission.id.clone(),
            email: entry.submission.feedback.email().to_owned(),
            repeated,
        });
        match entry.submit(&*self.on_submit, arrival.at).await {
            Ok(receipt) => Handled { answer: answer::redirect(&receipt), waited: receipt.waited },
            Err(refused) => {
                let answer = answer::refused(&self.form(fields), &refused);
                (self.observe)(FormEvent::Refused { request, visitor, refused });
                answer.into()
            }
        }
    }
}
