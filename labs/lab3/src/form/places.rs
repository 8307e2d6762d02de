//! A place for every connection, and who has to give one up when all are taken.
//!
//! First whoever has been answered and only lingers; then whoever has been sending a request for
//! longest, after a fair chance. So a thousand silent connections do not keep a visitor out, and a
//! crowd of honest ones is not turned away. Whose request is being answered keeps the place: when
//! all do, the next visitor waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a request may take to arrive even when others wait.
const FAIR: Duration = Duration::from_millis(100);

/// All places.
pub(super) struct Places {
    free: Arc<Semaphore>,
    next: AtomicU64,
    held: Arc<Held>,
}

/// The places that can be given up, in the order in which they would be.
#[derive(Default)]
struct Held(Mutex<VecDeque<Dispensable>>);

struct Dispensable {
    number: u64,
    /// Not before this moment.
    due: Instant,
    needed: CancellationToken,
}

/// A connection's place; free again when it is dropped.
pub(super) struct Place {
    /// Cancelled when somebody else needs the place.
    pub(super) needed: CancellationToken,
    number: u64,
    held: Arc<Held>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(places)),
            next: AtomicU64::new(0),
            held: Arc::default(),
        }
    }

    /// A free place, or one that somebody has to give up; `None` never in practice.
    pub(super) async fn take(&self) -> Option<Place> {
        let permit = self.permit().await?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (held, needed) = (Arc::clone(&self.held), CancellationToken::new());
        let due = Instant::now() + FAIR;
        held.lock().push_back(Dispensable { number, due, needed: needed.clone() });
        Some(Place { needed, number, held, _permit: permit })
    }

    /// Takes their places from all who have had their fair chance: the system has less to give than
    /// was thought. Says whether there was anybody.
    pub(super) fn spare_some(&self) -> bool {
        let now = Instant::now();
        let mut held = self.held.lock();
        let (due, others): (VecDeque<_>, _) = held.drain(..).partition(|one| one.due <= now);
        *held = others;
        due.iter().for_each(|one| one.needed.cancel());
        !due.is_empty()
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            let free = Arc::clone(&self.free);
            if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
                return Some(permit);
            }
            match self.held.give_one_up(Instant::now()) {
                // One is about to become free, or all are kept.
                Ok(()) => return free.acquire_owned().await.ok(),
                Err(due) => tokio::select! {
                    permit = free.acquire_owned() => return permit.ok(),
                    () = sleep_until(due) => {}
                },
            }
        }
    }
}

impl Place {
    /// The request has arrived: from now on nobody takes the place away.
    pub(super) fn keep(&self) {
        self.held.lock().retain(|held| held.number != self.number);
    }

    /// The answer is out: now the place is the first to be given up.
    pub(super) fn spare(&self) {
        let (number, needed) = (self.number, self.needed.clone());
        self.held.lock().push_front(Dispensable { number, due: Instant::now(), needed });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.keep();
    }
}

impl Held {
    /// Takes the first place away, or says when that would be fair.
    fn give_one_up(&self, now: Instant) -> Result<(), Instant> {
        let mut held = self.lock();
        match held.front() {
            Some(first) if first.due > now => Err(first.due),
            _ => {
                held.pop_front().inspect(|first| first.needed.cancel());
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Dispensable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two places, both taken.
    async fn taken() -> (Places, Place, Place) {
        let places = Places::new(2);
        let (first, second) = (places.take().await.unwrap(), places.take().await.unwrap());
        (places, first, second)
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_been_sending_for_longest_gives_the_place_up_after_a_fair_chance() {
        let (places, first, second) = taken().await;
        let (began, needed) = (Instant::now(), first.needed.clone());
        let leave = async {
            needed.cancelled().await;
            assert_eq!(began.elapsed().as_millis(), FAIR.as_millis());
            drop(first);
        };
        let (third, ()) = tokio::join!(places.take(), leave);
        assert!(third.is_some() && !second.needed.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_lingers_gives_the_place_up_at_once_and_before_all_others() {
        let (places, first, second) = taken().await;
        second.keep();
        second.spare();
        let (began, needed) = (Instant::now(), second.needed.clone());
        let leave = async {
            needed.cancelled().await;
            drop(second);
        };
        let (third, ()) = tokio::join!(places.take(), leave);
        assert!(third.is_some() && began.elapsed().is_zero() && !first.needed.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn in_need_all_go_who_have_had_their_chance_and_nobody_else() {
        let (places, first, second) = taken().await;
        first.keep();
        assert!(!places.spare_some(), "nobody has had a chance yet");
        sleep_until(Instant::now() + FAIR).await;
        assert!(places.spare_some());
        assert!(!first.needed.is_cancelled() && second.needed.is_cancelled());
        assert!(!places.spare_some(), "nobody is left who could go");
    }

    #[tokio::test(start_paused = true)]
    async fn whose_request_has_arrived_keeps_the_place() {
        let (places, first, second) = taken().await;
        first.keep();
        second.keep();
        let third = tokio::time::timeout(10 * FAIR, places.take()).await;
        assert!(third.is_err() && !first.needed.is_cancelled() && !second.needed.is_cancelled());
    }
}
