//! The stream from which the success page hears of its task: server-sent events.
//!
//! Each event is all that the page shows, as JSON: the first one at once, then one a change, and none
//! after the task's end. So a browser that was cut off and connects again has missed nothing, and one
//! that asks for a single event instead, now and then, sees the same.
//! While nothing changes it is told again, which shows that the connection is alive. A stream ends after
//! [`Limits::stream`](super::Limits) in any case, and when the form is stopped; the browser comes again.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::answer::{self, Answer};
use super::receipt::Receipt;
use super::rejection::Rejection;
use super::site::Site;
use super::{OnSubmit, Progress};
use crate::page::Told;

/// A line that no script sees, in front of what is told again.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// The events as a body; it ends when nobody speaks any more.
pub(crate) struct Events(pub(crate) mpsc::Receiver<Bytes>);

impl Events {
    /// Before a browser that lost the stream asks for it again.
    pub(crate) const RETRY: Bytes = Bytes::from_static(b"retry: 1000\n\n");
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Opens the stream for a task, unless [`Limits::streams`](super::Limits) are open.
pub(super) async fn open<S: OnSubmit>(
    site: &Arc<Site<S>>,
    receipt: Receipt,
) -> Result<Answer, Rejection> {
    let task = receipt.task.clone().ok_or(Rejection::NotFound)?;
    let place = Arc::clone(&site.streams).try_acquire_owned();
    let place = place.map_err(|_| Rejection::TooManyStreams)?;
    let first = site.on_submit.progress(&task, None).await.ok_or(Rejection::NotFound)?;
    let (say, hear) = mpsc::channel(1);
    let site = Arc::clone(site);
    let tasks = site.tasks.clone();
    tasks.spawn(async move {
        let telling = Telling { site: &site, task: &task, receipt: &receipt, say };
        let told = site.stopping.run_until_cancelled(telling.tell(first));
        let _ = timeout(site.limits.stream, told).await;
        drop(place);
    });
    Ok(answer::events(Events(hear)))
}

/// What the stream would begin with.
pub(super) async fn now<S: OnSubmit>(
    site: &Site<S>,
    receipt: &Receipt,
) -> Result<String, Rejection> {
    let task = receipt.task.as_deref().ok_or(Rejection::NotFound)?;
    let now = site.on_submit.progress(task, None).await.ok_or(Rejection::NotFound)?;
    Ok(told(site, receipt, &now))
}

fn told<S: OnSubmit>(site: &Site<S>, receipt: &Receipt, now: &Progress) -> String {
    Told::new(now, receipt, site.on_submit.clock(), SystemTime::now()).json()
}

/// One stream, as long as there is something to tell and somebody to hear it.
struct Telling<'a, S> {
    site: &'a Site<S>,
    task: &'a str,
    receipt: &'a Receipt,
    say: mpsc::Sender<Bytes>,
}

impl<S: OnSubmit> Telling<'_, S> {
    async fn tell(&self, first: Progress) -> Option<()> {
        self.say.send(Events::RETRY).await.ok()?;
        let mut now = first;
        loop {
            self.say.send(self.event(&now)).await.ok()?;
            if now.done {
                return None;
            }
            now = self.change(&now).await?;
        }
    }

    async fn change(&self, now: &Progress) -> Option<Progress> {
        let mut change = pin!(self.site.on_submit.progress(self.task, Some(now)));
        loop {
            tokio::select! {
                change = &mut change => return change,
                () = self.say.closed() => return None,
                () = sleep(self.site.limits.heartbeat) => {
                    self.say.send(HEARTBEAT).await.ok()?;
                    self.say.send(self.event(now)).await.ok()?;
                }
            }
        }
    }

    fn event(&self, now: &Progress) -> Bytes {
        Bytes::from(format!("data: {}\n\n", told(self.site, self.receipt, now)))
    }
}
