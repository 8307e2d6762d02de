//! What a server here is given: somebody who answers, and what bounds it.
//!
//! The form is one; the live view of step 8 is another, behind the same defences.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Answer;
use super::event::FormEvent;
use super::limits::Limits;

/// Answers requests, from any number of connections at a time.
pub(crate) trait Answers: Send + Sync + 'static {
    /// What a visitor may cost.
    fn limits(&self) -> &Limits;

    /// Everything that runs, so that the server can wait for it.
    fn tasks(&self) -> &TaskTracker;

    /// Asks everything that runs to come to its end.
    fn stopping(&self) -> &CancellationToken;

    /// Ends everything that runs.
    fn cut(&self) -> &CancellationToken;

    /// How many requests are being handled.
    fn running(&self) -> usize;

    /// Is told what happens to connections.
    fn observe(&self, event: FormEvent);

    /// Every request gets an answer. `arrived` is told when all of the request is there.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrived: impl FnOnce() + Send,
    ) -> impl Future<Output = Answer> + Send;
}
