//! A bar for a wait whose end is known.

use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use tokio::time::interval;

use super::Bar;

/// A bar that fills by itself.
pub(super) struct Countdown(AbortHandle);

impl Countdown {
    pub(super) fn start(bar: Bar, lasts: Duration) -> Self {
        let filling = tokio::spawn(async move {
            let (began, mut tick) = (Instant::now(), interval(Duration::from_millis(50)));
            loop {
                tick.tick().await;
                bar.set(began.elapsed().as_secs_f64() / lasts.as_secs_f64().max(0.001));
            }
        });
        Self(filling.abort_handle())
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.0.abort();
    }
}
