//! How a worker is told to stop.

use tokio_util::sync::CancellationToken;

/// Tells a worker to stop: warm first, then cold, as Celery's two Ctrl-C.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    pub(super) warm: CancellationToken,
    pub(super) cold: CancellationToken,
}

impl Stop {
    /// Nobody has asked to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Take nothing more and finish what runs.
    pub fn warm(&self) {
        self.warm.cancel();
    }

    /// Stop now and give back what runs.
    pub fn cold(&self) {
        self.warm.cancel();
        self.cold.cancel();
    }
}
