//! Celery's logical clock: a number that every event and every remote-control reply carries.
//!
//! Times of day differ between machines; this one only counts, and jumps ahead to whatever it is
//! shown, so that a listener can put what it hears into an order (Lamport, CACM 21, 1978;
//! `kombu.clocks`).

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct LamportClock(AtomicU64);

impl LamportClock {
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The next number.
    pub(crate) fn forward(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Somebody else counts already to `other`. Whoever is far ahead may be wrong: a number at the
    /// end of the range is not believed, so that ours never has to start again.
    pub(crate) fn adjust(&self, other: u64) {
        if other < u64::MAX / 2 {
            self.0.fetch_max(other, Ordering::Relaxed);
        }
        self.forward();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_and_jumps_ahead_of_what_it_hears() {
        let clock = LamportClock::default();
        assert_eq!((clock.forward(), clock.forward()), (1, 2));
        clock.adjust(40);
        assert_eq!(clock.now(), 41);
        clock.adjust(3);
        clock.adjust(u64::MAX);
        assert_eq!(clock.forward(), 44);
    }
}
