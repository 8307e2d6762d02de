//! Names tasks that keep their thread: `std::thread::sleep` where `tokio::time::sleep` was meant.
//!
//! An async task gives its thread back whenever it waits. One that does not starves the others,
//! and nothing inside the runtime may be left to notice. So a thread of its own looks every half
//! second which polls have begun and not returned. It can name the task; it can't stop it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::event::{Event, Observer};
use crate::task::Request;

/// A poll may take this long before it is told.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Polls {
    next: AtomicU64,
    running: Mutex<HashMap<u64, RunningPoll>>,
}

struct RunningPoll {
    began: Instant,
    told: bool,
    request: Arc<Request>,
}

pub(super) struct Watchdog {
    polls: Arc<Polls>,
    /// The thread ends when this is dropped.
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub(super) fn start(observe: Observer) -> Self {
        let polls = Arc::new(Polls::default());
        let (alive, ended) = mpsc::channel();
        let watched = Arc::clone(&polls);
        std::thread::spawn(move || {
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                watched.tell_overdue(&observe);
            }
        });
        Self { polls, _alive: alive }
    }

    /// `code`, with each of its polls under watch.
    pub(super) fn watch<F: Future + Unpin>(&self, code: F, request: &Arc<Request>) -> Watched<F> {
        Watched { code, polls: Arc::clone(&self.polls), request: Arc::clone(request) }
    }
}

impl Polls {
    fn tell_overdue(&self, observe: &Observer) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for poll in running.values_mut().filter(|poll| !poll.told) {
            let lasted = poll.began.elapsed();
            if lasted >= PATIENCE {
                poll.told = true;
                observe(Event::TaskBlocks { request: Arc::clone(&poll.request), lasted });
            }
        }
    }
}

pub(super) struct Watched<F> {
    code: F,
    polls: Arc<Polls>,
    request: Arc<Request>,
}

impl<F: Future + Unpin> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let number = self.polls.next.fetch_add(1, Ordering::Relaxed);
        let poll =
            RunningPoll { began: Instant::now(), told: false, request: Arc::clone(&self.request) };
        let polls = Arc::clone(&self.polls);
        polls.running.lock().unwrap_or_else(PoisonError::into_inner).insert(number, poll);
        let outcome = Pin::new(&mut self.code).poll(context);
        polls.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        outcome
    }
}
