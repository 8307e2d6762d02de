//! One request from its arrival to its answer.
//!
//! Reading a request is the visitor's pace and costs nobody else anything; handling it takes one of
//! [`Limits::at_once`] turns. What is handled runs in a task of its own: hyper drops a request's
//! future when the visitor closes the page, and a mail must not be cut in the middle for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::OnSubmit;
use super::answer::{self, Answer};
use super::event::{FormEvent, Observe, Visit};
use super::limits::Limits;
use super::rejection::Rejection;
use super::request::{self, Fields, Wanted};
use super::submissions::Submissions;
use crate::feedback::{Feedback, FieldErrors};
use crate::page;

/// What all requests share.
pub(super) struct Site<S> {
    pub(super) limits: Limits,
    pub(super) observe: Observe,
    /// Everything that runs, so that the server can wait for it.
    pub(super) tasks: TaskTracker,
    /// Ends everything that runs.
    pub(super) cut: CancellationToken,
    on_submit: Arc<S>,
    port: u16,
    submissions: Submissions,
    turns: Arc<Semaphore>,
    requests: AtomicU64,
}

impl<S: OnSubmit> Site<S> {
    pub(super) fn new(port: u16, on_submit: Arc<S>, observe: Observe, limits: Limits) -> Self {
        let limits = Limits { at_once: limits.at_once.clamp(1, Semaphore::MAX_PERMITS), ..limits };
        let turns = Arc::new(Semaphore::new(limits.at_once));
        Self {
            limits,
            observe,
            tasks: TaskTracker::new(),
            cut: CancellationToken::new(),
            on_submit,
            port,
            submissions: Submissions::default(),
            turns,
            requests: AtomicU64::new(1),
        }
    }

    /// Requests that have their turn.
    pub(super) fn running(&self) -> usize {
        self.limits.at_once - self.turns.available_permits()
    }

    /// Every request gets an answer, and its visit is reported.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (method, path) = (request.method().as_str(), request.uri().path());
        let visit = Visit::begin(number, method, path, Arc::clone(&self.observe));
        let answer = match request::read(request, self.port, &self.limits).await {
            Ok(wanted) => self.in_turn(number, wanted).await,
            Err(rejection) => answer::rejected(&rejection),
        };
        visit.answered(answer.status().as_u16());
        answer
    }

    /// A visitor who leaves while waiting gives the turn up; one who leaves later does not end it.
    async fn in_turn(self: &Arc<Self>, number: u64, wanted: Wanted) -> Answer {
        let turn = self.turn(number).await;
        let site = Arc::clone(self);
        let handling = async move {
            let answer = site.handle(number, wanted).await;
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

    async fn handle(&self, number: u64, wanted: Wanted) -> Answer {
        match wanted {
            Wanted::Form => answer::html(StatusCode::OK, &Fields::blank().form().empty()),
            Wanted::Success { task } => self.success(task).await,
            Wanted::Submit(fields) => self.submit(number, fields).await,
        }
    }

    async fn success(&self, task: Option<String>) -> Answer {
        let progress = match &task {
            Some(id) => self.on_submit.progress(id).await.map(|now| (&**id, now)),
            None => None,
        };
        answer::html(StatusCode::OK, &page::success(progress))
    }

    async fn submit(&self, request: u64, fields: Fields) -> Answer {
        match Feedback::parse(&fields.email, &fields.message) {
            Ok(feedback) => self.submit_valid(request, &fields, feedback).await,
            Err(errors) => self.show_again(request, &fields, errors),
        }
    }

    /// Status 200, as Django answers: the request was understood, and this is its page.
    fn show_again(&self, request: u64, fields: &Fields, errors: FieldErrors) -> Answer {
        let page = fields.form().invalid(&errors);
        (self.observe)(FormEvent::Invalid { request, errors });
        answer::html(StatusCode::OK, &page)
    }

    async fn submit_valid(&self, request: u64, fields: &Fields, feedback: Feedback) -> Answer {
        let token = fields.token.clone();
        let (entry, repeated) = self.submissions.enter(token, feedback);
        (self.observe)(FormEvent::Submitted {
            request,
            id: entry.submission.id.clone(),
            email: entry.submission.feedback.email().to_owned(),
            repeated,
        });
        match entry.submit(&*self.on_submit).await {
            Ok(accepted) => answer::redirect(&accepted),
            Err(refused) => {
                let answer = answer::refused(&fields.form(), &refused);
                (self.observe)(FormEvent::Refused { request, refused });
                answer
            }
        }
    }
}
