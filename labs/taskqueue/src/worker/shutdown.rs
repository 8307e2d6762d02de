//! The end of a worker: it waits for its tasks as long as they take, and for Redis only so long.
//!
//! A warm stop waits until no task's code runs any more, as in Celery. What is left to do then is
//! to tell Redis: results, acknowledgements, what goes back. That, and all of a cold stop, has
//! `shutdown_timeout`. What Redis has not taken by then is named, and everything else is dropped:
//! leases run out, and whoever lives restores what was not acknowledged.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Shared, Stop};
use crate::event::Event;
use crate::task::Request;

pub(super) struct Shutdown {
    /// How many tasks' code runs.
    running: watch::Sender<usize>,
    /// All that is spawned ends with this.
    over: CancellationToken,
    timeout: Duration,
}

/// A task's code runs for as long as this lives.
pub(super) struct Running<'a>(&'a watch::Sender<usize>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl Shutdown {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { running: watch::Sender::new(0), over: CancellationToken::new(), timeout }
    }

    pub(super) fn running(&self) -> Running<'_> {
        self.running.send_modify(|running| *running += 1);
        Running(&self.running)
    }

    /// Cancelled when the worker waits no longer.
    pub(super) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// Returns when a stop has waited for Redis for as long as it may.
    pub(super) async fn out_of_time(&self, stop: &Stop) {
        stop.warm.cancelled().await;
        let mut running = self.running.subscribe();
        loop {
            tokio::select! {
                // A task that keeps its thread does not hear of a cold stop.
                () = stop.cold.cancelled() => return sleep(self.timeout).await,
                () = until(&mut running, false) => {}
            }
            // One that had begun to begin may begin yet.
            tokio::select! {
                () = stop.cold.cancelled() => {}
                begun = timeout(self.timeout, until(&mut running, true)) => {
                    if begun.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Until any code runs, or none does.
async fn until(running: &mut watch::Receiver<usize>, any: bool) {
    // The sender is as old as the worker.
    let _ = running.wait_for(|running| (*running > 0) == any).await;
}

impl Shared {
    /// Ends all that still waits, and names the tasks whose end Redis did not take.
    pub(super) fn give_up(&self) {
        for left in self.requests.all() {
            self.unsettled(left.request, left.acknowledged);
        }
        self.shutdown.over().cancel();
    }

    /// Redis did not take what became of this task.
    pub(super) fn unsettled(&self, request: Arc<Request>, acknowledged: bool) {
        self.unsettled.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (self.observe)(Event::TaskUnsettled { request, acknowledged });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    /// How long after now a stop is out of time.
    async fn waited(shutdown: &Shutdown, stop: &Stop) -> Duration {
        let began = Instant::now();
        shutdown.out_of_time(stop).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_stop_waits_for_code_without_limit_and_for_the_rest_ten_seconds() {
        let (shutdown, stop) = (Shutdown::new(TEN), Stop::new());
        let code = async {
            let _running = shutdown.running();
            sleep(Duration::from_secs(3600)).await;
        };
        stop.warm();
        let (waited, ()) = tokio::join!(waited(&shutdown, &stop), code);
        assert_eq!(waited.as_secs(), 3610);
    }

    #[tokio::test(start_paused = true)]
    async fn what_begins_while_it_waits_is_waited_for() {
        let (shutdown, stop) = (Shutdown::new(TEN), Stop::new());
        let code = async {
            sleep(Duration::from_secs(5)).await;
            let _running = shutdown.running();
            sleep(Duration::from_secs(60)).await;
        };
        stop.warm();
        let (waited, ()) = tokio::join!(waited(&shutdown, &stop), code);
        assert_eq!(waited.as_secs(), 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cold_stop_waits_for_ten_seconds_in_all_whatever_runs() {
        let (shutdown, stop) = (Shutdown::new(TEN), Stop::new());
        let _stuck = shutdown.running();
        stop.warm();
        let cold = async {
            sleep(Duration::from_secs(100)).await;
            stop.cold();
        };
        let (waited, ()) = tokio::join!(waited(&shutdown, &stop), cold);
        assert_eq!(waited.as_secs(), 110);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_out_of_time_before_the_stop() {
        let (shutdown, stop) = (Shutdown::new(TEN), Stop::new());
        assert!(timeout(TEN * 100, shutdown.out_of_time(&stop)).await.is_err());
    }
}
