//! A place for every connection, and who has to give one up.
//!
//! A connection whose request has not arrived yet holds its place only until somebody else needs it:
//! the one that has kept us waiting for longest goes first. So a thousand silent connections do not
//! keep a visitor out. Whose request is being answered keeps the place; when all are, the next
//! visitor waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// All places.
pub(super) struct Places {
    free: Arc<Semaphore>,
    arriving: Arc<Arriving>,
}

/// Whose requests have not arrived yet, the oldest first.
#[derive(Default)]
struct Arriving {
    next: AtomicU64,
    places: Mutex<VecDeque<(u64, CancellationToken)>>,
}

/// A connection's place; free again when it is dropped.
pub(super) struct Place {
    /// Cancelled when somebody else needs the place.
    pub(super) needed: CancellationToken,
    number: u64,
    arriving: Arc<Arriving>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(places)), arriving: Arc::default() }
    }

    /// A free place, or one that somebody has to give up; `None` never in practice.
    pub(super) async fn take(&self) -> Option<Place> {
        if self.free.available_permits() == 0 {
            self.arriving.give_one_up();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let (number, needed) = self.arriving.enter();
        Some(Place { needed, number, arriving: Arc::clone(&self.arriving), _permit: permit })
    }
}

impl Place {
    /// The request has arrived: from now on nobody takes the place away.
    pub(super) fn keep(&self) {
        self.arriving.lock().retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.keep();
    }
}

impl Arriving {
    fn enter(&self) -> (u64, CancellationToken) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let needed = CancellationToken::new();
        self.lock().push_back((number, needed.clone()));
        (number, needed)
    }

    fn give_one_up(&self) {
        if let Some((_, needed)) = self.lock().pop_front() {
            needed.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, CancellationToken)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_kept_us_waiting_for_longest_gives_the_place_up() {
        let places = Places::new(2);
        let (first, second) = (places.take().await.unwrap(), places.take().await.unwrap());
        let (first_needed, second_needed) = (first.needed.clone(), second.needed.clone());
        let leave = async {
            first_needed.cancelled().await;
            drop(first);
        };
        let (third, ()) = tokio::join!(places.take(), leave);
        assert!(third.is_some() && !second_needed.is_cancelled());
    }

    #[tokio::test]
    async fn whose_request_has_arrived_keeps_the_place() {
        let places = Places::new(2);
        let (first, second) = (places.take().await.unwrap(), places.take().await.unwrap());
        first.keep();
        second.keep();
        let waits = tokio::spawn(async move { places.take().await.is_some() });
        tokio::task::yield_now().await;
        assert!(!first.needed.is_cancelled() && !second.needed.is_cancelled());
        drop(first);
        assert!(waits.await.unwrap());
    }
}
