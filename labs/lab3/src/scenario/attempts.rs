//! The attempts that a worker made, taken from its events, for the timeline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskqueue::{Event, Request};

use crate::chart::Lane;
use crate::clock::LabClock;

/// Listens to a worker.
#[derive(Clone)]
pub(super) struct Attempts {
    began: Instant,
    clock: LabClock,
    made: Arc<Mutex<Vec<Attempt>>>,
}

struct Attempt {
    id: String,
    number: u32,
    from: Duration,
    /// When it ended, and in which state.
    end: Option<(Duration, &'static str)>,
}

impl Attempts {
    pub(super) fn from_now(clock: LabClock) -> Self {
        Self { began: Instant::now(), clock, made: Arc::default() }
    }

    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::TaskStarted { request, .. } => self.lock().push(Attempt {
                id: request.id.clone(),
                number: request.retries + 1,
                from: self.began.elapsed(),
                end: None,
            }),
            Event::TaskSucceeded { request, .. } => self.ended(request, "SUCCESS"),
            Event::TaskFailed { request, .. } => self.ended(request, "FAILURE"),
            Event::TaskRetried { request, .. } => self.ended(request, "RETRY"),
            _ => {}
        }
    }

    fn ended(&self, request: &Request, state: &'static str) {
        let now = self.began.elapsed();
        let mut made = self.lock();
        let last = made.iter_mut().rev().find(|attempt| attempt.id == request.id);
        if let Some(attempt) = last {
            attempt.end = Some((now, state));
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// One bar an attempt; the gaps between them are the waits.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let lane = |attempt: &Attempt| {
            let (to, state) = attempt.end.unwrap_or((self.began.elapsed(), "?"));
            Lane {
                name: format!("{:<9}try {} {state}", attempt.id, attempt.number),
                from: self.clock.lab(attempt.from),
                to: self.clock.lab(to),
            }
        };
        self.lock().iter().map(lane).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
