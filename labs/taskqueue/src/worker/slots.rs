//! The places in which tasks run: Celery's pool, of tasks instead of processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Stop;

/// The most slots that are taken at once, and so the most messages that one fetch takes.
const BATCH: usize = 256;

pub(super) struct Slots {
    free: Arc<Semaphore>,
    size: AtomicUsize,
}

impl Slots {
    pub(super) fn new(size: usize) -> Self {
        let size = size.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(size)), size: AtomicUsize::new(size) }
    }

    /// How many there are, free or not.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// All slots that are free, at least one; none when it is time to stop.
    pub(super) async fn take(&self, stop: &Stop) -> Option<OwnedSemaphorePermit> {
        let mut taken = tokio::select! {
            biased;
            () = stop.warm.cancelled() => return None,
            slot = Arc::clone(&self.free).acquire_owned() => slot.ok()?,
        };
        let more = self.free.available_permits().min(BATCH - 1);
        let rest = Arc::clone(&self.free).try_acquire_many_owned(u32::try_from(more).unwrap_or(0));
        if let Ok(rest) = rest {
            taken.merge(rest);
        }
        Some(taken)
    }

    /// `count` more, unless that is more than anybody can mean.
    pub(super) fn grow(&self, count: usize) -> bool {
        let fits = |size: usize| size.checked_add(count).filter(|size| *size <= 1_000_000);
        let grown = self.size.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if grown {
            self.free.add_permits(count);
        }
        grown
    }

    /// `count` fewer, as they become free; one is always left.
    pub(super) fn shrink(&self, count: usize) -> bool {
        let fits = |size: usize| size.checked_sub(count).filter(|left| *left >= 1);
        let shrunk = self.size.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        for _ in 0..if shrunk { count } else { 0 } {
            let free = Arc::clone(&self.free);
            // One by one: whoever waits for several keeps all others waiting.
            tokio::spawn(
                async move { free.acquire_owned().await.map(OwnedSemaphorePermit::forget) },
            );
        }
        shrunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slots_grow_at_once_and_shrink_as_they_become_free() {
        let (slots, stop) = (Slots::new(2), Stop::new());
        assert_eq!(slots.take(&stop).await.unwrap().num_permits(), 2);
        assert!(slots.grow(1));
        let busy = slots.take(&stop).await.unwrap();
        assert_eq!((busy.num_permits(), slots.size()), (3, 3));
        assert!(slots.shrink(2));
        drop(busy);
        // The two who wait to take slots away come before us.
        while slots.free.available_permits() != 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(slots.take(&stop).await.unwrap().num_permits(), 1);
        assert!(!slots.shrink(1), "one is left");
        assert!(!slots.grow(usize::MAX));
    }
}
