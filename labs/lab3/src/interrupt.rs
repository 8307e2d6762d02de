//! Ctrl-C: the first asks a program to come to an end, the second ends it now.

use tokio_util::sync::CancellationToken;

/// Tells when Ctrl-C was pressed.
#[derive(Debug, Clone)]
pub struct Interrupt {
    once: CancellationToken,
    twice: CancellationToken,
}

impl Interrupt {
    /// Listens from now on. SIGTERM counts as a Ctrl-C where there are signals.
    #[must_use]
    pub fn listen() -> Self {
        let interrupt = Self { once: CancellationToken::new(), twice: CancellationToken::new() };
        let (once, twice) = (interrupt.once.clone(), interrupt.twice.clone());
        tokio::spawn(async move {
            pressed().await;
            once.cancel();
            pressed().await;
            twice.cancel();
        });
        interrupt
    }

    /// Cancelled at the first.
    #[must_use]
    pub fn once(&self) -> &CancellationToken {
        &self.once
    }

    /// Cancelled at the second.
    #[must_use]
    pub fn twice(&self) -> &CancellationToken {
        &self.twice
    }
}

#[cfg(unix)]
async fn pressed() {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler the signal ends the process by itself, which is the next best thing.
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn pressed() {
    let _ = tokio::signal::ctrl_c().await;
}
