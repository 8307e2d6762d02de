//! Whether Redis answers: told once when it stops, every five seconds while it is away, once when it is back.
//!
//! Several parts of the worker meet the same outage; the listener should hear of one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::BrokerError;
use crate::event::{Event, Observer};

const REMIND: Duration = Duration::from_secs(5);

pub(super) struct Health {
    observe: Observer,
    outage: Mutex<Option<Outage>>,
}

struct Outage {
    began: Instant,
    told: Instant,
}

impl Health {
    pub(super) fn new(observe: Observer) -> Self {
        Self { observe, outage: Mutex::new(None) }
    }

    pub(super) fn failed(&self, error: &BrokerError) {
        let now = Instant::now();
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let tell = outage.as_ref().is_none_or(|outage| now - outage.told >= REMIND);
        if tell {
            let began = outage.as_ref().map_or(now, |outage| outage.began);
            *outage = Some(Outage { began, told: now });
            (self.observe)(Event::BrokerLost { reason: error.to_string() });
        }
    }

    pub(super) fn answered(&self) {
        let outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Outage { began, .. }) = outage {
            (self.observe)(Event::BrokerBack { away: began.elapsed() });
        }
    }
}

/// How long to wait after so many failures: full jitter under `min(5 s, 50 ms · 2ⁿ)`; `chance` lies in 0..1.
pub(super) fn pause(failures: u32, chance: f64) -> Duration {
    let cap =
        Duration::from_millis(50).saturating_mul(1 << failures.min(10)).min(Duration::from_secs(5));
    cap.mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_five_seconds() {
        let longest = [0, 1, 2, 6, 7, 100].map(|failures| pause(failures, 1.0).as_millis());
        assert_eq!(longest, [50, 100, 200, 3200, 5000, 5000]);
        assert_eq!(pause(3, 0.0), Duration::ZERO);
    }
}
